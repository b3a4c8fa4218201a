import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeTitle, titleIn } from '../../../server/agent/title.ts';
import { createModelClient } from '../../../server/model/client.ts';
import { startScriptedModel } from '../../../server/model/scripted/server.ts';

const SAID: [said: string, title: string | null][] = [
  ['Fix the sum of negative numbers', 'Fix the sum of negative numbers'],
  ['  Fix the sum.\n', 'Fix the sum'],
  ['“Fix the sum”', 'Fix the sum'],
  ['"Fix the sum."', 'Fix the sum'],
  ['Die Summe „richtig“ rechnen', null],
  ['修复负数求和', '修复负数求和'],
  ['Wait for it...', 'Wait for it...'],
  ['😀'.repeat(60), '😀'.repeat(60)],
  ['', null],
  [' \n ', null],
  ['""', null],
  ['Fix the sum\nand the product', null],
  ['Fix\u2028the sum', null],
  ['x'.repeat(61), null],
  ['Fix \u001b[31mthe sum', null],
  ['Fix \u202emus eht', null],
  ['Fix \ud800', null],
  ['# Fix the sum', null],
  ['**Fix the sum**', null],
  ['{"title": "Fix the sum"}', null],
  ['```', null],
];
for (const [said, title] of SAID) {
  test(`${JSON.stringify(said.slice(0, 70))} makes ${title === null ? 'no title' : 'a title'}`, () => {
    assert.equal(titleIn(said), title);
  });
}

async function ask(script: object, prompt = 'Fix the sum, please', signal = new AbortController().signal) {
  const server = await startScriptedModel({ script: JSON.stringify({ ...script, turns: [{ steps: [{ say: 'x' }] }] }) }); // prettier-ignore
  try {
    const model = createModelClient(
      { name: 'scripted', apiKey: 'key', baseUrl: server.url },
      { sleep: async () => {} },
    );
    const made = await makeTitle({ model, prompt, cacheKey: 'task-1', signal });
    return { ...made, server };
  } finally {
    await server.close();
  }
}

test('the request is small: low effort, no tools, the beginning of the prompt, a key of its own', async () => {
  const { title, usage, server } = await ask({ title: { say: 'Fix the sum' } }, `${'x'.repeat(9_000)}\0`);
  assert.equal(title, 'Fix the sum');
  assert.equal(usage.requests, 1);
  assert.equal(server.requests.length, 0, 'it is none of the conversation’s');
  const body = server.titles[0]?.body as Record<string, unknown>;
  assert.equal(body['prompt_cache_key'], 'task-1-title');
  assert.deepEqual(body['tools'], []);
  assert.ok(JSON.stringify(body['input']).length < 5_000);
});

test('a model that says nothing, or fails, gives no title', async () => {
  assert.equal((await ask({})).title, null);
  await assert.rejects(ask({ title: { say: 'x', fault: { kind: 'status', status: 401 } } }));
});

test('who gives up does not wait for the answer', async () => {
  const stop = new AbortController();
  const asked = ask({ title: { say: 'x', fault: { kind: 'hang', times: 9 } } }, 'Fix it', stop.signal);
  stop.abort();
  await assert.rejects(asked);
});
