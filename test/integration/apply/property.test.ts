/**
 * Random pairs of trees: real git makes the patch, we apply and undo it, every byte is compared. Several
 * pairs share one tree, since git's processes are what costs time. CODEX_TEST_PAIRS and CODEX_TEST_SEED
 * run more of them, or others (`test/nightly/apply.test.ts`).
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { after, test } from 'node:test';
import {
  applyPlan,
  openCheckpoints,
  planApply,
  undoCheckpoint,
  type ApplyOutcome,
  type PlanItem,
} from '../../../client/apply/index.ts';
import {
  bytesOfPath,
  parsePatch,
  writePatch,
  type FilePatch,
  type Patch,
} from '../../../client/patch/index.ts';
import {
  diff,
  expectedTree,
  git,
  randomOf,
  randomPairs,
  readTree,
  scratch,
  treeId,
  writeTree,
  type Random,
  type Tree,
} from './trees.ts';

const PAIRS = Number(process.env['CODEX_TEST_PAIRS'] ?? 500);
const FIRST_SEED = Number(process.env['CODEX_TEST_SEED'] ?? 1);
/** In one tree. */
const TOGETHER = 50;
/** Nightly: one file in some of the trees is this large. */
const LARGE_BYTES = Number(process.env['CODEX_TEST_LARGE_BYTES'] ?? 0);

const base = scratch('property');
after(() => fs.rmSync(base, { recursive: true, force: true }));
const store = `${base}/store.git`;
git(base, ['init', '-q', '--bare', store]);
const checkpoints = openCheckpoints(`${base}/checkpoints`);

function seeds(count: number): number[] {
  return Array.from({ length: Math.ceil(count) }, (_, index) => FIRST_SEED + index);
}

function folderWith(name: string, tree: Tree): string {
  const folder = `${base}/${name}`;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  writeTree(folder, tree);
  return folder;
}

function patchBetween(
  from: Tree,
  to: Tree,
  flags: string[] = [],
): { folder: string; bytes: Buffer; toId: string } {
  const folder = folderWith('from', from);
  const toId = treeId(store, folderWith('to', to));
  return { folder, toId, bytes: diff(store, treeId(store, folder), toId, flags) };
}

async function apply(
  root: string,
  patch: Patch,
  include?: (item: PlanItem) => boolean,
): Promise<ApplyOutcome> {
  const plan = await planApply(root, patch);
  return applyPlan(plan, { checkpoints, includeSelfRunning: () => true, ...(include ? { include } : {}) });
}

async function undo(id: string, why: string): Promise<void> {
  const { results } = await undoCheckpoint(checkpoints, id);
  for (const one of results) assert.equal(one.status, 'restored', `${why}: ${JSON.stringify(one)}`);
}

function large(random: Random, from: Tree, to: Tree): void {
  if (LARGE_BYTES === 0 || random(4) !== 0) return;
  const bytes = Buffer.alloc(LARGE_BYTES, random(2) ? `line ${random(1000)}\n` : Buffer.from([0, random(256), 7]));
  const changed = Buffer.concat([bytes.subarray(0, LARGE_BYTES >> 1), Buffer.from('changed\n'), bytes.subarray(LARGE_BYTES >> 1)]);
  from.set('large/file', { mode: '100644', bytes });
  to.set('large/file', { mode: '100644', bytes: changed });
} // prettier-ignore

for (const seed of seeds(PAIRS / TOGETHER)) {
  test(`${TOGETHER} random patches of git (seed ${seed}) are written back as read, applied to the target, and undone to the start`, async () => {
    const random = randomOf(seed);
    const { from, to } = randomPairs(random, TOGETHER);
    large(random, from, to);
    const { folder, bytes } = patchBetween(from, to, random(5) === 0 ? ['-C', '--find-copies-harder'] : []);
    const start = readTree(folder);

    const patch = parsePatch(bytes);
    assert.ok(writePatch(patch).equals(bytes), `seed ${seed}: written differs from read`);
    assert.ok(patch.files.length > TOGETHER, 'the patches are not empty');
    const outcome = await apply(folder, patch);
    for (const result of outcome.results) {
      assert.equal(result.status, 'applied', `seed ${seed}: ${JSON.stringify(result)}`);
    }
    assert.deepEqual(readTree(folder), expectedTree(to), `seed ${seed}: applied is not the target`);
    assert.ok(outcome.checkpointId !== null);
    for (const status of ['restored', 'unchanged']) {
      const undone = await undoCheckpoint(checkpoints, outcome.checkpointId);
      for (const result of undone.results) {
        assert.equal(result.status, status, `seed ${seed}: ${JSON.stringify(result)}`);
      }
      assert.deepEqual(readTree(folder), start, `seed ${seed}: undone is not the start`);
    }
    checkpoints.remove(outcome.checkpointId);
  });
}

for (const seed of seeds(PAIRS / TOGETHER / 4)) {
  test(`files in any order (seed ${seed}) make the target, and undo from any point leads to the start`, async () => {
    const random = randomOf(seed + 70_000);
    const { from, to } = randomPairs(random, TOGETHER);
    const { folder, bytes } = patchBetween(from, to);
    // Git's copies are made from a file as it was, so none of them may come after a change of it.
    const copied = new Set(parsePatch(bytes).files.filter(({ kind }) => kind === 'copied').map(keyOf)); // prettier-ignore
    const states = [readTree(folder)];
    const made: string[] = [];
    let left = parsePatch(bytes).files;
    for (let round = 0; left.length > 0; round++) {
      assert.ok(round < 40, `seed ${seed}: ${left.length} files are left`);
      const all = round > 20 || left.some((file) => copied.has(keyOf(file)));
      const chosen = new Set(left.filter(() => all || random(3) === 0).map(keyOf));
      const outcome = await apply(folder, { files: left, quotePath: true }, (item) => chosen.has(keyOf(item.parts[0]!))); // prettier-ignore
      const waits = new Set<string>();
      for (const { path, status, reason } of outcome.results) {
        if (reason === 'needsOther') waits.add(bytesOfPath(path).toString('latin1'));
        else assert.equal(status, 'applied', `seed ${seed}: ${JSON.stringify([path, status, reason])}`);
      }
      left = left.filter((file) => !chosen.has(keyOf(file)) || waits.has(keyOf(file)));
      if (outcome.checkpointId === null) continue;
      made.push(outcome.checkpointId);
      states.push(readTree(folder));
      if (random(2) === 0) {
        // There and back, from wherever this is.
        await undo(outcome.checkpointId, `seed ${seed}`);
        assert.deepEqual(readTree(folder), states.at(-2), `seed ${seed}: undone is not the point before`);
        const again = await apply(folder, { files: parsePatch(bytes).files.filter((file) => chosen.has(keyOf(file))), quotePath: true }, (item) => chosen.has(keyOf(item.parts[0]!)) && !waits.has(keyOf(item.parts[0]!))); // prettier-ignore
        made[made.length - 1] = again.checkpointId!;
        assert.deepEqual(readTree(folder), states.at(-1), `seed ${seed}: again is not the same`);
      }
    }
    assert.deepEqual(readTree(folder), expectedTree(to), `seed ${seed}: applied is not the target`);
    for (const [index, id] of made.reverse().entries()) {
      await undo(id, `seed ${seed}`);
      assert.deepEqual(readTree(folder), states.at(-2 - index), `seed ${seed}: undo ${index}`);
      checkpoints.remove(id);
    }
  });
}

/** Only what differs: whole trees would say nothing to a person. */
function differing(one: ReadonlyMap<string, string>, two: ReadonlyMap<string, string>): string[] {
  const names = new Set([...one.keys(), ...two.keys()]);
  return [...names]
    .filter((name) => one.get(name) !== two.get(name))
    .map((name) => `${name}\n  ${one.get(name)}\n  ${two.get(name)}`);
}

function keyOf(file: FilePatch): string {
  return bytesOfPath(file.newPath).toString('latin1');
}

test('a dirty tree keeps the person’s own edits, in other files and elsewhere in the same, there and back', async () => {
  let beside = 0;
  for (const seed of seeds(PAIRS / TOGETHER / 4)) {
    const random = randomOf(seed + 90_000);
    const { from, to } = randomPairs(random, TOGETHER);
    const { folder, bytes } = patchBetween(from, to);
    const patch = parsePatch(bytes);
    const touched = new Set(patch.files.flatMap(({ oldPath, newPath }) => [oldPath, newPath]).map((path) => bytesOfPath(path).toString('latin1'))); // prettier-ignore
    const far = new Set(patch.files.filter(isFarFromTop).map(keyOf));
    const mine: Tree = new Map(from);
    const wanted: Tree = new Map(to);
    for (const [name, entry] of from) {
      if (entry.mode === '120000') continue;
      const edited = Buffer.concat([Buffer.from('mine\n'), entry.bytes]);
      if (!touched.has(name)) {
        mine.set(name, { ...entry, bytes: edited });
        wanted.set(name, { ...entry, bytes: edited });
      } else if (far.has(name)) {
        beside++;
        mine.set(name, { ...entry, bytes: edited });
        wanted.set(name, {
          ...to.get(name)!,
          bytes: Buffer.concat([Buffer.from('mine\n'), to.get(name)!.bytes]),
        });
      }
    }
    writeTree(folder, new Map([...mine].filter(([, { mode }]) => mode !== '120000')));
    fs.writeFileSync(`${folder}/untracked`, 'mine');
    const start = readTree(folder);
    const outcome = await apply(folder, patch);
    for (const { path, status } of outcome.results) {
      const expected = far.has(bytesOfPath(path).toString('latin1')) ? 'applied-modified' : 'applied';
      assert.equal(status, expected, `seed ${seed}: ${JSON.stringify(path)}`);
    }
    const should = expectedTree(wanted);
    const is = readTree(folder);
    assert.ok(is.delete('untracked'));
    assert.deepEqual(differing(is, should), [], `seed ${seed}`);
    await undo(outcome.checkpointId!, `seed ${seed}`);
    assert.deepEqual(differing(readTree(folder), start), [], `seed ${seed}`);
    checkpoints.remove(outcome.checkpointId!);
  }
  assert.ok(beside > 0, 'some files were edited on both sides');
});

/** A change of text far from the file's first line, in lines most of which are different: it stands in one place. */
function isFarFromTop({ kind, body }: FilePatch): boolean {
  if (kind !== 'modified' || body.type !== 'text' || body.hunks[0]!.oldStart <= 5) return false;
  return body.hunks.every(({ lines }) => {
    const old = lines.filter(({ op }) => op !== '+').map(({ text }) => Buffer.from(text).toString('latin1'));
    return lines.length > 6 && new Set(old).size > old.length / 2;
  });
}

const withoutCr = (bytes: Buffer) => !bytes.includes(13);

for (const [where, autocrlf] of [
  ['a repository', 'true'],
  ['a linked worktree', 'input'],
  ['a submodule', 'true'],
] as const) {
  test(`in ${where} with core.autocrlf=${autocrlf} the result is the same tree to git, and the index stays`, async () => {
    const random = randomOf(FIRST_SEED + 500 + where.length);
    const { from, to } = randomPairs(random, TOGETHER / 2, withoutCr);
    const { bytes, toId } = patchBetween(from, to);
    const root = repositoryAt(where, folderWith('source', from));
    git(root, ['config', 'core.autocrlf', autocrlf]);
    git(root, ['rm', '-rq', '--cached', '.']);
    git(root, ['reset', '-q', '--hard']);
    const index = git(root, ['rev-parse', '--path-format=absolute', '--git-path', 'index'])
      .toString()
      .trimEnd();
    const [start, before, head] = [readTree(root), fs.readFileSync(index), git(root, ['rev-parse', 'HEAD'])];
    if (autocrlf === 'true') assert.ok([...start.values()].some((one) => Buffer.from(one.split(' ')[1]!, 'base64').includes('\r\n'))); // prettier-ignore
    const { results, checkpointId } = await apply(root, parsePatch(bytes));
    for (const one of results) assert.equal(one.status, 'applied', JSON.stringify(one));
    assert.deepEqual(fs.readFileSync(index), before, 'the index is untouched');
    assert.deepEqual(git(root, ['rev-parse', 'HEAD']), head);
    await undo(checkpointId!, where);
    assert.deepEqual(readTree(root), start);
    await apply(root, parsePatch(bytes));
    git(root, ['add', '-A', '-f']);
    assert.equal(git(root, ['write-tree']).toString().trim(), toId);
  });
}

/** The folder with all its files committed, as the place says. */
function repositoryAt(where: string, folder: string): string {
  git(folder, ['init', '-q']);
  git(folder, ['add', '-A', '-f']);
  git(folder, ['commit', '-qm', 'x']);
  if (where === 'a repository') return folder;
  const place = `${base}/place`;
  fs.rmSync(place, { recursive: true, force: true });
  if (where === 'a linked worktree') {
    git(folder, ['worktree', 'add', '-q', place]);
    return place;
  }
  git(base, ['init', '-q', place]);
  git(place, ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', folder, 'sub']);
  return `${place}/sub`;
}
