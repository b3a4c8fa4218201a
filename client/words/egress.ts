/** Internet access in words: why something was refused, how to allow it, what is wrong with an entry. */
import { DENIALS, RULE_PROBLEMS } from '../../protocol/denials.ts';
import type { AccessLevel, DenyReason, RuleProblem } from '../../protocol/egress.ts';
import { english, fill, type Params, type Translate } from './template.ts';

export const ACCESS_WORDS: Record<AccessLevel, string> = {
  off: 'Internet access: off',
  limited: 'Internet access: limited',
  on: 'Internet access: on',
};

export function accessWords(level: AccessLevel, t: Translate = english): string {
  return t(ACCESS_WORDS[level], {});
}

/** `allow` is missing where nothing may allow it. */
export interface DenialText {
  text: string;
  allow?: string;
}

export function denialWords(reason: DenyReason, params: Params, t: Translate = english): DenialText {
  const { text, allow } = DENIALS[reason];
  return { text: fill(text, params, t), ...(allow ? { allow: fill(allow, params, t) } : {}) };
}

export function ruleProblemWords(problem: RuleProblem, entry: string, t: Translate = english): string {
  return fill([RULE_PROBLEMS[problem]], { entry }, t);
}
