import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import type { Preparation } from '../../../server/pipeline/preparation.ts';
import { prepareSandbox } from '../../../server/pipeline/prepare.ts';

test('a sandbox is let go when the backend stops just as it was made', async () => {
  const done: string[] = [];
  const sandbox = {
    how: 'new',
    serve: () => {},
    checkout: async () => void done.push('checked out'),
    detach: async () => void done.push('let go'),
  };
  const of = {
    attempt: 1,
    startSha: 'a',
    turn: {
      turn: 1,
      mode: 'code',
      generation: 1,
      task: { id: 'task', repo: { sha: 'a', name: 'project' } },
      signal: new AbortController().signal,
      // Nothing can be written any more.
      phase: async (_phase: string, work: () => Promise<unknown>) => {
        await work();
        throw new CodexError('shuttingDown');
      },
    },
    environment: { settings: {} },
    start: { get: async () => ({}) },
    origin: async () => {},
    parts: { driver: { open: async () => sandbox } },
  } as unknown as Preparation;
  await assert.rejects(prepareSandbox(of), { code: 'shuttingDown' });
  assert.deepEqual(done, ['checked out', 'let go']);
});
