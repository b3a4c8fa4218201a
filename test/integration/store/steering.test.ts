/** What a person says while a turn runs, over the wire and in the database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { backend, client, finished, taskRequest } from '../gateway/harness.ts';

const ending = (error: unknown) => error instanceof CodexError && error.code === 'turnEnding';

test('it is told at once, kept in order, said once however often it is sent, and refused once nobody hears it', async () => {
  const begun = Promise.withResolvers<TurnContext>();
  const go = Promise.withResolvers<void>();
  const running = await backend({
    runTurn: async (turn) => {
      await turn.setState('running');
      begun.resolve(turn);
      await go.promise;
      await turn.finish({ answer: 'done', usage: NO_USAGE });
    },
  });
  const one = await client(running.url);
  const { task } = await one.call('task.create', taskRequest());
  const taskId = task.id;
  await one.call('task.subscribe', { taskId, after: 0 });
  const turn = await begun.promise;
  const desk = turn.steering(1);
  assert.deepEqual(await desk.after(0), []);

  const first = { taskId, requestId: 'steer-000001', text: 'Use tabs.' };
  await one.call('turn.steer', first);
  await one.call('turn.steer', first);
  await one.call('turn.steer', { taskId, requestId: 'steer-000002', text: 'And say \0 why.' });
  const told = await one.event((event) => event.code === 'turn.steered' && event.params['id'] === 'said-1-2');
  assert.equal(told.params['text'], 'And say \ufffd why.');
  assert.deepEqual(await desk.after(0), [
    { id: 'said-1-1', position: 1, text: 'Use tabs.' },
    { id: 'said-1-2', position: 2, text: 'And say \ufffd why.' },
  ]);

  assert.equal((await desk.close(1)).length, 1, 'not closed: there is something that it has not taken');
  await one.call('turn.steer', { taskId, requestId: 'steer-000003', text: 'One more.' });
  assert.equal((await desk.close(3)).length, 0);
  const late = { taskId, requestId: 'steer-000004', text: 'Too late.' };
  await assert.rejects(one.call('turn.steer', late), ending);
  await one.call('turn.steer', first);
  go.resolve();
  await one.event(finished);
  await assert.rejects(one.call('turn.steer', late), ending);
  await assert.rejects(
    one.call('turn.steer', { taskId: 'nosuchtask', requestId: 'steer-000005', text: 'Hello?' }),
    (error: unknown) => error instanceof CodexError && error.code === 'notFound',
  );

  const seqs = one.events.filter((event) => event.taskId === taskId).map((event) => event.seq);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
  );
  await running.close();
});
