import assert from 'node:assert/strict';
import test from 'node:test';
import { denialWords, ruleProblemWords } from '../../../../client/words/egress.ts';
import { DenyReason, RuleProblem } from '../../../../protocol/egress.ts';
import { checkTarget, denialResponse } from '../../../../server/egress/policy/index.ts';
import { rulesOf, target } from './support.ts';

test('every reason is told in a sentence with a status, and names who refused', () => {
  for (const reason of DenyReason.options) {
    const { status, headers, body } = denialResponse({ verdict: 'deny', reason, params: {} });
    const told = JSON.parse(body) as Record<string, string>;
    assert.ok(status >= 400 && status < 600, reason);
    assert.equal(headers['x-proxy-error'], reason);
    assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
    assert.equal(told.error, 'egress_denied');
    assert.equal(told.reason, reason);
    assert.match(told.message ?? '', /^[“A-Z{].*\.$/, reason);
    assert.doesNotMatch(`${told.message} ${told.howToAllow ?? ''}`, /[{}!]|undefined/, reason);
  }
});

test('a refused name comes with the entry that would allow it', () => {
  const asked = target('files.example.com:8443');
  const verdict = checkTarget(rulesOf({}), asked);
  assert.ok(verdict.verdict === 'deny');
  const told = JSON.parse(denialResponse(verdict, asked).body) as Record<string, string>;
  assert.equal(told.host, 'files.example.com');
  assert.match(told.message ?? '', /Port 8443 of files\.example\.com/);
  assert.match(told.howToAllow ?? '', /Add “files\.example\.com:8443” to the allowed domains/);
});

test('what was asked for cannot add lines or headers to the answer', () => {
  const { headers, body } = denialResponse({
    verdict: 'deny',
    reason: 'serverNameMismatch',
    params: { host: 'example.com', asked: 'a"\r\nX-Evil: 1' },
  });
  assert.equal(body.indexOf('\n'), body.length - 1);
  assert.equal(typeof JSON.parse(body), 'object');
  assert.doesNotMatch(Object.values(headers).join(), /[\r\n]/);
});

test('clients have the same sentences, through their translation', () => {
  for (const reason of DenyReason.options) assert.match(denialWords(reason, {}).text, /^[“A-Z].*\.$/, reason);
  assert.equal(
    denialWords('notAllowed', { host: 'a.example' }).allow,
    'Add “a.example” to the allowed domains in the environment’s internet access.',
  );
  for (const problem of RuleProblem.options)
    assert.match(
      ruleProblemWords(problem, 'x', (text) => text),
      /\.$/,
      problem,
    );
  assert.match(ruleProblemWords('publicSuffix', '*.com'), /^“\*\.com” is a public suffix/);
});
