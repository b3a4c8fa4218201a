/** The name of a branch is judged as git judges it, and what we make up ourselves is one that git takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import {
  branchNameProblem,
  branchOfTask,
  freeName,
  isBranchName,
  isFreed,
  numbered,
  slugOf,
} from '../../../protocol/branch-name.ts';
import { nameProblemWords } from '../../../client/words/index.ts';
import {
  commitAll,
  git,
  initRepository,
  removeFolder,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';
import { seeded, type Random } from '../../support/random.ts';

const ID = 'abcdefgh12';
const root = temporaryFolder('codex-branch-name');
before(() => {
  initRepository(root);
  write(root, 'a.txt', 'a\n');
  commitAll(root, 'base');
});
after(() => removeFolder(root));

const PARTS = ['a', 'B', 'ü', '😀', '-', '.', '..', '/', '//', '@', '@{', '{', '}', ' ', '~', '^', ':', '?', '*', '[', ']', '\\', '.lock', 'lock', 'HEAD', '\t', '\x7f', '\x01', "'", '"', '$', '#', '%', '_']; // prettier-ignore

/** One process for all: git is asked in a loop of the shell, beside any repository, so that `@{-1}` means nothing. */
function gitTakes(names: readonly string[]): boolean[] {
  const script =
    'for name; do git check-ref-format --branch "$name" >/dev/null 2>&1 && echo yes || echo no; done';
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', ...names], { encoding: 'utf8', cwd: tmpdir() });
  const takes = stdout.trimEnd().split('\n');
  assert.equal(takes.length, names.length);
  return takes.map((one) => one === 'yes');
}

function holdToGit(names: readonly string[]): void {
  const takes = gitTakes(names);
  for (const [index, name] of names.entries()) {
    // `@` is another word for HEAD, and a whole ref is never meant as a branch below `refs/heads/refs/`.
    const isFine = takes[index] && name !== '@' && !name.startsWith('refs/');
    assert.equal(isBranchName(name), isFine, JSON.stringify(name));
  }
}

test('what it takes git takes, and what it refuses git refuses', () => {
  holdToGit([...PARTS, ...PARTS.flatMap((one) => PARTS.map((two) => `${one}${two}`)), 'a/.b', 'a.lock/b', 'a/b/', 'x@y', 'a.b', 'x.LOCK', 'refs/heads/x', 'refs', '@{-1}', '@/x']); // prettier-ignore
});

/** Of any script, and of what git minds. */
const PIECES = [...PARTS, 'refs/', 'İ', 'ß', '日本', 'हि', 'e\u0301', '\u0301', '\u200d', '\u202e', '\ufeff', '\u00a0', '\u0085', '𝒜', '\n', '\r', '\x1b', '-x', '.lock/', '@{-1}', '~1', '^{}']; // prettier-ignore

function anyText(random: Random): string {
  const piece = () =>
    random.chance(0.5) ? random.pick(PIECES) : String.fromCodePoint(0x20 + random.below(0xd7ff - 0x20));
  return Array.from({ length: 1 + random.below(5) }, piece).join('');
}

test('nor do names that nobody thought of tell the two apart', () => {
  const random = seeded(7);
  holdToGit(Array.from({ length: 1_200 }, () => anyText(random)));
});

test('whatever a title holds, the branch made of it is one that git takes', () => {
  const random = seeded(8);
  const titles = Array.from({ length: 300 }, () => `${anyText(random)} ${anyText(random).repeat(20)}`);
  const names = titles.flatMap((title) => [branchOfTask(title, ID), numbered(branchOfTask(title, ID), 12)]);
  for (const [index, takes] of gitTakes(names).entries()) assert.ok(takes, JSON.stringify(names[index]));
  for (const name of names) assert.ok(isBranchName(name) && [...name].length <= 63, name);
});

test('it says what is wrong', () => {
  assert.deepEqual(branchNameProblem(''), { kind: 'empty' });
  assert.deepEqual(branchNameProblem('my branch'), { kind: 'holds', part: ' ' });
  assert.deepEqual(branchNameProblem('a\x07'), { kind: 'holds', part: 'control' });
  assert.deepEqual(branchNameProblem('-d'), { kind: 'begins', part: '-' });
  assert.deepEqual(branchNameProblem('x/.y'), { kind: 'begins', part: '.' });
  assert.deepEqual(branchNameProblem('x.lock/y'), { kind: 'ends', part: '.lock' });
  for (const name of ['HEAD', '@', 'refs/heads/x'])
    assert.deepEqual(branchNameProblem(name), { kind: 'reserved' });
  for (const name of ['a\0b', 'a\ud800'])
    assert.deepEqual(branchNameProblem(name), { kind: 'holds', part: 'control' });
  assert.equal(
    nameProblemWords({ kind: 'holds', part: '..' }, 'a..b'),
    'The name of a branch can’t hold “..”.',
  );
});

test('a branch that is there leaves no room for its name, a name below it, or one above', () => {
  git(root, ['branch', 'one/two']);
  const taken = ['one/two'];
  assert.deepEqual(branchNameProblem('one/two', taken), { kind: 'exists', branch: 'one/two' });
  assert.deepEqual(branchNameProblem('one/two/three', taken), { kind: 'below', branch: 'one/two' });
  assert.deepEqual(branchNameProblem('one', taken), { kind: 'above', branch: 'one/two' });
  assert.equal(branchNameProblem('one/twofold', taken), null);
  for (const name of ['one/two', 'one/two/three', 'one'])
    assert.notEqual(tryGit(root, ['branch', name]).code, 0);
});

test('a name is as long as a file’s may be, in bytes', () => {
  assert.equal(branchNameProblem('ü'.repeat(122)), null);
  const problem = branchNameProblem('ü'.repeat(122) + 'x');
  assert.deepEqual(problem, { kind: 'tooLong' });
  assert.match(nameProblemWords({ kind: 'tooLong' }, ''), /244 bytes/);
  const next = numbered('ü'.repeat(122), 10);
  assert.equal(next, `${'ü'.repeat(120)}-10`);
  assert.ok(isBranchName(next) && isFreed(next, 'ü'.repeat(122)));
});

test('a branch is named by the title, in any script, below the prefix', () => {
  for (const [title, name] of [
    ['Fix: the Test (again)!', 'codex/fix-the-test-again'],
    ['Größe der Straße', 'codex/größe-der-straße'],
    ['修复 登录 问题', 'codex/修复-登录-问题'],
    ['हिन्दी में', 'codex/हिन्दी-में'],
    ['e\u0301t\u00e9', 'codex/été'],
    ['a.lock b..c @{x} ~^:', 'codex/a-lock-b-c-x'],
    ['🎉 !!', 'codex/task-abcdefgh'],
    ['❤️ love ☎️ and 2️⃣ \u0301 marks ✨️', 'codex/love-and-2⃣-marks'],
    ['', 'codex/task-abcdefgh'],
  ] as const)
    assert.equal(branchOfTask(title, ID), name);
  assert.equal(slugOf('Größe ändern', ID), 'größe-ändern');
});

test('a long title is cut at a word, never within a character', () => {
  const long = branchOfTask('word '.repeat(40), ID);
  assert.ok([...long].length <= 60 && long.endsWith('word'), long);
  const one = branchOfTask('𝒜'.repeat(100), ID);
  assert.ok([...one].length <= 60 && one.isWellFormed());
});

test('a name that is taken gets a number, and is known by it', () => {
  assert.deepEqual(
    [1, 2, 3].map((count) => numbered('codex/a', count)),
    ['codex/a', 'codex/a-2', 'codex/a-3'],
  );
  assert.deepEqual(
    ['codex/a', 'codex/a-3', 'codex/a-1', 'codex/a-b', 'codex/ab', 'codex/a-'].map((name) =>
      isFreed(name, 'codex/a'),
    ),
    [true, true, false, false, false, false],
  );
});

test('a name that has no room beside the branches that are there is made one that has', () => {
  const free = (name: string, ...taken: string[]) => freeName(name, taken);
  assert.equal(free('codex/a', 'codex/ab', 'other'), 'codex/a');
  assert.equal(free('codex/a', 'codex/a', 'codex/a-3'), 'codex/a-2');
  assert.equal(free('codex/a', 'codex/a/b'), 'codex/a-2');
  assert.equal(free('codex/a', 'codex'), 'codex-a');
  assert.equal(free('codex/a', 'codex', 'codex-a', 'codex-a-2/x'), 'codex-a-3');
  assert.equal(free('a/b/c', 'a/b'), 'a/b-c');
  assert.equal(free('a/b/c', 'a', 'a-b'), 'a-b-c');
  for (const [branch, name] of [
    ['codex-a', 'codex/a'],
    ['codex-a-3', 'codex/a'],
    ['a/b-c', 'a/b/c'],
  ] as const)
    assert.ok(isFreed(branch, name), branch);
  assert.ok(!isFreed('codex/a', 'codex-a') && !isFreed('codex-b', 'codex/a'));
});
