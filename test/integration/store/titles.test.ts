/** A task's title: the prompt's first line until the model or a person finds a better one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { WireEvent } from '../../../protocol/events.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { RunTurn, TurnContext } from '../../../server/tasks/turn-context.ts';
import { backend, client, finished, taskRequest, type TestClient } from '../gateway/harness.ts';

type Make = (turn: TurnContext) => Promise<string | null>;

let running: Awaited<ReturnType<typeof backend>>;
let one: TestClient;
/** What the next turn does, after it said that it runs. */
let work: RunTurn;

before(async () => {
  const runTurn: RunTurn = async (turn) => {
    await turn.setState('running');
    await work(turn);
  };
  running = await backend({ runTurn });
  one = await client(running.url);
  await one.call('task.list', { watch: true });
});
after(() => running.close());

async function newTask(prompt: string) {
  const { id } = (await one.call('task.create', taskRequest({ prompt }))).task;
  await one.call('task.subscribe', { taskId: id, after: 0 });
  const ofTask = (event: WireEvent) => event.taskId === id;
  return {
    id,
    ended: (turn = 1) => one.event((event) => ofTask(event) && finished(event) && event.turn === turn),
    title: async () => (await one.call('task.get', { taskId: id })).task.title,
    events: () => one.events.filter(ofTask),
    renamed: () =>
      one.events.flatMap((event) => (ofTask(event) && event.code === 'task.renamed' ? [event.params] : [])),
  };
}

/** A task whose turns name it as told and end; `asked` counts how often a title was made. */
async function naming(make: Make) {
  let asked = 0;
  work = async (turn) => {
    await turn.nameTask(async () => {
      asked++;
      return make(turn);
    });
    await turn.finish({ answer: 'done', usage: NO_USAGE });
  };
  return { ...(await newTask('fix teh sum\nplease')), asked: () => asked };
}

test('the model’s title takes the place of the prompt’s first line, once', async () => {
  const on = await naming(async () => 'Fix the sum');
  await on.ended();
  assert.equal(await on.title(), 'Fix the sum');
  assert.deepEqual(on.renamed(), [{ title: 'Fix the sum', by: 'model' }]);
  const told = one.notified.flatMap(([name, params]) =>
    name === 'task.changed' ? [(params as { task: { title: string } }).task.title] : [],
  );
  assert.ok(told.includes('Fix the sum'), 'lists are told');
  await one.call('turn.create', { requestId: 'follow-up-1', taskId: on.id, prompt: 'And now this' });
  await on.ended(2);
  assert.equal(on.asked(), 1, 'a task that has a title is not named again');
});

test('without a title from the model the prompt’s first line stays', async () => {
  const on = await naming(async () => null);
  await on.ended();
  assert.equal(await on.title(), 'fix teh sum');
  assert.deepEqual(on.renamed(), []);
});

test('a person’s title is never replaced, and is told as theirs', async () => {
  let named = () => {};
  const byPerson = new Promise<void>((resolve) => (named = resolve));
  const on = await naming(async () => {
    await byPerson;
    return 'Fix the sum';
  });
  await one.call('task.rename', { taskId: on.id, title: 'Mine' });
  named();
  await on.ended();
  assert.equal(await on.title(), 'Mine');
  assert.deepEqual(on.renamed(), [{ title: 'Mine', by: 'person' }]);
});

test('a title that comes after the turn’s end is dropped', async () => {
  let late: Promise<unknown> = Promise.resolve();
  work = async (turn) => {
    let come: (title: string) => void = () => {};
    const title = new Promise<string>((resolve) => (come = resolve));
    late = turn.nameTask(() => title).catch((error: unknown) => error);
    await turn.finish({ answer: 'done', usage: NO_USAGE });
    come('Too late');
  };
  const on = await newTask('fix it');
  await on.ended();
  assert.ok((await late) instanceof Error);
  assert.equal(await on.title(), 'fix it');
  const seqs = on.events().map((event) => event.seq);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
  );
});

test('a report is kept with its turn, and told with its end', async () => {
  const report = {
    followUps: [{ title: 'More', prompt: 'Do more.' }],
    findings: [],
    checks: [{ command: 'npm test', outcome: 'passed' as const }],
  };
  work = (turn) => turn.finish({ answer: 'done', usage: NO_USAGE, report });
  const on = await newTask('fix it');
  assert.deepEqual((await on.ended()).params['report'], report);
  const { turnList } = (await one.call('task.get', { taskId: on.id })).task;
  assert.deepEqual(turnList[0]?.report, report);
});
