/** Models in words: how much one thinks. */
import type { Effort } from '../../protocol/states.ts';
import { english, type Translate } from './template.ts';

export const EFFORT_WORDS: Record<Effort, string> = {
  none: 'none',
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'extra high',
};

export function effortWords(effort: Effort, t: Translate = english): string {
  return t(EFFORT_WORDS[effort], {});
}

/** `gpt-5.5, effort high` */
export function modelWords(
  { model, effort }: { model: string; effort?: Effort | undefined },
  t = english,
): string {
  return effort === undefined
    ? model
    : t('{model}, effort {effort}', { model, effort: effortWords(effort, t) });
}
