/** Four attempts at once in containers, on whatever machine this is: all finish, and nothing of them stays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codes, openAttemptsWorld, printedBy } from './world.ts';

const SCRIPT = String.raw`turns:
  - when: {followUp: true}
    steps: [{run: 'cat n.txt; test -e ~/kept && echo kept'}, {say: '{{output}}'}]
  - commandsFromPrompt: true
    steps: [{say: '{{output}}'}]
`;

test('four attempts in containers finish; the chosen one’s goes on, the others’ are removed', async () => {
  const world = await openAttemptsWorld('docker', SCRIPT);
  try {
    const id = await world.create(
      '$ touch ~/kept; head -c 2000 /dev/urandom | od -x > n.txt; hostname; tail -n 1 n.txt',
      {
        attempts: 4,
      },
    );
    const ended = await world.ended(id);
    assert.deepEqual(
      ended.turnList[0]?.attempts.map(({ state, patch }) => [state, patch?.files]),
      [1, 2, 3, 4].map(() => ['completed', 1]),
      JSON.stringify(ended.turnList[0]?.attempts.map((one) => one.error)),
    );
    const patches = new Set(ended.turnList[0]?.attempts.map((one) => one.patch?.sha256));
    assert.equal(patches.size, 4, 'each has its own files');
    assert.deepEqual(await world.sandboxes(id), ['agent 1', 'agent 2', 'agent 3', 'agent 4']);
    const { task } = await world.one.call('attempt.choose', { taskId: id, attempt: 4 });
    assert.deepEqual(task.patch, ended.turnList[0]?.attempts[3]?.patch);
    assert.deepEqual(await world.sandboxes(id), ['agent 4']);

    await world.followUp(id, 'look');
    await world.ended(id, 2);
    const second = world.eventsOf(id).filter((event) => event.turn === 2);
    assert.match(printedBy(second, 4), /\nkept\n$/);
    const [started] = second.filter((event) => event.code === 'sandbox.started');
    assert.equal(started?.params['how'], 'parked');
    assert.deepEqual(codes(second, 'attempt.finished'), []);

    await world.one.call('task.delete', { taskId: id });
    // They go after the rows.
    while ((await world.sandboxes(id)).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    await world.close();
  }
});
