/** What several attempts share: a setup, the room that a backend has, and the life of their backend. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { WireEvent } from '../../../protocol/events.ts';
import { codes, openAttemptsWorld, printedBy, type AttemptsWorld } from './world.ts';

const SCRIPT = String.raw`turns:
  - when: {prompt: '^long', attempt: 2}
    steps: [{run: 'echo done > quick.txt'}, {say: 'Quick.'}]
  - when: {prompt: '^long'}
    steps: [{run: 'echo begun >> slow.txt; echo begun; sleep 600'}, {say: 'Slow.'}]
  - commandsFromPrompt: true
    steps: [{say: '{{output}}'}]
`;

let world: AttemptsWorld;
before(async () => {
  world = await openAttemptsWorld('local', SCRIPT, { limits: { parallelTurns: 3 } });
});
after(() => world.close());

test('a setup is made once for all attempts, also where it is kept for nobody else', async () => {
  const { environment } = await world.one.call('environment.get', { name: 'default' });
  await world.one.call('environment.put', {
    environment: { ...environment, name: 'made', setup: 'date +%N > ~/made; echo made', cacheMs: 0 },
  });
  const id = await world.create('$ cat ~/made', { attempts: 3, environment: 'made' });
  const ended = await world.ended(id);
  assert.equal(ended.state, 'completed', JSON.stringify(ended.error));
  const events = world.eventsOf(id);
  const [one, two, three] = [1, 2, 3].map((attempt) => printedBy(events, attempt));
  assert.match(one ?? '', /^\d+\n$/);
  assert.deepEqual([two, three], [one, one]);
  assert.equal(printedBy(events, 0), 'made\n', 'it belongs to all of them');
  const setups = events.filter(
    (event) => event.code === 'phase.finished' && event.params['phase'] === 'setup',
  );
  assert.deepEqual(
    setups.map((event) => event.attempt),
    [0],
  );
  assert.deepEqual(await world.sandboxes(id), ['agent 1', 'agent 2', 'agent 3']);
});

test('attempts count as turns: with room for three, four of them run three at a time and all finish', async () => {
  const id = await world.create('$ echo in; sleep 0.3; echo out', { attempts: 4 });
  const other = await world.create('$ echo other', {});
  await world.ended(other);
  const ended = await world.ended(id);
  assert.deepEqual(
    ended.turnList[0]?.attempts.map(({ state }) => state),
    ['completed', 'completed', 'completed', 'completed'],
  );
  let open = 0;
  let most = 0;
  for (const event of world.eventsOf(id)) {
    if (event.code === 'sandbox.started') most = Math.max(most, ++open);
    if (event.code === 'attempt.finished') open--;
  }
  assert.equal(most, 3);
  const endOf = (taskId: string) =>
    world.one.events.findIndex((event) => event.taskId === taskId && event.code === 'turn.finished');
  assert.ok(endOf(id) < endOf(other), 'a task that came later had to wait for room');
});

test('a backend that stops and comes back runs only the attempts that had not ended', async () => {
  const id = await world.create('long', { attempts: 3 });
  for (const attempt of [1, 3])
    await world.one.event(
      (event) => event.taskId === id && event.code === 'output' && event.attempt === attempt,
    );
  await world.one.event((event) => event.taskId === id && event.code === 'attempt.finished');
  await world.stop();
  await world.start();
  await world.follow(id);
  for (const attempt of [1, 3])
    await world.one.event(
      (event) =>
        event.taskId === id &&
        event.code === 'sandbox.started' &&
        event.attempt === attempt &&
        isAgain(event),
    );
  await world.one.call('task.cancel', { taskId: id });
  const ended = await world.ended(id);
  assert.equal(ended.turnList[0]?.generation, 2);
  assert.deepEqual(
    ended.turnList[0]?.attempts.map(({ state, patch }) => [state, patch?.added]),
    [
      ['cancelled', 1],
      ['completed', 1],
      ['cancelled', 1],
    ],
    'each command ran once',
  );
  assert.deepEqual(codes(world.eventsOf(id), 'attempt.finished').sort(), [
    '1 attempt.finished',
    '2 attempt.finished',
    '3 attempt.finished',
  ]);
  const starts = codes(world.eventsOf(id), 'sandbox.started').sort();
  assert.deepEqual(
    starts.map((code) => code.split(' ')[0]),
    ['1', '1', '2', '3', '3'],
  );
});

const isAgain = (event: WireEvent): boolean => event.params['how'] === 'parked';
