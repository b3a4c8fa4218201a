/** Short ways to a policy and its rules, for the tests of this folder. */
import assert from 'node:assert/strict';
import { AccessPolicy } from '../../../../protocol/egress.ts';
import {
  compileRules,
  type OwnerRules,
  parseAuthority,
  type Rules,
  type Target,
} from '../../../../server/egress/policy/index.ts';

export const NO_OWNER: OwnerRules = { allowPrivate: [], intercept: 'whenNeeded' };

export function rulesOf(policy: Partial<AccessPolicy>, owner: Partial<OwnerRules> = {}): Rules {
  const compiled = compileRules(AccessPolicy.parse({ access: 'on', ...policy }), { ...NO_OWNER, ...owner });
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.errors));
  return compiled.rules;
}

/** `https://host:443` in short: `host` or `host:port`, as a CONNECT would name it. */
export function target(text: string, scheme: Target['scheme'] = 'https'): Target {
  const parsed = parseAuthority(text, 'host');
  assert.ok(parsed.ok, `${text} is no authority`);
  return { scheme, ...parsed.value, port: parsed.value.port ?? (scheme === 'https' ? 443 : 80) };
}

export function outcome(verdict: { verdict: 'allow' } | { verdict: 'deny'; reason: string }): string {
  return verdict.verdict === 'allow' ? 'allow' : verdict.reason;
}
