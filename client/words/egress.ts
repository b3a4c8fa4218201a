/** Internet access in words: what a policy allows, why something was refused, what is wrong with an entry. */
import { DENIALS, RULE_PROBLEMS } from '../../protocol/denials.ts';
import type { AccessLevel, AccessPolicy, DenyReason, RuleProblem } from '../../protocol/egress.ts';
import type { EgressEntry } from '../../protocol/environment.ts';
import { english, fill, type Params, type Translate } from './template.ts';

export const ACCESS_WORDS: Record<AccessLevel, string> = {
  off: 'Internet access: off',
  limited: 'Internet access: limited',
  on: 'Internet access: on',
};

export function accessWords(level: AccessLevel, t: Translate = english): string {
  return t(ACCESS_WORDS[level], {});
}

/** As short as a chip is. */
export const LEVEL_WORDS: Record<AccessLevel, string> = {
  off: 'No internet',
  limited: 'Limited internet',
  on: 'Internet',
};

export function levelWords(level: AccessLevel, t: Translate = english): string {
  return t(LEVEL_WORDS[level], {});
}

/** Of a long list of domains, as many as a tooltip holds. */
const DOMAINS_NAMED = 5;

/** What can be reached, in one to three sentences. */
export function policyWords(policy: AccessPolicy, t: Translate = english): string {
  if (policy.access === 'off') return t('Nothing on the internet can be reached.', {});
  const sentences = [reachWords(policy, t)];
  if (policy.deny.length > 0) sentences.push(t('Denied: {domains}.', { domains: listed(policy.deny, t) }));
  if (policy.methods === 'read') sentences.push(t('Only GET, HEAD and OPTIONS requests pass.', {}));
  return sentences.join(' ');
}

function reachWords({ preset, allow }: AccessPolicy, t: Translate): string {
  const domains = listed(allow, t);
  switch (preset) {
    case 'all':
      return t('Everything on the internet can be reached.', {});
    case 'common':
      return allow.length === 0
        ? t('The common dependencies can be reached: package registries, source hosts and the like.', {})
        : t('The common dependencies can be reached, and {domains}.', { domains });
    case 'none':
      return allow.length === 0
        ? t('No domain is listed, so nothing on the internet can be reached.', {})
        : t('Only {domains} can be reached.', { domains });
  }
}

function listed(domains: readonly string[], t: Translate): string {
  const named = domains.slice(0, DOMAINS_NAMED).join(', ');
  const count = domains.length - DOMAINS_NAMED;
  return count > 0 ? t('{named} and {count} more', { named, count }) : named;
}

/** `allow` is missing where nothing may allow it. */
export interface DenialText {
  text: string;
  allow?: string;
}

/** A reason that this version does not know is named as it came. */
export function denialWords(reason: string, params: Params, t: Translate = english): DenialText {
  if (!Object.hasOwn(DENIALS, reason)) return { text: fill(['Refused: {reason}'], { reason }, t) };
  const { text, allow } = DENIALS[reason as DenyReason];
  return { text: fill(text, params, t), ...(allow ? { allow: fill(allow, params, t) } : {}) };
}

/** As few words as a cell of a table has room for. */
export const REASON_WORDS: Record<DenyReason, string> = {
  accessOff: 'internet access is off',
  badAuthority: 'not a plain host name',
  badRequest: 'not a plain request',
  authorityMismatch: 'names another host than its connection',
  ipLiteral: 'an address instead of a name',
  localName: 'a name of a local network',
  port: 'this port is not open',
  deniedDomain: 'a denied domain',
  notAllowed: 'not in the allowed domains',
  nameNotFound: 'the name is not known',
  privateAddress: 'leads to a private address',
  metadataAddress: 'leads to a cloud’s credentials',
  ownAddress: 'leads to the backend’s own machine',
  notTls: 'not TLS',
  noServerName: 'TLS without a host name',
  serverNameMismatch: 'TLS for another host',
  encryptedServerName: 'TLS that hides its host',
  method: 'this method is not allowed',
  body: 'a body is not allowed',
  upgrade: 'another protocol is not allowed',
  policyChanged: 'no longer in the allowed domains',
  connectionLimit: 'too many connections',
  byteLimit: 'too many bytes',
};

export function reasonWords(reason: string, t: Translate = english): string {
  return Object.hasOwn(REASON_WORDS, reason) ? t(REASON_WORDS[reason as DenyReason], {}) : reason;
}

export const VERDICT_WORDS: Record<EgressEntry['verdict'], string> = {
  allowed: 'allowed',
  denied: 'refused',
  failed: 'failed',
};

export function isRuleProblem(text: string): text is RuleProblem {
  return Object.hasOwn(RULE_PROBLEMS, text);
}

export function ruleProblemWords(problem: RuleProblem, entry: string, t: Translate = english): string {
  return fill([RULE_PROBLEMS[problem]], { entry }, t);
}
