/** What a policy allows, and why something was refused, in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { denialWords, policyWords, reasonWords, REASON_WORDS } from '../../../client/words/index.ts';
import { DEFAULT_AGENT_ACCESS, DenyReason, type AccessPolicy } from '../../../protocol/egress.ts';

const words = (more: Partial<AccessPolicy>) =>
  policyWords({ ...DEFAULT_AGENT_ACCESS, access: 'on', ...more });

test('a policy says what can be reached', () => {
  assert.equal(policyWords(DEFAULT_AGENT_ACCESS), 'Nothing on the internet can be reached.');
  assert.equal(words({}), 'No domain is listed, so nothing on the internet can be reached.');
  assert.equal(words({ allow: ['a.example', 'b.example'] }), 'Only a.example, b.example can be reached.');
  assert.match(words({ preset: 'common' }), /^The common dependencies can be reached: /);
  assert.equal(
    words({ preset: 'common', allow: ['a.example'] }),
    'The common dependencies can be reached, and a.example.',
  );
  assert.equal(
    words({ preset: 'all', deny: ['bad.example'], methods: 'read' }),
    'Everything on the internet can be reached. Denied: bad.example. Only GET, HEAD and OPTIONS requests pass.',
  );
});

test('a long list of domains is cut with its count', () => {
  const allow = Array.from({ length: 40 }, (_, at) => `d${at}.example`);
  assert.equal(
    words({ allow }),
    'Only d0.example, d1.example, d2.example, d3.example, d4.example and 35 more can be reached.',
  );
});

test('every reason has a few words, and one of a newer backend is named as it came', () => {
  assert.deepEqual(Object.keys(REASON_WORDS).sort(), [...DenyReason.options].sort());
  assert.equal(reasonWords('notAllowed'), 'not in the allowed domains');
  assert.equal(reasonWords('toString'), 'toString');
  assert.equal(denialWords('newReason', {}).text, 'Refused: newReason');
  assert.equal(denialWords('toString', {}).text, 'Refused: toString');
});
