/** The words for what an agent does and reports beside its commands. */
import type { CheckRun } from '../../protocol/report.ts';
import { english, type Translate } from './template.ts';
import { bytesWords, durationWords } from './units.ts';

export const CHECK_WORDS: Record<CheckRun['outcome'], string> = {
  passed: 'passed',
  failed: 'failed',
  notRun: 'not run',
};

/** Of a finding, by its number. */
export const PRIORITY_WORDS: readonly string[] = [
  'P0: stop everything for it',
  'P1: fix it next',
  'P2: fix it in time',
  'P3: nice to have',
];

/** By the limit that comes near. What is not named here is said with its name. */
export const NEAR_WORDS: Record<string, string> = {
  turnTokens: 'The turn has used {used} of its {value} tokens; at the limit it ends with what is there.',
  turnCommands: 'The turn has run {used} of its {value} commands; at the limit it ends with what is there.',
  turnTimeoutMs:
    'The turn has run for {usedTime} of its {valueTime}; at the limit it ends with what is there.',
  turnModelRequests:
    'The turn has made {used} of its {value} model requests; at the limit it ends with what is there.',
  turnCostUsd: 'The turn has cost {used} of its {value} dollars; at the limit it ends with what is there.',
};

export function limitNearWords(
  { limit, used, value }: { limit: string; used: number; value: number },
  t: Translate = english,
): string {
  const template = Object.hasOwn(NEAR_WORDS, limit)
    ? (NEAR_WORDS[limit] ?? '')
    : 'The limit “{limit}” is near: {used} of {value}.';
  const isSize = limit.endsWith('Bytes');
  return t(template, {
    limit,
    used: isSize ? bytesWords(used) : grouped(used),
    value: isSize ? bytesWords(value) : grouped(value),
    usedTime: durationWords(used),
    valueTime: durationWords(value),
  });
}

/** What was done when the model's window was nearly full. */
export function compactionWords(
  { before, after, running }: { before: number; after: number | undefined; running: boolean },
  t: Translate = english,
): string {
  if (running) return t('The model’s window is nearly full; the conversation is summarised …', {});
  if (after === undefined) {
    return t(
      'The model’s window was nearly full and the summary failed; the oldest items of the conversation were left out.',
      {},
    );
  }
  return t('The conversation was summarised for the model: {before} tokens became {after}.', {
    before: grouped(before),
    after: grouped(after),
  });
}

/** `1 234 567` with thin spaces, as no language reads it wrongly. */
function grouped(count: number): string {
  return String(Math.round(count * 100) / 100).replace(/\B(?=(\d{3})+(?!\d)(?!.*\.))/g, '\u202f');
}
