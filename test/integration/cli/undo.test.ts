/** `undo` over later edits, one apply after the other, and what the task is told of it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findBackend } from '../../../client/backend-process/index.ts';
import { connect } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { codexTasks, git, ranOnce } from './command-line.ts';

const SCRIPT = String.raw`turns:
  - steps: [{run: 'sed -i s/two/TWO/ a.txt; sed -i s/two/2/ b.txt'}, {say: 'Done.'}]
`;
const TEXT = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n';

test('undo keeps later edits where it is asked to, goes on with older applies, and reopens the task', async (t) => {
  const { dataDir, repo, at, taskId } = await ranOnce(t, SCRIPT, async (made) => {
    for (const name of ['a.txt', 'b.txt']) await writeFile(join(made, name), TEXT);
    git(made, 'add', '-A');
    git(made, 'commit', '-qm', 'two texts');
  });
  const [a, b] = [join(repo, 'a.txt'), join(repo, 'b.txt')];
  const apply = (...args: string[]) => codexTasks(['apply', taskId, ...at, ...args]).ended;
  const undo = (...args: string[]) => codexTasks(['undo', ...at, ...args]).ended;
  const review = async () => {
    const backend = (await findBackend(dataDir))!;
    const client = { name: 'test', version: '0' };
    const connection = connect({ url: backend.url, token: async () => backend.token, client, openSocket: nodeSocket() }); // prettier-ignore
    try {
      return (await connection.call('task.get', { taskId })).task.review;
    } finally {
      connection.close();
    }
  };

  assert.equal((await apply('--file', 'a.txt')).code, 0);
  assert.equal((await apply('--file', 'b.txt')).code, 0);
  assert.equal(await review(), 'applied');

  const mine = TEXT.replace('two', '2').replace('seven', 'my seven');
  await writeFile(b, mine);
  const stale = await undo();
  assert.equal(stale.code, 1);
  assert.equal(stale.stdout, 'Restored 0 files.\nLeft 1 file:\n  b.txt: it changed in the meantime\n');
  assert.match(stale.stderr, /--merge takes the change out and keeps your edits; --force/);
  const dry = await undo('--merge', '--dry-run');
  assert.equal(dry.stdout, 'Would restore 0 files.\nWould keep your edits in 1 file:\n  b.txt\n');
  assert.equal(await readFile(b, 'utf8'), mine);
  const merged = await undo('--merge');
  assert.equal(merged.code, 0, merged.stderr);
  assert.match(merged.stdout, /^Restored 0 files\.\nKept your edits in 1 file:\n {2}b\.txt\nWhat you had edited is in/); // prettier-ignore
  assert.equal(await readFile(b, 'utf8'), TEXT.replace('seven', 'my seven'));
  assert.equal(await review(), 'applied', 'the other file still is');

  await writeFile(a, TEXT.replace('two', 'both'));
  const touched = await undo('--merge');
  assert.equal(touched.code, 1);
  assert.match(touched.stderr, /you edited the same lines.* --force/);
  git(repo, 'checkout', '-q', 'b.txt');
  await writeFile(a, TEXT.replace('two', 'TWO'));
  assert.equal((await apply('--file', 'b.txt')).code, 0);
  await writeFile(b, 'mine\n');
  const forced = await undo('--force');
  assert.equal(forced.code, 0, forced.stderr);
  assert.equal(await readFile(b, 'utf8'), TEXT);
  const kept = /in checkpoint (\w+)\./.exec(forced.stdout)?.[1] ?? '';

  const older = await undo();
  assert.deepEqual([older.code, older.stdout], [0, 'Restored 1 file.\n']);
  assert.deepEqual([await readFile(a, 'utf8'), await readFile(b, 'utf8')], [TEXT, TEXT]);
  assert.equal(await review(), 'open');
  assert.equal((await undo()).code, 1, 'nothing that was applied is left');

  const list = await codexTasks(['checkpoints', ...at]).ended;
  assert.match(list.stdout, new RegExp(`^${kept} .*, your edits before an undo {2}`, 'm'));
  assert.equal((await undo(kept)).code, 0);
  assert.equal(await readFile(b, 'utf8'), 'mine\n');
  assert.equal(await review(), 'open');

  git(repo, 'checkout', '-q', 'b.txt');
  assert.equal((await apply('--file', 'b.txt')).code, 0);
  const nowhere = { CODEX_SERVER_URL: 'http://127.0.0.1:1', CODEX_SERVER_TOKEN: 'x' };
  const away = await codexTasks(['undo', ...at], nowhere).ended;
  assert.deepEqual([away.code, away.stdout], [0, 'Restored 1 file.\n']);
  assert.match(away.stderr, /^The task still counts as applied: /m);
  assert.equal(await review(), 'applied');
});
