import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { answerAtOnce, backend, client, finished, taskRequest } from '../gateway/harness.ts';

const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;
const SUMMARY = { bytes: 3, sha256: 'x', files: 1, added: 1, removed: 0, binaries: 0 };
const RESULT = { resultSha: 'c'.repeat(40), patch: Buffer.from('abc'), summary: SUMMARY, files: [] };

/** Ends when it is told to, by the person or by the test. */
function held() {
  const contexts: TurnContext[] = [];
  const begun = Promise.withResolvers<TurnContext>();
  const go = Promise.withResolvers<void>();
  const runTurn = async (turn: TurnContext) => {
    contexts.push(turn);
    await turn.setState('running');
    begun.resolve(turn);
    await Promise.race([
      go.promise,
      new Promise((resolve) => turn.signal.addEventListener('abort', resolve)),
    ]);
    if (turn.signal.reason === 'superseded') return;
    await turn.setResult(1, RESULT);
    if (!turn.signal.aborted) await turn.finish({ answer: 'done', usage: NO_USAGE });
  };
  return { runTurn, contexts, begun: begun.promise, go: () => go.resolve() };
}

test('a worker has a task within milliseconds of its submission', async () => {
  const delays: number[] = [];
  let submitted = 0;
  const running = await backend({
    runTurn: async (turn) => {
      delays.push(performance.now() - submitted);
      await answerAtOnce(turn);
    },
  });
  const one = await client(running.url);
  for (let round = 0; round < 15; round++) {
    submitted = performance.now();
    const { task } = await one.call('task.create', taskRequest());
    await one.call('task.subscribe', { taskId: task.id, after: 0 });
    await one.event((event) => event.taskId === task.id && finished(event));
  }
  await running.close();
  const median = delays.sort((a, b) => a - b)[7] ?? Infinity;
  // The budget is 20 ms on a quiet machine; polling would be seconds.
  assert.ok(median < 1_000, `${median} ms`);
});

test('cancelling a running turn reaches it, and what it delivers is kept', async () => {
  const work = held();
  const running = await backend({ runTurn: work.runTurn });
  const one = await client(running.url);
  const { task } = await one.call('task.create', taskRequest());
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  const turn = await work.begun;
  await one.call('task.cancel', { taskId: task.id });
  const end = await one.event(finished);
  assert.equal(turn.signal.reason, 'cancelled');
  assert.equal(end.params.state, 'cancelled');
  const view = (await one.call('task.get', { taskId: task.id })).task;
  assert.equal(view.state, 'cancelled');
  assert.deepEqual(view.turnList[0]?.attempts[0]?.patch, SUMMARY);
  assert.equal(
    (await one.call('task.cancel', { taskId: task.id })).task.state,
    'cancelled',
    'again: no harm',
  );
  await running.close();
});

test('a queued turn is cancelled at once and never runs', async () => {
  const work = held();
  const running = await backend({ runTurn: work.runTurn, limits: { parallelTurns: 1 } });
  const one = await client(running.url);
  const first = (await one.call('task.create', taskRequest())).task;
  await work.begun;
  const second = (await one.call('task.create', taskRequest())).task;
  assert.equal((await one.call('task.cancel', { taskId: second.id })).task.state, 'cancelled');
  const third = (await one.call('task.create', taskRequest())).task;
  await one.call('task.subscribe', { taskId: third.id, after: 0 });
  work.go();
  await one.event((event) => event.taskId === third.id && finished(event));
  assert.deepEqual(
    work.contexts.map((turn) => turn.task.id),
    [first.id, third.id],
  );
  await running.close();
});

test('a failed turn can be retried; a completed one is followed up from its result', async () => {
  let fail = true;
  const seen: unknown[] = [];
  const running = await backend({
    runTurn: async (turn) => {
      seen.push([turn.turn, turn.generation, turn.prompt, await turn.newestResult(1)]);
      if (fail) throw new CodexError('modelUnauthorized');
      await turn.phase('patch', () =>
        turn.setResult(1, { ...RESULT, resultSha: String(turn.turn).repeat(40) }),
      );
      await turn.finish({ answer: `answer ${turn.turn}`, usage: NO_USAGE });
    },
  });
  const one = await client(running.url);
  const request = taskRequest();
  const { id } = (await one.call('task.create', request)).task;
  await one.call('task.subscribe', { taskId: id, after: 0 });
  const failure = await one.event(finished);
  assert.equal((failure.params.error as { action: string }).action, 'setApiKey');
  fail = false;
  await one.call('task.retry', { taskId: id });
  await one.event((event) => finished(event) && event.seq > failure.seq);
  assert.equal((await one.call('task.get', { taskId: id })).task.review, 'open');

  const followUp = { requestId: 'follow-up-1', taskId: id, prompt: 'And now this' };
  assert.equal((await one.call('turn.create', followUp)).turn, 2);
  await one.event((event) => finished(event) && event.turn === 2);
  assert.equal((await one.call('turn.create', followUp)).turn, 2, 'the same request is the same turn');
  await assert.rejects(one.call('task.retry', { taskId: id }), withCode('conflict'));
  assert.deepEqual(seen, [
    [1, 1, request.prompt, null],
    [1, 2, request.prompt, null],
    [2, 1, 'And now this', '1'.repeat(40)],
  ]);
  const { turnList } = (await one.call('task.get', { taskId: id })).task;
  assert.deepEqual(
    turnList.map((turn) => [turn.state, turn.answer, turn.phases.map((phase) => phase.outcome)]),
    [
      ['completed', 'answer 1', ['ok']],
      ['completed', 'answer 2', ['ok']],
    ],
  );
  const headers = { authorization: `Bearer ${running.token}` };
  const patch = (query: string) =>
    fetch(`${running.url}/api/v1/tasks/${id}/turns/2/attempts/1/patch${query}`, { headers }).then((r) =>
      r.text(),
    );
  assert.equal(await patch(''), 'abc');
  assert.equal(await patch('?from=1'), `${'1'.repeat(40)}..${'2'.repeat(40)}`);
  await running.close();
});

test('a follow-up has to wait for the turn that runs', async () => {
  const work = held();
  const running = await backend({ runTurn: work.runTurn });
  const one = await client(running.url);
  const { id } = (await one.call('task.create', taskRequest())).task;
  await work.begun;
  const followUp = { requestId: 'follow-up-2', taskId: id, prompt: 'More' };
  await assert.rejects(one.call('turn.create', followUp), withCode('conflict'));
  work.go();
  await running.close();
});

test('the turn of a task that is deleted stops, and can write nothing more', async () => {
  const work = held();
  const running = await backend({ runTurn: work.runTurn });
  const one = await client(running.url);
  const { id } = (await one.call('task.create', taskRequest())).task;
  const turn = await work.begun;
  await one.call('task.delete', { taskId: id });
  assert.equal(turn.signal.reason, 'superseded');
  await assert.rejects(
    turn.emit({ code: 'warning', params: { code: 'x', params: {} } }),
    withCode('generationSuperseded'),
  );
  await assert.rejects(turn.history(1).append([{ late: true }]), withCode('generationSuperseded'));
  await running.close();
});

test('a turn that its runner leaves open or breaks ends as failed, told without detail', async () => {
  const ends = [async () => {}, () => Promise.reject(new Error('secret path /home/x'))];
  const running = await backend({ runTurn: () => (ends.shift() ?? (async () => {}))() });
  const one = await client(running.url);
  for (let round = 0; round < 2; round++) {
    const { id } = (await one.call('task.create', taskRequest())).task;
    await one.call('task.subscribe', { taskId: id, after: 0 });
    const end = await one.event((event) => event.taskId === id && finished(event));
    assert.deepEqual(end.params.error, { code: 'internal', retryable: true, params: {} });
  }
  await running.close();
});

test('what one owner writes is stored in the order it was asked for', async () => {
  const running = await backend({
    runTurn: async (turn) => {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          turn.emit({ code: 'output', params: { itemId: 'i', offset: index, text: `${index}` } }),
        ),
      );
      await answerAtOnce(turn);
    },
  });
  const one = await client(running.url);
  const { id } = (await one.call('task.create', taskRequest())).task;
  await one.call('task.subscribe', { taskId: id, after: 0 });
  await one.event(finished);
  const texts = one.events.filter((event) => event.code === 'output').map((event) => event.params.text);
  assert.deepEqual(
    texts,
    Array.from({ length: 50 }, (_, index) => `${index}`),
  );
  await running.close();
});

test('a subscriber whose socket is slow misses nothing', async () => {
  const EVENTS = 3_000;
  const running = await backend({
    runTurn: async (turn) => {
      for (let sent = 0; sent < EVENTS; sent += 100) {
        await turn.emit(
          ...Array.from({ length: 100 }, (_, index) => ({
            code: 'output' as const,
            params: { itemId: 'i', offset: sent + index, text: 'x'.repeat(2_000) },
          })),
        );
      }
      await answerAtOnce(turn);
    },
  });
  const slow = await client(running.url);
  const quick = await client(running.url);
  const { id } = (await quick.call('task.create', taskRequest())).task;
  await slow.call('task.subscribe', { taskId: id, after: 0 });
  await quick.call('task.subscribe', { taskId: id, after: 0 });
  slow.ws.pause();
  await quick.event(finished);
  slow.ws.resume();
  const last = await slow.event(finished);
  assert.deepEqual(
    slow.events.map((event) => event.seq),
    Array.from({ length: last.seq }, (_, index) => index + 1),
  );
  assert.ok(last.seq > EVENTS);
  await running.close();
});
