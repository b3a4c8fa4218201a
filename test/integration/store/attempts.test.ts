/** Several attempts as the heart keeps them, without a sandbox or a model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError, wireError } from '../../../protocol/errors.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { RunTurn, TurnContext } from '../../../server/tasks/turn-context.ts';
import { answerAtOnce, backend, client, finished, taskRequest } from '../gateway/harness.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;
const SUMMARY = { bytes: 3, sha256: 'x', files: 1, added: 1, removed: 0, binaries: 0 };
const RESULT = { resultSha: 'c'.repeat(40), patch: Buffer.from('abc'), summary: SUMMARY, files: [] };

test('a task with several attempts waits for room for all of them, and can be cancelled meanwhile', async () => {
  const go = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const ran: string[] = [];
  const runTurn: RunTurn = async (turn) => {
    ran.push(turn.prompt);
    begun.resolve();
    await go.promise;
    await answerAtOnce(turn);
  };
  const running = await backend({ runTurn, limits: { parallelTurns: 2 } });
  const one = await client(running.url);
  const create = async (prompt: string, attempts: number) =>
    (await one.call('task.create', taskRequest({ prompt, attempts }))).task.id;
  await create('small', 1);
  await begun.promise;
  const dropped = await create('dropped', 2);
  const large = await create('large', 4);
  const last = await create('last', 1);
  assert.equal((await one.call('task.cancel', { taskId: dropped })).task.state, 'cancelled');
  await one.call('task.subscribe', { taskId: large, after: 0 });
  await one.call('task.subscribe', { taskId: last, after: 0 });
  go.resolve();
  await one.event((event) => event.taskId === last && finished(event));
  assert.deepEqual(ran, ['small', 'large', 'last'], 'a large one has its turn, and none is overtaken');
  await running.close();
});

test('an attempt that its turn’s end leaves open ends with it, and so do its questions', async () => {
  const runTurn: RunTurn = async (turn) => {
    await turn.setState('running');
    await turn.startAttempt(1);
    await turn.startAttempt(2);
    await turn.setResult(1, RESULT);
    await turn.finishAttempt(1, { state: 'completed', answer: 'one', usage: NO_USAGE });
    const desk = turn.approvals(2);
    const asked = { approvalId: 'a', identity: 'i', command: 'x', cwd: '/', reason: 'always' } as const;
    void desk.ask(asked, AbortSignal.timeout(60_000)).catch(() => {});
    while (!(await desk.wasAsked('a'))) await new Promise((resolve) => setTimeout(resolve, 5));
    throw new CodexError('sandboxLost');
  };
  const running = await backend({ runTurn });
  const one = await client(running.url);
  const { task } = await one.call('task.create', taskRequest({ attempts: 2 }));
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.event(finished);
  const view = (await one.call('task.get', { taskId: task.id })).task;
  assert.equal(view.state, 'failed');
  assert.deepEqual(
    view.turnList[0]?.attempts.map(({ state, answer, error }) => [state, answer, error?.code]),
    [
      ['completed', 'one', undefined],
      ['failed', undefined, 'sandboxLost'],
    ],
  );
  assert.equal(view.chosenAttempt, 1, 'the only one that completed');
  assert.deepEqual(view.patch, SUMMARY);
  assert.deepEqual((await one.call('approval.list', { taskId: task.id })).approvals, []);
  await running.close();
});

test('a retry keeps the attempt that completed, with its result, and runs the others', async () => {
  const seen: [number, string[]][] = [];
  const go = Promise.withResolvers<void>();
  const runTurn: RunTurn = async (turn: TurnContext) => {
    const ended = await turn.endedAttempts();
    seen.push([turn.generation, [...ended].map(([attempt, end]) => `${attempt} ${end.state}`)]);
    if (turn.generation > 1) await go.promise;
    for (const attempt of turn.attempts.filter((one) => !ended.has(one))) {
      await turn.startAttempt(attempt);
      await turn.setResult(attempt, RESULT);
      await turn.finishAttempt(
        attempt,
        attempt === 2
          ? { state: 'completed', answer: 'two', usage: NO_USAGE }
          : { state: 'failed', error: wireError('sandboxLost') },
      );
    }
    throw new CodexError('sandboxLost');
  };
  const running = await backend({ runTurn });
  const one = await client(running.url);
  const { task } = await one.call('task.create', taskRequest({ attempts: 3 }));
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  const first = await one.event(finished);
  await one.call('attempt.choose', { taskId: task.id, attempt: 3 });
  const { task: again } = await one.call('task.retry', { taskId: task.id });
  assert.equal(again.chosenAttempt, undefined, 'all of them are open again');
  assert.equal(again.patch, undefined);
  await assert.rejects(one.call('attempt.choose', { taskId: task.id, attempt: 1 }), hasCode('conflict'));
  go.resolve();
  await one.event((event) => finished(event) && event.seq > first.seq);
  assert.deepEqual(seen, [
    [1, []],
    [2, ['2 completed']],
  ]);
  await running.close();
});
