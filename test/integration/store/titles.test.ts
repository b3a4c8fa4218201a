/** A task's title: the prompt's first line until the model or a person finds a better one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireEvent } from '../../../protocol/events.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { backend, client, finished, taskRequest } from '../gateway/harness.ts';

type Make = (turn: TurnContext) => Promise<string | null>;

/** A backend whose turns name their task as told and end; `asked` counts how often a title was made. */
async function naming(make: Make) {
  let asked = 0;
  const running = await backend({
    runTurn: async (turn) => {
      await turn.setState('running');
      await turn.nameTask(async () => {
        asked++;
        return make(turn);
      });
      await turn.finish({ answer: 'done', usage: NO_USAGE });
    },
  });
  const one = await client(running.url);
  await one.call('task.list', { watch: true });
  const { task } = await one.call('task.create', taskRequest({ prompt: 'fix teh sum\nplease' }));
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  const title = async () => (await one.call('task.get', { taskId: task.id })).task.title;
  const renamed = () => one.events.filter(({ code }) => code === 'task.renamed').map(({ params }) => params);
  return { running, one, id: task.id, title, renamed, asked: () => asked };
}

test('the model’s title takes the place of the prompt’s first line, once', async () => {
  const on = await naming(async () => 'Fix the sum');
  await on.one.event(finished);
  assert.equal(await on.title(), 'Fix the sum');
  assert.deepEqual(on.renamed(), [{ title: 'Fix the sum', by: 'model' }]);
  const told = on.one.notified.flatMap(([name, params]) =>
    name === 'task.changed' ? [(params as { task: { title: string } }).task.title] : [],
  );
  assert.ok(told.includes('Fix the sum'), 'lists are told');
  await on.one.call('turn.create', { requestId: 'follow-up-1', taskId: on.id, prompt: 'And now this' });
  await on.one.event((event) => finished(event) && event.turn === 2);
  assert.equal(on.asked(), 1, 'a task that has a title is not named again');
  await on.running.close();
});

test('without a title from the model the prompt’s first line stays', async () => {
  const on = await naming(async () => null);
  await on.one.event(finished);
  assert.equal(await on.title(), 'fix teh sum');
  assert.deepEqual(on.renamed(), []);
  await on.running.close();
});

test('a person’s title is never replaced, and is told as theirs', async () => {
  let named = () => {};
  const byPerson = new Promise<void>((resolve) => (named = resolve));
  const on = await naming(async () => {
    await byPerson;
    return 'Fix the sum';
  });
  await on.one.call('task.rename', { taskId: on.id, title: 'Mine' });
  named();
  await on.one.event(finished);
  assert.equal(await on.title(), 'Mine');
  assert.deepEqual(on.renamed(), [{ title: 'Mine', by: 'person' }]);
  await on.running.close();
});

test('a title that comes after the turn’s end is dropped', async () => {
  let late: Promise<unknown> = Promise.resolve();
  const running = await backend({
    runTurn: async (turn) => {
      await turn.setState('running');
      let come = (_: string) => {};
      const title = new Promise<string>((resolve) => (come = resolve));
      late = turn.nameTask(() => title).catch((error: unknown) => error);
      await turn.finish({ answer: 'done', usage: NO_USAGE });
      come('Too late');
    },
  });
  const one = await client(running.url);
  const { task } = await one.call('task.create', taskRequest({ prompt: 'fix it' }));
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.event(finished);
  assert.ok((await late) instanceof Error);
  assert.equal((await one.call('task.get', { taskId: task.id })).task.title, 'fix it');
  const seqs = one.events.map((event: WireEvent) => event.seq);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
  );
  await running.close();
});

test('a report is kept with its turn, and told with its end', async () => {
  const report = {
    followUps: [{ title: 'More', prompt: 'Do more.' }],
    findings: [],
    checks: [{ command: 'npm test', outcome: 'passed' as const }],
  };
  const running = await backend({
    runTurn: async (turn) => {
      await turn.setState('running');
      await turn.finish({ answer: 'done', usage: NO_USAGE, report });
    },
  });
  const one = await client(running.url);
  const { task } = await one.call('task.create', taskRequest());
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  assert.deepEqual((await one.event(finished)).params['report'], report);
  const { turnList } = (await one.call('task.get', { taskId: task.id })).task;
  assert.deepEqual(turnList[0]?.report, report);
  await running.close();
});
