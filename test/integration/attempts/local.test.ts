/** Several attempts at one task, through the real backend, in confined processes of this machine. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { codes, openAttemptsWorld, printedBy, type AttemptsWorld } from './world.ts';

const SCRIPT = String.raw`turns:
  - when: {prompt: '^differ', attempt: 1}
    steps: [{run: 'echo first > one.txt'}, {say: 'One file.'}]
  - when: {prompt: '^differ', attempt: 2}
    steps: [{run: ['printf "a\nb\n" > two.txt', 'rm a.txt']}, {say: 'Two files.'}]
  - when: {prompt: '^(differ|some fail)', attempt: 3}
    steps: [{say: 'Nothing to do.'}]
  - when: {prompt: '^some fail', attempt: 1}
    steps: [{run: 'echo partial > half.txt'}, {fault: {kind: status, status: 400, times: 9}}]
  - when: {prompt: '^some fail', attempt: 2}
    steps: [{fault: {kind: status, status: 400, times: 9}}]
  - when: {prompt: '^all fail'}
    steps: [{fault: {kind: status, status: 400, times: 9}, say: 'Well now.'}]
  - when: {prompt: '^long', attempt: 2}
    steps: [{run: 'echo done > quick.txt'}, {say: 'Quick.'}]
  - when: {prompt: '^long'}
    steps: [{run: 'echo begun >> slow.txt; echo begun; sleep 600'}, {say: 'Slow.'}]
  - when: {prompt: '^risky'}
    steps: [{run: 'rm -rf a.txt; echo went on'}, {say: '{{output}}'}]
  - when: {prompt: '^look'}
    steps: [{run: 'ls; cat two.txt; echo $HOME'}, {say: 'Seen.'}]
  - when: {prompt: '^more'}
    steps: [{run: 'ls; echo more > more.txt'}, {say: 'More.'}]
  - commandsFromPrompt: true
    steps: [{say: '{{output}}'}]
`;

const hasCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

describe('several attempts at one task', { concurrency: 2 }, () => {
  let world: AttemptsWorld;
  before(async () => {
    world = await openAttemptsWorld('local', SCRIPT, { limits: { parallelTurns: 12 } });
  });
  after(() => world.close());

  test('each has its own result, answer and events; one is chosen, and a follow-up goes on from it', async () => {
    const id = await world.create('differ', { attempts: 3 });
    const ended = await world.ended(id);
    assert.equal(ended.state, 'completed');
    assert.equal(ended.review, 'open');
    assert.equal(ended.patch, undefined, 'nobody has chosen');
    assert.equal(ended.chosenAttempt, undefined);
    const [turn] = ended.turnList;
    assert.ok(turn);
    assert.deepEqual(
      turn.attempts.map(({ attempt, state, answer, files, patch, usage }) => ({
        attempt,
        state,
        answer,
        files: files.map((file) => `${file.kind} ${file.path.path}`),
        lines: [patch?.added, patch?.removed],
        requests: usage?.requests,
      })),
      [
        {
          attempt: 1,
          state: 'completed',
          answer: 'One file.',
          files: ['added one.txt'],
          lines: [1, 0],
          requests: 2,
        },
        {
          attempt: 2,
          state: 'completed',
          answer: 'Two files.',
          files: ['deleted a.txt', 'added two.txt'],
          lines: [2, 1],
          requests: 2,
        },
        { attempt: 3, state: 'completed', answer: 'Nothing to do.', files: [], lines: [0, 0], requests: 1 },
      ],
    );
    assert.equal(turn.answer, 'One file.', 'the first that completed');
    assert.equal(turn.usage?.requests, 5, 'all of them were paid for');
    assert.deepEqual(
      turn.phases.map((phase) => phase.phase),
      ['checkout', 'agent', 'patch'],
    );
    const events = world.eventsOf(id);
    assert.deepEqual(codes(events, 'attempt.finished').sort(), [
      '1 attempt.finished',
      '2 attempt.finished',
      '3 attempt.finished',
    ]);
    for (const event of events) {
      if (/^(item|output|patch|sandbox)/.test(event.code)) assert.ok(event.attempt >= 1, event.code);
      if (/^(task|turn|environment)/.test(event.code)) assert.equal(event.attempt, 0, event.code);
    }
    assert.deepEqual(await world.sandboxes(id), ['agent 1', 'agent 2', 'agent 3']);

    await assert.rejects(world.followUp(id, 'look'), hasCode('choiceNeeded'));
    assert.equal((await world.one.call('attempt.choose', { taskId: id, attempt: 3 })).task.review, 'none');
    assert.deepEqual(await world.sandboxes(id), ['agent 3'], 'the others are put away');
    const { task } = await world.one.call('attempt.choose', { taskId: id, attempt: 2 });
    assert.equal(task.chosenAttempt, 2, 'the choice can be changed');
    assert.deepEqual(task.patch, turn.attempts[1]?.patch);
    assert.equal(task.review, 'open');
    assert.match(await world.patch(id, 1, 2), /\+b\n/);
    assert.equal((await world.one.call('task.get', { taskId: id })).task.turnList[0]?.answer, 'Two files.');

    await world.followUp(id, 'look');
    const after = await world.ended(id, 2);
    assert.deepEqual(
      after.turnList[1]?.attempts.map(({ attempt, patch }) => [attempt, patch?.files]),
      [[2, 2]],
    );
    assert.match(
      printedBy(
        world.eventsOf(id).filter((event) => event.turn === 2),
        2,
      ),
      /^two\.txt\na\nb\n/,
    );
    assert.deepEqual(await world.sandboxes(id), ['agent 2']);
    assert.deepEqual(codes(world.eventsOf(id), 'attempt.chosen'), ['3 attempt.chosen', '2 attempt.chosen']);
    await assert.rejects(
      world.one.call('attempt.choose', { taskId: id, attempt: 1 }),
      hasCode('choiceFixed'),
    );
    await world.one.call('attempt.choose', { taskId: id, attempt: 2 });

    await world.one.call('task.delete', { taskId: id });
    // What was removed with the task is removed after its rows.
    while ((await world.sandboxes(id)).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test('when some fail the others count, and the only one that completed is the task’s', async () => {
    const id = await world.create('some fail', { attempts: 3 });
    const ended = await world.ended(id);
    assert.equal(ended.state, 'completed');
    assert.equal(ended.chosenAttempt, 3);
    const attempts = ended.turnList[0]?.attempts ?? [];
    assert.deepEqual(
      attempts.map(({ state, error, patch }) => [state, error?.code, patch?.files]),
      [
        ['failed', 'modelBadRequest', 1],
        ['failed', 'modelBadRequest', 0],
        ['completed', undefined, 0],
      ],
    );
    // Its work is there, so it may be chosen; one that has neither work nor an answer may not.
    await assert.rejects(
      world.one.call('attempt.choose', { taskId: id, attempt: 2 }),
      hasCode('choiceEmpty'),
    );
    await assert.rejects(
      world.one.call('attempt.choose', { taskId: id, attempt: 4 }),
      hasCode('choiceEmpty'),
    );
    assert.equal((await world.one.call('attempt.choose', { taskId: id, attempt: 1 })).task.patch?.files, 1);
    await world.followUp(id, 'more');
    const after = await world.ended(id, 2);
    assert.equal(after.patch?.files, 2);
    assert.match(
      printedBy(
        world.eventsOf(id).filter((event) => event.turn === 2),
        1,
      ),
      /half\.txt/,
    );
  });

  test('when all fail the turn fails with the first error, and a retry runs all of them again', async () => {
    const id = await world.create('all fail', { attempts: 2 });
    const ended = await world.ended(id);
    assert.equal(ended.state, 'failed');
    assert.equal(ended.error?.code, 'modelBadRequest');
    await assert.rejects(world.followUp(id, 'more'), hasCode('choiceEmpty'));
    const before = ended.lastSeq;
    await world.one.call('task.retry', { taskId: id });
    await world.one.event(
      (event) => event.taskId === id && event.seq > before && event.code === 'turn.finished',
    );
    assert.deepEqual(
      codes(
        world.eventsOf(id).filter((event) => event.seq > before),
        'attempt.finished',
      ).sort(),
      ['1 attempt.finished', '2 attempt.finished'],
    );
  });

  test('a cancel stops all of them and keeps what each had done', async () => {
    const id = await world.create('long', { attempts: 3 });
    for (const attempt of [1, 3])
      await world.one.event(
        (event) => event.taskId === id && event.code === 'output' && event.attempt === attempt,
      );
    await world.one.event((event) => event.taskId === id && event.code === 'attempt.finished');
    assert.equal((await world.one.call('task.get', { taskId: id })).task.attemptsDone, 1);
    await assert.rejects(world.one.call('attempt.choose', { taskId: id, attempt: 2 }), hasCode('conflict'));
    await world.one.call('task.cancel', { taskId: id });
    const ended = await world.ended(id);
    assert.equal(ended.state, 'cancelled');
    assert.equal(ended.attemptsDone, undefined, 'while they run');
    assert.deepEqual(
      ended.turnList[0]?.attempts.map(({ state, files }) => [state, files[0]?.path.path]),
      [
        ['cancelled', 'slow.txt'],
        ['completed', 'quick.txt'],
        ['cancelled', 'slow.txt'],
      ],
    );
    const { task } = await world.one.call('attempt.choose', { taskId: id, attempt: 3 });
    assert.equal(task.patch?.files, 1);
    assert.match(await world.patch(id, 1, 3), /\+begun/);
  });

  test('questions of two attempts are kept apart: each answer reaches its own', async () => {
    const { environment } = await world.one.call('environment.get', { name: 'default' });
    await world.one.call('environment.put', {
      environment: { ...environment, name: 'asking', approval: { policy: 'onRisk', allow: [], deny: [] } },
    });
    const id = await world.create('risky', { attempts: 2, environment: 'asking' });
    const asked = await Promise.all(
      [1, 2].map((attempt) =>
        world.one.event(
          (event) => event.taskId === id && event.code === 'approval.requested' && event.attempt === attempt,
        ),
      ),
    );
    const { approvals } = await world.one.call('approval.list', { taskId: id });
    assert.deepEqual(approvals.map((one) => one.attempt).sort(), [1, 2]);
    assert.equal((await world.one.call('task.get', { taskId: id })).task.state, 'waiting');
    const answer = (attempt: number, said: 'once' | 'never') =>
      world.one.call('approval.answer', {
        taskId: id,
        approvalId: String(asked[attempt - 1]?.params['approvalId']),
        answer: said,
      });
    await answer(1, 'once');
    await world.one.event(
      (event) => event.taskId === id && event.code === 'attempt.finished' && event.attempt === 1,
    );
    assert.equal(
      (await world.one.call('task.get', { taskId: id })).task.state,
      'waiting',
      'the other one is open',
    );
    await answer(2, 'once');
    const ended = await world.ended(id);
    assert.equal(ended.state, 'completed');
    assert.deepEqual(codes(world.eventsOf(id), 'approval.answered'), [
      '1 approval.answered',
      '2 approval.answered',
    ]);
    assert.deepEqual(
      ended.turnList[0]?.attempts.map((one) => one.files.map((file) => file.kind)),
      [['deleted'], ['deleted']],
    );
  });

  test('a word for the task answers the same question of the other attempts as well', async () => {
    const { environment } = await world.one.call('environment.get', { name: 'default' });
    await world.one.call('environment.put', {
      environment: { ...environment, name: 'asking-2', approval: { policy: 'onRisk', allow: [], deny: [] } },
    });
    const id = await world.create('risky', { attempts: 3, environment: 'asking-2' });
    const asked = await Promise.all(
      [1, 2, 3].map((attempt) =>
        world.one.event(
          (event) => event.taskId === id && event.code === 'approval.requested' && event.attempt === attempt,
        ),
      ),
    );
    await world.one.call('approval.answer', {
      taskId: id,
      approvalId: String(asked[1]?.params['approvalId']),
      answer: 'never',
    });
    const ended = await world.ended(id);
    assert.deepEqual(codes(world.eventsOf(id), 'approval.answered').sort(), [
      '1 approval.answered',
      '2 approval.answered',
      '3 approval.answered',
    ]);
    assert.deepEqual(
      ended.turnList[0]?.attempts.map((one) => one.files.length),
      [0, 0, 0],
    );
  });

  test('with one attempt nothing is said of attempts, and choosing it is no harm', async () => {
    const id = await world.create('$ echo hi > hi.txt', {});
    const ended = await world.ended(id);
    assert.equal(ended.patch?.files, 1);
    assert.equal(ended.turnList[0]?.attempts[0]?.state, undefined);
    assert.deepEqual(codes(world.eventsOf(id), 'attempt.finished', 'attempt.chosen'), []);
    const items = world.eventsOf(id).filter((event) => event.code === 'item.started');
    assert.ok(items.length > 0 && items.every((event) => event.attempt === 0));
    assert.equal((await world.one.call('attempt.choose', { taskId: id, attempt: 1 })).task.patch?.files, 1);
  });
});
