/** Needs root and Linux, for a small file system of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import { answerAtOnce, backend, client, finished, taskRequest, temporaryFolder } from '../gateway/harness.ts';

const SIZE = '120m';
const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mayMount();

function mayMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function fill(path: string): void {
  for (const bytes of [1 << 20, 1 << 12, 1]) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(bytes));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}

test(
  'a full disk is told as such, loses nothing acknowledged, and work goes on when there is room',
  { skip: canMount ? false : 'no right to mount a small file system' },
  async () => {
    const mount = await temporaryFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', mount]);
    const dataDir = join(mount, 'data');
    const filler = join(mount, 'filler');
    await mkdir(dataDir);
    try {
      let acknowledged = 0;
      let refused: unknown;
      const full = Promise.withResolvers<void>();
      const running = await backend({
        dataDir,
        runTurn: async (turn) => {
          if (turn.prompt === 'small') return answerAtOnce(turn);
          await turn.setState('running');
          for (let offset = 0; ; offset++) {
            if (offset === 10) fill(filler);
            try {
              await turn.emit({ code: 'output', params: { itemId: 'i', offset, text: 'x'.repeat(30_000) } });
              acknowledged++;
            } catch (error) {
              refused = error;
              full.resolve();
              throw error;
            }
          }
        },
      });
      const one = await client(running.url);
      const { id } = (await one.call('task.create', taskRequest())).task;
      await one.call('task.subscribe', { taskId: id, after: 0 });
      await full.promise;
      assert.ok(refused instanceof CodexError);
      assert.equal(refused.code, 'diskFull');
      assert.equal(refused.wire.action, 'freeDisk');

      rmSync(filler);
      const end = await one.event(finished);
      assert.equal((end.params.error as { code: string }).code, 'diskFull');
      const kept = one.events.filter((event) => event.code === 'output').length;
      assert.equal(kept, acknowledged);
      assert.deepEqual(
        one.events.map((event) => event.seq),
        Array.from({ length: end.seq }, (_, index) => index + 1),
      );

      const next = (await one.call('task.create', taskRequest({ prompt: 'small' }))).task;
      await one.call('task.subscribe', { taskId: next.id, after: 0 });
      const done = await one.event((event) => event.taskId === next.id && finished(event));
      assert.deepEqual(done.params.usage, NO_USAGE);
      await running.close();
    } finally {
      execFileSync('umount', ['-l', mount]);
      await rm(mount, { recursive: true, force: true });
    }
  },
);
