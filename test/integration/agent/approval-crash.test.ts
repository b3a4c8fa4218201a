/** A crash between the question, the answer, and the start of a command: what runs then, and what does not. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { ApprovalAnswer } from '../../../protocol/approval.ts';
import type { Approving } from '../../../server/agent/approve.ts';
import { safeCallId } from '../../../server/agent/history.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;
afterEach(async () => {
  await on?.close();
  on = undefined;
});

const SCRIPT = `turns:
  - steps:
      - run: rm -rf a
      - say: done
`;

function desk(answer: ApprovalAnswer, asked: string[], known: ReadonlySet<string>): Approving {
  return {
    policy: { policy: 'onRisk', allow: [], deny: [] },
    desk: {
      ask: async ({ approvalId }) => (asked.push(approvalId), answer),
      wasAsked: async (id) => known.has(id),
    },
  };
}

/** The call is in the history, and the backend is gone. */
async function crashed(): Promise<{ played: Stage; id: string }> {
  const played = (on = await stage(SCRIPT));
  const crash = new AbortController();
  const never: Approving = {
    policy: { policy: 'onRisk', allow: [], deny: [] },
    desk: {
      ask: (_question, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('gone')));
          crash.abort('shutdown');
        }),
      wasAsked: async () => false,
    },
  };
  await assert.rejects(played.run({ approve: never, signal: crash.signal }));
  const call = played.history.items.find((item) => item.type === 'function_call');
  assert.ok(call?.type === 'function_call');
  assert.equal(played.sandbox.started.length, 0);
  const id = safeCallId('task-1', { call, ordinal: 0 });
  return { played, id };
}

test('a call that was asked about and never started is asked about under the same id, and runs once', async () => {
  const { played, id } = await crashed();
  const asked: string[] = [];
  await played.run({ approve: desk('once', asked, new Set([id])), outputStored: async () => null });
  assert.deepEqual(asked, [id]);
  assert.equal(played.sandbox.started.length, 1);
});

test('a yes does not start a command again that may have run in a sandbox that is gone', async () => {
  const { played, id } = await crashed();
  const asked: string[] = [];
  await played.run({ approve: desk('once', asked, new Set([id])), outputStored: async () => 0 });
  assert.deepEqual(asked, []);
  assert.equal(played.sandbox.started.length, 0);
});

test('a call that nobody was asked about does not run after a crash', async () => {
  const { played } = await crashed();
  const asked: string[] = [];
  await played.run({ approve: desk('once', asked, new Set()), outputStored: async () => null });
  assert.deepEqual(asked, []);
  assert.equal(played.sandbox.started.length, 0);
});

test('when the question can not be put, nothing runs', async () => {
  const played = (on = await stage(SCRIPT));
  const failing = desk('once', [], new Set());
  failing.desk.ask = () => Promise.reject(new Error('the disk is full'));
  await assert.rejects(played.run({ approve: failing }), /disk is full/);
  assert.equal(played.sandbox.started.length, 0);
});
