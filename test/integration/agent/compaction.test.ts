/** A window that is nearly full: a summary takes the place of what came before, and the turn goes on. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { ResponseItem } from '../../../server/model/model.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

/** Prints about 5,000 tokens. */
const LOUD = 'seq 1 3500';
const script = (handOver: string, rest: string) => `turns:
  - when: {prompt: 'about to be replaced'}
    steps: [${handOver}]
  - when: {prompt: 'was replaced by a summary'}
    steps: [{run: echo after}, {say: 'Went on: {{output}}'}]
  - when: {prompt: 'oldest steps of this conversation were left out'}
    steps: [{run: echo never}, {say: 'Went on without them.'}]
  - when: {prompt: '^and again'}
    steps: [{say: 'Second turn.'}]
  - steps:
${`      - run: ${LOUD}\n`.repeat(8)}${rest}`;

const WINDOW = 30_000;

async function play(handOver: string, rest = '      - say: It all fitted.\n'): Promise<Stage> {
  return (on = await stage(script(handOver, rest), { files: { 'AGENTS.md': 'Be brief.' } }));
}

const inputOf = (played: Stage, at: number): ResponseItem[] =>
  (played.server.requests.at(at)?.body as { input: ResponseItem[] }).input;
const compactions = (played: Stage) =>
  played.of('item.completed').flatMap(({ item }) => (item.type === 'compaction' ? [item] : []));

test('the summary follows the instructions and the person’s words, and the turn ends as it would', async () => {
  const played = await play(`{say: 'Seven rows were printed; print after, then stop.'}`);
  const outcome = await played.run({ model: { ...played.model, windowTokens: WINDOW } });
  assert.equal(outcome.answer, 'Went on: after');
  const [told, ...more] = compactions(played);
  assert.deepEqual(more, []);
  assert.ok(told && told.tokensBefore >= WINDOW * 0.9 && told.tokensBefore < WINDOW * 1.2);
  assert.ok(told.tokensAfter !== undefined && told.tokensAfter < 1_000);
  const texts = inputOf(played, -1).flatMap((item) =>
    'role' in item && item.role === 'user' ? [String((item as { content: unknown }).content)] : [],
  );
  assert.equal(texts.length, 3);
  assert.match(texts[0] ?? '', /Be brief\./);
  assert.equal(texts[1], 'do it');
  assert.match(texts[2] ?? '', /replaced by a summary[\s\S]*Seven rows were printed/);
  // Only the one that was meant: the beginning of all later requests stays the same.
  assert.equal(played.server.problems.length, 1);
  // The question itself is no part of the history, and nothing of it was lost there.
  assert.equal(JSON.stringify(played.history.items).includes('about to be replaced'), false);
  assert.ok(played.history.items.filter((item) => item.type === 'function_call').length >= 6);

  const again = await played.run({
    turn: 2,
    prompt: 'and again',
    model: { ...played.model, windowTokens: WINDOW },
  });
  assert.equal(again.answer, 'Second turn.');
  assert.equal(compactions(played).length, 1);
  assert.ok(JSON.stringify(inputOf(played, -1)).includes('Seven rows were printed'));
});

for (const [name, handOver] of [
  ['is refused', `{fault: {kind: status, status: 400, times: 9}}`],
  ['is empty', `{think: hm}`],
  ['is a command', `{run: echo no}`],
] as const) {
  test(`a summary that ${name} never ends the turn: the oldest steps are left out instead`, async () => {
    const played = await play(handOver);
    const outcome = await played.run({ model: { ...played.model, windowTokens: WINDOW } });
    assert.equal(outcome.answer, 'Went on without them.');
    const told = compactions(played);
    assert.ok(told.length >= 1);
    assert.ok(told.every((item) => item.tokensAfter === undefined));
    assert.equal(
      played.sandbox.started.some((spec) => spec.argv.join(' ').includes('echo no')),
      false,
    );
    const kept = inputOf(played, -1);
    assert.match(JSON.stringify(kept), /oldest steps of this conversation were left out/);
    const calls = kept.filter((item) => item.type === 'function_call').length;
    assert.equal(calls, kept.filter((item) => item.type === 'function_call_output').length);
  });
}

test('a window that nobody knew: the server’s refusal is enough, and the turn goes on', async () => {
  const played = await play(
    `{say: 'Eight rows were printed.'}`,
    `      - {say: never, fault: {kind: status, status: 400, code: context_length_exceeded, times: 1}}\n`,
  );
  const outcome = await played.run();
  assert.equal(outcome.answer, 'Went on: after');
  assert.equal(compactions(played).length, 1);
});

test('a crash after the summary goes on from it', async () => {
  const played = await play(`{say: 'Seven rows were printed; print after, then stop.'}`);
  let crashed = false;
  played.history.onAppend = (items) => {
    const last = played.history.items.at(-1) as { type?: string } | undefined;
    if (!crashed && last?.type === 'codexCompaction' && items.length > 0) {
      crashed = true;
      throw new Error('crash');
    }
  };
  const model = { ...played.model, windowTokens: WINDOW };
  await assert.rejects(played.run({ model }), /crash/);
  const outcome = await played.run({ model });
  assert.equal(outcome.answer, 'Went on: after');
  assert.equal(compactions(played).length, 1);
});
