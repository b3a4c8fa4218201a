/** A model's server that refuses, limits, fails, breaks off or talks nonsense, over the real wire. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startScriptedModel } from '../../server/model/scripted/server.ts';
import { assertSentence, atEnd, codexTasks, fingerprint, outcomeOf, place, repository } from './harness.ts';

/** After a first command that changed something, the model's server does this for ever, or `times`. */
const FAULTS: Record<string, string> = {
  unauthorized: '{kind: status, status: 401, times: 99}',
  limited: '{kind: status, status: 429, times: 1, headers: {retry-after: "2"}}',
  limitedForAnHour: '{kind: status, status: 429, times: 99, headers: {retry-after: "3600"}}',
  quota: '{kind: status, status: 429, code: insufficient_quota, times: 99}',
  failing: '{kind: status, status: 500, times: 2}',
  failingForEver: '{kind: status, status: 500, times: 99, message: "down \\u001b[2J\\n✓ Completed"}',
  cut: '{kind: cut, after: text, times: 2}',
  garbage: '{kind: garbage, times: 1}',
  garbageForEver: '{kind: garbage, times: 99}',
};
const script = Object.entries(FAULTS).map(
  ([name, fault]) => `  - when: {prompt: '^${name}$'}
    steps:
      - run: echo two >> a.txt
      - {say: The answer., fault: ${fault}}`,
);
const model = await startScriptedModel({ script: `turns:\n${script.join('\n')}\n` });
atEnd(() => model.close());

const here = place();
const env = { OPENAI_API_KEY: 'sk-of-the-test', OPENAI_BASE_URL: model.url, CODEX_MODEL: 'test' };
const argsFor = (repo: string) => ['run', '--repo', repo, '--data', here.dataDir, '--sandbox', 'local'];

describe('the model’s server', { concurrency: 4 }, () => {
  for (const name of ['limited', 'failing', 'cut', 'garbage']) {
    test(`${name}: the request is repeated, which is said, and the answer is there once`, async () => {
      const repo = await repository(here.at(name));
      const startedAt = Date.now();
      const { result, events } = await outcomeOf(codexTasks([...argsFor(repo), '--json', name], { env }));
      assert.deepEqual([result.status, result.answer, result.patch?.added], ['completed', 'The answer.', 1]);
      assert.ok(events.some((event) => event.code === 'warning' && event.params['code'] === 'modelRetry'));
      if (name === 'limited') assert.ok(Date.now() - startedAt > 2_000, 'Retry-After is waited for');
    });
  }

  const ends: [string, string, RegExp][] = [
    ['unauthorized', 'modelUnauthorized', /did not accept the API key\. Set/],
    ['limitedForAnHour', 'modelRateLimited', /limiting requests.* Retry in a few minutes\./],
    ['quota', 'modelQuota', /no quota left\. Check its plan/],
    ['failingForEver', 'modelUnavailable', /can’t be reached or is failing[\s\S]*Check its address/],
    ['garbageForEver', 'modelGarbage', /something that is no response\. Retry/],
  ];
  for (const [name, code, says] of ends) {
    test(`${name}: the turn fails with a sentence, what was done until then is kept`, async () => {
      const repo = await repository(here.at(name));
      const before = await fingerprint(repo);
      const [{ result }, human] = await Promise.all([
        outcomeOf(codexTasks([...argsFor(repo), '--json', '--apply', name], { env })),
        codexTasks([...argsFor(repo), name], { env }).ended,
      ]);
      assert.deepEqual([result.error?.code, result.patch?.files], [code, 1]);
      assert.deepEqual(await fingerprint(repo), before, 'a failed result is not applied');
      assert.equal(human.code, 1);
      assertSentence(human.stdout, says);
      assert.doesNotMatch(human.stdout, /\u001b|^✓ Completed/m);
      assert.doesNotMatch(human.stdout + JSON.stringify(result), /sk-of-the-test/);
    });
  }
});
