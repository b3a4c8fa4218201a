/** What a decision has to say to a person. Pure: `t` translates. */
import { applyReasonWords, type Translate } from '../../client/words/index.ts';
import type { Refusal } from './file-review.ts';

export function refusalLines(refused: readonly Refusal[], t: Translate): string[] {
  return [...new Set(refused.map(({ path, reason }) => `${path.path}: ${applyReasonWords(reason, t)}`))];
}

export function refusedSentence(refused: readonly Refusal[], done: number, t: Translate): string {
  const [first = ''] = refusalLines(refused, t);
  const count = refused.length;
  const left =
    count === 1
      ? t('1 change was left as it is.', {})
      : t('{count} changes were left as they are.', { count });
  const rest = done === 0 ? '' : done === 1 ? t('1 was done.', {}) : t('{count} were done.', { count: done });
  return [left, first, rest].filter(Boolean).join(' ');
}
