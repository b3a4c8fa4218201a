/** A setup that failed, in words: what happened where, and what a person can try. */
import type { WireError } from '../../protocol/errors.ts';
import { fill, type Translate } from './template.ts';

export const SCRIPT_WORDS: Record<string, string> = {
  setup: 'setup script',
  maintenance: 'maintenance script',
};

export const HINT_WORDS: Record<string, string> = {
  timeLimit: 'Raise its time limit in the environment, or find out what it waits for.',
  memory: 'It ran out of memory: raise the memory of the environment, or do less at once.',
  disk: 'The disk is full: raise the disk of the environment, or write less.',
  missingProgram: 'A program is missing in the image: install it in the script, or choose another image.',
  noAccess: 'It could not reach a server: look at the internet access of the setup, and at its log.',
  aptUpdate: 'Run “apt-get update” before “apt-get install”.',
  permission: 'It may not do that here: look at who owns the file, and at the image’s user.',
  look: 'Look at its last lines, or open a terminal in the sandbox.',
};

export const SETUP_FAILED_WORDS = [
  'The {script} did not end within {timeoutMs}. {advice}',
  'The {script} failed in line {line} (“{command}”) with exit code {exitCode}. {advice}',
  'The {script} failed with exit code {exitCode}. {advice}',
] as const;

/** Null when it says less than what the code alone says. */
export function setupFailedWords({ code, params }: WireError, t: Translate): string | null {
  const script = SCRIPT_WORDS[String(params['script'])];
  const advice = HINT_WORDS[String(params['hint'])];
  if (code !== 'setupFailed' || script === undefined || advice === undefined) return null;
  return fill(SETUP_FAILED_WORDS, { ...params, script: t(script, {}), advice: t(advice, {}) }, t);
}
