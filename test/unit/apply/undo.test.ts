/** Undo beside later edits, the list of checkpoints, and what is inside another repository. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  applyPlan,
  openCheckpoints,
  planApply,
  undoCheckpoint,
  type Checkpoints,
  type Merge,
  type UndoOptions,
} from '../../../client/apply/index.ts';
import { parsePatch } from '../../../client/patch/index.ts';
import { change, create, remove } from './patches.ts';

let base: string;
let root: string;
let checkpoints: Checkpoints;

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'codex-tasks-undo-'));
  root = join(base, 'root');
  fs.mkdirSync(root);
  checkpoints = openCheckpoints(join(base, 'checkpoints'));
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const put = (name: string, text: string | Buffer) => fs.writeFileSync(join(root, name), text);
const get = (name: string) => fs.readFileSync(join(root, name), 'latin1');
const planOf = (patch: string) => planApply(root, parsePatch(Buffer.from(patch, 'latin1')));

async function apply(patch: string, taskId = 't1'): Promise<string> {
  const { checkpointId } = await applyPlan(await planOf(patch), {
    checkpoints,
    info: { taskId, turn: 1, label: 'Fix' },
  });
  assert.ok(checkpointId !== null);
  return checkpointId;
}

async function undo(checkpointId: string, options: UndoOptions = {}) {
  const outcome = await undoCheckpoint(checkpoints, checkpointId, options);
  return { ...outcome, told: outcome.results.map(({ path, status }) => `${path.path}: ${status}`) };
}

/** Line by line, of texts of one length: enough to see which side is which. */
const byLine: Merge = (base, ours, theirs) => {
  const [b, o, t] = [base, ours, theirs].map((one) => Buffer.from(one).toString('latin1').split('\n')) as [string[], string[], string[]];
  if (b.length !== o.length || b.length !== t.length) return null;
  const lines = b.map((line, index) => (o[index] === line ? t[index] : t[index] === line || t[index] === o[index] ? o[index] : undefined));
  return lines.includes(undefined) ? null : Buffer.from(lines.join('\n'), 'latin1');
}; // prettier-ignore

test('a three-way undo takes the change out of a file that was edited since, keeps the edits, and can itself be undone', async () => {
  put('f', 'a\nb\nc\n');
  put('g', 'a\n');
  const checkpointId = await apply(change('f', 'a\nb\nc\n', 'a\nB\nc\n') + change('g', 'a\n', 'b\n'));
  put('f', 'a\nB\nmine\n');
  fs.chmodSync(join(root, 'f'), 0o700);
  const asked = await undo(checkpointId, { merge: byLine, dryRun: true });
  assert.deepEqual(asked.told, ['f: merged', 'g: restored']);
  assert.deepEqual([get('f'), get('g')], ['a\nB\nmine\n', 'b\n'], 'asking writes nothing');
  assert.equal(checkpoints.get(checkpointId)!.undoneAt, null);

  const done = await undo(checkpointId, { merge: byLine });
  assert.deepEqual(done.told, ['f: merged', 'g: restored']);
  assert.equal(get('f'), 'a\nb\nmine\n');
  assert.equal(fs.statSync(join(root, 'f')).mode & 0o777, 0o700);
  assert.ok(checkpoints.get(checkpointId)!.undoneAt);
  assert.deepEqual((await undo(checkpointId, { merge: byLine })).told, ['f: unchanged', 'g: unchanged']);
  await undo(done.checkpointId!);
  assert.equal(get('f'), 'a\nB\nmine\n');
});

test('without a merge later edits are stale; with one, edits of the changed lines themselves still are', async () => {
  put('f', 'a\nb\nc\n');
  const checkpointId = await apply(change('f', 'a\nb\nc\n', 'a\nB\nc\n') + create('new', 'x\n'));
  put('f', 'a\nmine\nc\n');
  put('new', 'mine\n');
  for (const options of [{}, { merge: byLine }, { merge: () => null }]) {
    assert.deepEqual((await undo(checkpointId, options)).told, ['f: stale', 'new: stale']);
  }
  assert.deepEqual([get('f'), get('new')], ['a\nmine\nc\n', 'mine\n']);
});

test('a file with CRLF is merged with what was written, not with what the patch says', async () => {
  put('f', 'a\r\nb\r\nc\r\n');
  const checkpointId = await apply(change('f', 'a\nb\nc\n', 'a\nB\nc\n'));
  put('f', 'a\r\nB\r\nmine\r\n');
  assert.deepEqual((await undo(checkpointId, { merge: byLine })).told, ['f: merged']);
  assert.equal(get('f'), 'a\r\nb\r\nmine\r\n');
});

test('the list says when, what, how large, undone or not, finished or not, and how full the store is', async () => {
  let now = 1e12;
  checkpoints = openCheckpoints(join(base, 'checkpoints'), { now: () => now, maxBytes: 1e6, maxAgeMs: 1000 });
  put('f', 'a\n');
  put('g', 'a\n');
  const first = await apply(change('f', 'a\n', 'b\n') + change('g', 'a\n', 'b\n'), 't1');
  now += 10;
  const second = await apply(change('f', 'b\n', 'c\n'), 't2');
  await undo(second);
  const list = checkpoints.summaries(root);
  assert.deepEqual(
    list.map((one) => [one.id, one.at, one.taskId, one.turn, one.label, one.files, one.undoneAt, one.finished, one.expiresAt]),
    [
      [second, 1e12 + 10, 't2', 1, 'Fix', 1, 1e12 + 10, true, 1e12 + 1010],
      [first, 1e12, 't1', 1, 'Fix', 2, null, true, 1e12 + 1000],
    ],
  ); // prettier-ignore
  assert.deepEqual(checkpoints.summaries('/elsewhere'), []);
  const size = list.reduce((sum, one) => sum + one.size, 0);
  assert.deepEqual(checkpoints.usage(), { count: 2, bytes: size, maxBytes: 1e6, maxAgeMs: 1000 });
  fs.rmSync(join(checkpoints.folder, `${first}.finished`));
  assert.equal(checkpoints.summaries(root)[1]?.finished, false);

  checkpoints.remove(first);
  checkpoints.remove('../elsewhere');
  assert.deepEqual(checkpoints.summaries().map((one) => one.id), [second]);
  assert.equal(get('g'), 'b\n');
}); // prettier-ignore

test('a list reads no blob: one of a gigabyte costs what an empty one does', async () => {
  put('f', 'a\n');
  const checkpointId = await apply(change('f', 'a\n', 'b\n'));
  const path = join(checkpoints.folder, `${checkpointId}.checkpoint`);
  const bytes = fs.readFileSync(path);
  // A hole in front of the manifest: its place is told from the end.
  fs.writeFileSync(path, '');
  fs.truncateSync(path, 2 ** 30);
  fs.appendFileSync(path, bytes);
  const before = process.memoryUsage().rss;
  assert.equal(checkpoints.summaries()[0]?.size, 2 ** 30 + bytes.length);
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

for (const dotGit of ['folder', 'file'] as const) {
  test(`paths inside another repository, whose .git is a ${dotGit}, are refused, and it stays as it is`, async () => {
    fs.mkdirSync(join(root, 'lib/src'), { recursive: true });
    fs.writeFileSync(join(root, 'lib/src/f'), 'a\n');
    if (dotGit === 'folder') fs.mkdirSync(join(root, 'lib/.git'));
    else fs.writeFileSync(join(root, 'lib/.git'), 'gitdir: ../.git/modules/lib\n');
    const plan = await planOf(
      change('lib/src/f', 'a\n', 'b\n') +
        create('lib/new/g', 'x\n') +
        remove('lib/f', 'x\n') +
        create('ok', 'x\n'),
    );
    const { results } = await applyPlan(plan, { checkpoints });
    assert.deepEqual(
      results.map(({ status, reason }) => [status, reason]),
      [...Array.from({ length: 3 }, () => ['refused', 'nestedRepository']), ['applied', undefined]],
    );
    assert.equal(get('lib/src/f'), 'a\n');
    assert.equal(fs.existsSync(join(root, 'lib/new')), false);
  });
}

test('a folder that became a repository between plan and apply is not written to', async () => {
  fs.mkdirSync(join(root, 'lib'));
  const plan = await planOf(create('lib/new', 'x\n'));
  fs.mkdirSync(join(root, 'lib/.git'));
  const { results } = await applyPlan(plan, { checkpoints });
  assert.deepEqual(results.map(({ reason }) => reason), ['nestedRepository']);
  assert.deepEqual(fs.readdirSync(join(root, 'lib')), ['.git']);
}); // prettier-ignore
