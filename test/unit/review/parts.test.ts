import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { blobId, parsePatch, reversedPatch, writePatch } from '../../../client/patch/index.ts';
import { reviewOf, subsetOf, withNeeds, type ReviewFile } from '../../../client/review/index.ts';
import {
  changeEverything,
  commitAll,
  fingerprint,
  git,
  gitBytes,
  initRepository,
  removeFolder,
  repositoryOfEverything,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';
import { seeded } from '../../support/random.ts';

const folders: string[] = [];
after(() => folders.forEach(removeFolder));
function folder(): string {
  folders.push(temporaryFolder('codex-parts'));
  return folders.at(-1)!;
}

const DIFF = ['diff', '--binary', '--full-index', '-M', 'HEAD'];
const items = (files: readonly ReviewFile[]) => files.flatMap((file) => [...file.whole, ...file.hunks]);
const patchOf = (dir: string) => {
  git(dir, ['add', '-A', '-N']);
  const patch = parsePatch(gitBytes(dir, DIFF));
  return { patch, files: reviewOf(patch) };
};

const LINES = Array.from({ length: 30 }, (_, index) => `line ${index}\n`);

/** A renamed and changed script beside files that take the places of others. */
function moved(): string {
  const dir = initRepository(folder());
  write(dir, 'old.sh', LINES.join(''));
  write(dir, 'place', 'gone, and a folder comes\n');
  write(dir, 'gone.txt', 'gone\n');
  commitAll(dir);
  renameSync(join(dir, 'old.sh'), join(dir, 'new.sh'));
  write(dir, 'new.sh', ['first\n', ...LINES.slice(0, 20), 'changed\n', ...LINES.slice(21)].join(''));
  chmodSync(join(dir, 'new.sh'), 0o755);
  rmSync(join(dir, 'place'));
  write(dir, 'place/inside', 'one\ntwo\n');
  rmSync(join(dir, 'gone.txt'));
  return dir;
}

test('a rename, a mode and the lines of one file are decided apart, and what needs room says so', () => {
  const { files } = patchOf(moved());
  const shown = files.map(({ path, whole, hunks }) => [
    path.path,
    whole.map(({ what }) => what),
    hunks.length,
  ]);
  assert.deepEqual(shown, [
    ['gone.txt', ['deleted'], 0],
    ['new.sh', ['renamed', 'mode'], 2],
    ['place', ['deleted'], 0],
    ['place/inside', [], 1],
  ]);
  const removal = files[2]!.whole[0]!.id;
  assert.deepEqual(files[3]!.hunks[0]!.needs, [removal]);
  const added = files[3]!.hunks[0]!.id;
  assert.deepEqual([...withNeeds(files, [added])].sort(), [added, removal].sort());
});

test('every choice of rename, mode and lines is a patch that git applies to just that', () => {
  const dir = moved();
  const { patch, files } = patchOf(dir);
  git(dir, ['read-tree', 'HEAD']);
  const index = join(dir, '.git/index');
  const script = files[1]!;
  const parts = items([script]);
  for (let choice = 1; choice < 2 ** parts.length; choice++) {
    const has = parts.map((_, index) => (choice & (1 << index)) !== 0);
    const chosen = parts.filter((_, index) => has[index]);
    const subset = subsetOf(
      patch,
      [script],
      chosen.map(({ id }) => id),
    );
    const bytes = writePatch(subset.patch);
    assert.equal(parsePatch(bytes).files.length, 1);
    // An index of its own for each choice, so that nothing has to be put back.
    const env = { GIT_INDEX_FILE: join(dir, `.git/index-${choice}`) };
    copyFileSync(index, env.GIT_INDEX_FILE);
    const run = tryGit(dir, ['apply', '--cached', '-'], { input: bytes, env });
    assert.equal(run.code, 0, `${run.stderr}\n${bytes.toString()}`);
    const [renamed, mode, first, second] = has;
    const lines = LINES.with(20, second ? 'changed\n' : LINES[20]!);
    const content = Buffer.from([first ? 'first\n' : '', ...lines].join(''));
    assert.equal(
      git(dir, ['ls-files', '-s', '*.sh'], { env }),
      `${mode ? '100755' : '100644'} ${blobId(content)} 0\t${renamed ? 'new.sh' : 'old.sh'}`,
    );
  }
});

test('of everything git can say, any choice applies, and all of it is the patch itself', () => {
  const { dir } = repositoryOfEverything(join(folder(), 'everything'));
  changeEverything(dir);
  const { patch, files } = patchOf(dir);
  const bytes = gitBytes(dir, DIFF);
  const all = items(files).map(({ id }) => id);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(writePatch(subsetOf(patch, files, all).patch), bytes);
  const target = fingerprint(dir, (path) => path === '.git');
  const clean = () => {
    git(dir, ['reset', '--quiet', '--hard']);
    git(dir, ['clean', '-fdq']);
  };
  clean();
  const random = seeded(31);
  for (let round = 0; round < 4; round++) {
    const chosen = withNeeds(
      files,
      all.filter(() => random.chance(0.5)),
    );
    const first = subsetOf(patch, files, chosen);
    assert.deepEqual(first.left, []);
    const run = tryGit(dir, ['apply', '-'], { input: writePatch(first.patch) });
    assert.equal(run.code, 0, run.stderr);
    clean();
  }
  tryGit(dir, ['apply', '-'], { input: bytes });
  assert.deepEqual(
    fingerprint(dir, (path) => path === '.git'),
    target,
  );
});

test('what needs another part is left out and told when that is not chosen', () => {
  const { patch, files } = patchOf(moved());
  const added = files[3]!.hunks[0]!.id;
  assert.deepEqual(subsetOf(patch, files, [added]), { patch: { ...patch, files: [] }, left: [added] });
});

test('a copy is made before its lines are changed, and not without them being asked for', () => {
  const text =
    'diff --git a/a b/b\nsimilarity index 90%\ncopy from a\ncopy to b\nindex 1111111..2222222 100644\n' +
    '--- a/a\n+++ b/b\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n';
  const patch = parsePatch(Buffer.from(text));
  const files = reviewOf(patch);
  const [copy, hunk] = [files[0]!.whole[0]!, files[0]!.hunks[0]!];
  assert.deepEqual([copy.what, hunk.needs], ['copied', [copy.id]]);
  assert.deepEqual(subsetOf(patch, files, [hunk.id]).left, [hunk.id]);
  const only = subsetOf(patch, files, [copy.id]).patch;
  assert.equal(
    writePatch(only).toString(),
    'diff --git a/a b/b\nsimilarity index 100%\ncopy from a\ncopy to b\n',
  );
});

test('taking some parts out of the result leaves what putting in the others makes', () => {
  const { dir } = repositoryOfEverything(join(folder(), 'everything'));
  write(dir, 'script.sh', LINES.join(''));
  commitAll(dir);
  changeEverything(dir);
  rmSync(join(dir, 'script.sh'));
  write(dir, 'moved.sh', ['first\n', ...LINES].join(''));
  chmodSync(join(dir, 'moved.sh'), 0o755);
  const { patch, files } = patchOf(dir);
  const all = items(files).map(({ id }) => id);
  const random = seeded(32);
  const state = () => fingerprint(dir, (path) => path === '.git');
  const startOver = () => {
    git(dir, ['reset', '--quiet', '--hard']);
    git(dir, ['clean', '-fdq']);
  };
  const apply = (which: typeof patch) => {
    const run = tryGit(dir, ['apply', '-'], { input: writePatch(which) });
    assert.equal(run.code, 0, run.stderr);
  };
  for (let round = 0; round < 4; round++) {
    const kept = withNeeds(
      files,
      all.filter(() => random.chance(0.5)),
    );
    const out = all.filter((id) => !kept.has(id));
    if (kept.size === 0 || out.length === 0) continue;
    startOver();
    apply(subsetOf(patch, files, kept).patch);
    const expected = state();
    startOver();
    apply(patch);
    const { patch: taken, left } = subsetOf(patch, files, out, kept);
    assert.deepEqual(left, []);
    apply(reversedPatch(taken)!);
    assert.deepEqual(state(), expected);
  }
});
