/** Nothing that needs a person's answer runs without one: the loop with the scripted model over a real backend. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, test } from 'node:test';
import type { ApprovalAnswer } from '../../../protocol/approval.ts';
import type { Approval } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { LimitValues } from '../../../protocol/limits.ts';
import { runAgent } from '../../../server/agent/loop.ts';
import { createModelClient } from '../../../server/model/client.ts';
import type { ResponseItem } from '../../../server/model/model.ts';
import { startScriptedModel } from '../../../server/model/scripted/server.ts';
import type { RunTurn, TurnContext } from '../../../server/tasks/turn-context.ts';
import { backend, client, taskRequest, temporaryFolder, type TestClient } from '../gateway/harness.ts';
import { BashSandbox } from './bash-sandbox.ts';

const ASK: Approval = { policy: 'onRisk', allow: [], deny: ['git push'] };

/** A backend that can be stopped and started again over the same data, sandbox and model. */
async function world(script: string, options: { approval?: Approval; limits?: Partial<LimitValues> } = {}) {
  const server = await startScriptedModel({ script: `turns:\n${script}` });
  const sandbox = await BashSandbox.make();
  const dataDir = await temporaryFolder();
  const model = createModelClient(
    { name: 'scripted', apiKey: 'k', baseUrl: server.url },
    { sleep: async () => {} },
  );
  const histories: ResponseItem[][] = [];
  const runTurn: RunTurn = async (turn: TurnContext) => {
    await turn.setState('running');
    const history = turn.history<ResponseItem>(1);
    const { answer, usage, stoppedBy } = await runAgent({
      mode: 'code',
      prompt: turn.prompt,
      turn: turn.turn,
      cacheKey: turn.task.id,
      model,
      sandbox,
      env: () => ({}),
      internet: 'off',
      history,
      emit: (...events) => turn.emit(...events),
      outputStored: (id) => turn.outputStored(id),
      delta: () => {},
      limits: turn.limits,
      approve: { policy: options.approval ?? ASK, desk: turn.approvals(1) },
      signal: turn.signal,
    });
    histories.push(await history.load());
    await turn.finish({ answer: stoppedBy ? `stopped by ${stoppedBy.limit}` : answer, usage });
  };
  let running = await backend({ dataDir, runTurn, ...(options.limits ? { limits: options.limits } : {}) });
  const close = async () => {
    await running.close();
    await server.close();
    await sandbox.remove();
    await rm(dataDir, { recursive: true, force: true });
  };
  after(close);
  return {
    sandbox,
    ran: () => sandbox.started.map((spec) => spec.argv.at(-1)),
    outputs: () =>
      (histories.at(-1) ?? []).flatMap((item) =>
        'output' in item && typeof item.output === 'string' ? [item.output] : [],
      ),
    connect: () => client(running.url),
    stop: () => running.close(),
    start: async () => {
      running = await backend({ dataDir, runTurn, ...(options.limits ? { limits: options.limits } : {}) });
    },
  };
}

async function submit(to: TestClient): Promise<string> {
  const { task } = await to.call('task.create', taskRequest());
  await to.call('task.subscribe', { taskId: task.id, after: 0 });
  return task.id;
}

async function untilOpen(from: TestClient, taskId: string, count: number): Promise<string[]> {
  for (;;) {
    const { approvals } = await from.call('approval.list', { taskId });
    if (approvals.length === count) return approvals.map((one) => one.approvalId);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const say = (to: TestClient, taskId: string, approvalId: string, answer: ApprovalAnswer) =>
  to.call('approval.answer', { taskId, approvalId, answer });
const requested = (from: TestClient) => from.events.filter((event) => event.code === 'approval.requested');
const ended = (from: TestClient) => from.event((event) => event.code === 'turn.finished');

test('a risky command runs after a yes, and the turn waits until then', async () => {
  const at = await world(`
  - steps:
      - run: [echo first, 'rm -rf build; echo gone']
      - say: '{{output}}'
`);
  const one = await at.connect();
  const taskId = await submit(one);
  const [id] = await untilOpen(one, taskId, 1);
  assert.deepEqual(at.ran(), ['echo first']);
  const { task } = await one.call('task.get', { taskId });
  assert.equal(task.state, 'waiting');
  assert.equal(task.waiting, 'approval');
  assert.deepEqual(requested(one)[0]?.params, {
    approvalId: id,
    kind: 'command',
    command: 'rm -rf build; echo gone',
    cwd: at.sandbox.workdir,
    reason: 'deletes',
  });
  await say(one, taskId, id ?? '', 'once');
  await assert.rejects(
    say(one, taskId, id ?? '', 'never'),
    (error) => error instanceof CodexError && error.code === 'approvalGone',
  );
  const end = await ended(one);
  assert.equal(end.params['state'], 'completed');
  assert.deepEqual(at.ran(), ['echo first', 'rm -rf build; echo gone']);
  const after = await one.call('task.get', { taskId });
  assert.equal(after.task.waiting, undefined);
});

test('a denied command and a no are told to the model, and nothing runs', async () => {
  const at = await world(`
  - steps:
      - run: [git push, rm -rf x]
      - run: rm -rf x
      - say: done
`);
  const one = await at.connect();
  const taskId = await submit(one);
  const [id] = await untilOpen(one, taskId, 1);
  await say(one, taskId, id ?? '', 'never');
  await ended(one);
  assert.deepEqual(at.ran(), []);
  const [refused, no, again] = at.outputs();
  assert.match(refused ?? '', /was not run: commands of this kind are denied here \(“git push”\)/);
  assert.match(no ?? '', /the person was asked and said no/);
  // The same command, later in the task: nobody is asked again.
  assert.match(again ?? '', /said no/);
  assert.equal(requested(one).length, 1);
  const denied = one.events.filter(
    (event) => event.code === 'item.completed' && JSON.stringify(event.params).includes('"denied"'),
  );
  assert.equal(denied.length, 3);
});

test('several commands wait at the same time, and an answer for the task stands for all that are the same', async () => {
  const at = await world(`
  - steps:
      - run: [rm -rf a, rm -rf b, rm -rf a]
      - run: rm -rf a
      - say: done
`);
  const one = await at.connect();
  const taskId = await submit(one);
  const [first, second] = await untilOpen(one, taskId, 3);
  assert.deepEqual(at.ran(), []);
  await say(one, taskId, first ?? '', 'task');
  await untilOpen(one, taskId, 1);
  assert.equal((await one.call('task.get', { taskId })).task.state, 'waiting');
  await say(one, taskId, second ?? '', 'never');
  await ended(one);
  assert.deepEqual(at.ran(), ['rm -rf a', 'rm -rf a', 'rm -rf a']);
  assert.equal(requested(one).length, 3);
});

test('after a restart the question is found again, not put again, and nothing has run', async () => {
  const at = await world(`
  - steps:
      - run: rm -rf a
      - say: done
`);
  const before = await at.connect();
  const taskId = await submit(before);
  const [id] = await untilOpen(before, taskId, 1);
  await at.stop();
  await at.start();
  const one = await at.connect();
  await one.call('task.subscribe', { taskId, after: 0 });
  await one.event((event) => event.code === 'turn.started' && event.params['generation'] === 2);
  assert.deepEqual(await untilOpen(one, taskId, 1), [id]);
  assert.deepEqual(at.ran(), []);
  await say(one, taskId, id ?? '', 'once');
  await ended(one);
  assert.deepEqual(at.ran(), ['rm -rf a']);
  assert.equal(requested(one).length, 1);
});

test('an answer that came before the turn was taken up again counts', async () => {
  const at = await world(
    `
  - steps:
      - run: rm -rf a
      - say: done
`,
    { limits: { parallelTurns: 1 } },
  );
  const before = await at.connect();
  const taskId = await submit(before);
  const [id] = await untilOpen(before, taskId, 1);
  await at.stop();
  await at.start();
  const one = await at.connect();
  // At once: whether the turn has been taken up by now makes no difference.
  await say(one, taskId, id ?? '', 'never');
  await one.call('task.subscribe', { taskId, after: 0 });
  await ended(one);
  assert.deepEqual(at.ran(), []);
  assert.match(at.outputs()[0] ?? '', /said no/);
});

test('a cancel ends the wait at once, a later answer is too late, and a retry asks anew', async () => {
  const at = await world(`
  - steps:
      - run: rm -rf a
      - run: rm -rf a
      - say: done
`);
  const one = await at.connect();
  const taskId = await submit(one);
  const [id] = await untilOpen(one, taskId, 1);
  const cancelledAt = performance.now();
  await one.call('task.cancel', { taskId });
  const end = await ended(one);
  assert.ok(performance.now() - cancelledAt < 10_000);
  assert.equal(end.params['state'], 'cancelled');
  assert.deepEqual(at.ran(), []);
  await assert.rejects(
    say(one, taskId, id ?? '', 'once'),
    (error) => error instanceof CodexError && error.code === 'approvalGone',
  );
  await one.call('task.retry', { taskId });
  const again = await one.event(
    (event) => event.code === 'approval.requested' && event.params['approvalId'] !== id,
  );
  assert.deepEqual(at.ran(), []);
  await say(one, taskId, String(again.params['approvalId']), 'never');
  await one.event((event) => event.code === 'turn.finished' && event.params['state'] === 'completed');
  assert.deepEqual(at.ran(), []);
});

test('a yes for one call does not let the same command run a second time', async () => {
  const at = await world(`
  - steps:
      - run: rm -rf a
      - run: rm -rf a
      - say: done
`);
  const one = await at.connect();
  const taskId = await submit(one);
  const [first] = await untilOpen(one, taskId, 1);
  await say(one, taskId, first ?? '', 'once');
  await one.event((event) => event.code === 'approval.requested' && event.params['approvalId'] !== first);
  const [second] = await untilOpen(one, taskId, 1);
  assert.deepEqual(at.ran(), ['rm -rf a']);
  await say(one, taskId, second ?? '', 'never');
  await ended(one);
  assert.deepEqual(at.ran(), ['rm -rf a']);
});

test('the turn’s time stands still while it waits', async () => {
  const at = await world(
    `
  - steps:
      - run: rm -rf a
      - say: done
`,
    { limits: { turnTimeoutMs: 3_000 } },
  );
  const one = await at.connect();
  const taskId = await submit(one);
  const [id] = await untilOpen(one, taskId, 1);
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  await say(one, taskId, id ?? '', 'once');
  const end = await ended(one);
  assert.equal(end.params['answer'], 'done');
});
