/** The page's names for fields: the same where one is edited and where one is spoken of. */
import type { Language } from '../../protocol/environment.ts';
import type { EnvironmentField } from '../../protocol/environment-edit.ts';
import { t } from '../words.ts';

export function fieldWords(field: EnvironmentField): string {
  switch (field) {
    case 'image':
      return t('Image');
    case 'versions':
      return t('Package versions');
    case 'variables':
      return t('Variables');
    case 'workdir':
      return t('Working folder');
    case 'setup':
      return t('Setup script');
    case 'maintenance':
      return t('Maintenance script');
    case 'commandTimeoutMs':
      return t('Time limit of a command');
    case 'setupTimeoutMs':
      return t('Time limit of the setup');
    case 'setupForAsk':
      return t('Setup for questions');
    case 'resources':
      return t('Resources');
    case 'cacheMs':
      return t('Cache time');
    case 'parkedMs':
      return t('Kept for follow-ups');
    case 'allowSecretsIn':
      return t('Files that may hold secrets');
    case 'approval':
      return t('Approval of commands');
    case 'model':
      return t('Model');
    case 'effort':
      return t('Effort');
  }
}

export const LANGUAGE_NAMES: Record<Language, string> = {
  python: 'Python',
  node: 'Node.js',
  rust: 'Rust',
  go: 'Go',
  swift: 'Swift',
  ruby: 'Ruby',
  php: 'PHP',
  java: 'Java',
};

/** How long ago, as roughly as a person would say it. */
export function ago(at: number, language: string): string {
  const seconds = (at - Date.now()) / 1000;
  const units = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ] as const;
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [unit, size] of units) {
    if (-seconds >= size) return format.format(Math.round(seconds / size), unit);
  }
  return t('just now');
}
