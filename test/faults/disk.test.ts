/**
 * A disk that is full under the data folder, and under nothing else: the backend says so, goes on when
 * there is room, and nothing that it confirmed is gone. The disk is a small tmpfs.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { LOCAL, atEnd, assertSentence, codexTasks, outcomeOf, place, repository, serve } from './harness.ts';

const DISK_MIB = 160;
const here = place();
const disk = here.at('disk');
mkdirSync(disk);
const mountable = process.platform === 'linux' && process.getuid?.() === 0;
if (mountable) {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'codex-faults', disk]);
  atEnd(() => execFileSync('umount', ['-l', disk]));
}

/** All that is left, to the last byte. */
function fill(): void {
  const file = openSync(`${disk}/ballast`, 'a');
  const block = Buffer.alloc(64 * 1024, 1);
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(file);
  }
  assert.equal(statfsSync(disk).bfree, 0);
}
const makeRoom = () => rmSync(`${disk}/ballast`);

test(
  'a full disk: told in a sentence, and the backend goes on when there is room',
  { skip: mountable ? false : 'needs root on Linux, for a tmpfs' },
  async () => {
    const dataDir = `${disk}/data`;
    const repo = await repository(here.at('repo'));
    const server = await serve({ dataDir }, LOCAL);
    const env = { CODEX_SERVER_URL: server.url, CODEX_SERVER_TOKEN: server.token };
    const run = (...args: string[]) =>
      codexTasks(['run', '--repo', repo, '--output', here.at('result.patch'), ...args], { env });
    const first = await outcomeOf(run('--json', '$ echo before; echo two >> a.txt'));
    assert.equal(first.result.status, 'completed', first.stderr);

    // Full before it begins: refused, and nothing half done stays.
    fill();
    const refused = await run('$ echo never').ended;
    assert.equal(refused.code, 1, refused.stdout);
    assertSentence(refused.stdout, /disk of the backend is full\. Free some space/);
    makeRoom();
    assert.equal((await outcomeOf(run('--json', '$ echo again'))).output, 'again\n');

    // Full in the middle: the turn waits, and ends once there is room, with every event and its result.
    const middle = run('--json', '$ echo three >> a.txt; echo started; sleep 1; seq 200000; wc -l < a.txt');
    await middle.line(/"started\\n/);
    fill();
    const patience = setTimeout(makeRoom, 4_000);
    const { result, stderr, output } = await outcomeOf(middle);
    clearTimeout(patience);
    assert.equal(server.child.exitCode, null, 'the backend lives');
    if (result.status === 'completed') {
      assert.match(output, /2\n$/, stderr);
      assert.equal(result.patch?.added, 1);
    } else {
      assert.equal(result.error?.code, 'diskFull', JSON.stringify(result.error));
    }
    rmSync(`${disk}/ballast`, { force: true });
    const last = await outcomeOf(run('--json', '$ echo after'));
    assert.deepEqual([last.result.status, last.output], ['completed', 'after\n']);

    // What was confirmed survives a restart of a backend that has seen a full disk.
    server.child.kill('SIGKILL');
    await server.ended;
    const again = await serve({ dataDir }, LOCAL);
    const headers = { authorization: `Bearer ${again.token}` };
    const path = `/api/v1/tasks/${first.result.taskId}/turns/1/attempts/1/patch`;
    const patch = await fetch(again.url + path, { headers });
    assert.equal(patch.status, 200);
    assert.match(await patch.text(), /^\+two$/m);
  },
);
