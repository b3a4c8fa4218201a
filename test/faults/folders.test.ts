/** Every kind of folder a person can stand in: a task starts or a sentence says why not, and nothing of theirs changes. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { git } from '../support/git.ts';
import { assertSentence, codexTasks, fingerprint, outcomeOf, place, repository, runOn } from './harness.ts';

const here = place();
const LOOK = '$ git symbolic-ref --short HEAD; cat a.txt; ls -A';

/** Refused before a backend is started, in both ways of speaking, and the folder is as it was. */
async function refused(folder: string, code: string, says: RegExp, args: string[] = []): Promise<void> {
  const before = await stateOf(folder);
  const json = await outcomeOf(runOn(here, folder, ['--json', ...args, 'x']));
  assert.deepEqual([json.result.error?.code, json.events.length], [code, 0]);
  const human = await runOn(here, folder, [...args, 'x']).ended;
  assert.equal(human.code, 1);
  assertSentence(human.stdout, says);
  assert.deepEqual(await stateOf(folder), before);
}

/** Also of a folder that is not there. */
async function stateOf(folder: string): Promise<unknown> {
  return fingerprint(folder).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
}

async function sees(repo: string, args: string[] = []): Promise<string> {
  const before = await fingerprint(repo);
  const { output, result } = await outcomeOf(runOn(here, repo, ['--json', ...args, LOOK]));
  assert.equal(result.status, 'completed');
  assert.deepEqual(await fingerprint(repo), before, 'the folder is as it was');
  return output;
}

describe('a folder', { concurrency: 3 }, () => {
  test('no folder, a folder in no repository, and one inside .git are refused with what to do', async () => {
    await mkdir(here.at('plain'), { recursive: true });
    await writeFile(here.at('plain', 'kept.txt'), 'kept');
    git(here.folder, ['init', '-q', '--bare', 'bare.git']);
    await refused(
      here.at('nowhere'),
      'folderMissing',
      /There is no folder .*nowhere\. Name one that exists\./,
    );
    await refused(here.at('plain', 'kept.txt'), 'folderMissing', /no folder .*kept\.txt/);
    await refused(here.at('plain'), 'notGit', /plain is not in a git repository\. Run “git init”/);
    await refused(here.at('bare.git'), 'noWorkTree', /no working tree .* Choose the folder with the files\./);
  });

  test('a repository without a commit is refused, and goes as it is when that is asked for', async () => {
    const empty = here.at('empty');
    await mkdir(empty);
    git(empty, ['init', '-q', '-b', 'main']);
    await writeFile(here.at('empty', 'a.txt'), 'not committed\n');
    await refused(empty, 'noCommits', /has no commit yet.* Commit once, then try again\./);
    assert.match(await sees(empty, ['--include-local']), /not committed/);
  });

  test('a detached HEAD is a commit like any other', async () => {
    const repo = await repository(here.at('detached'));
    git(repo, ['checkout', '-q', '--detach']);
    assert.match(await sees(repo), /^\S+\none\n/);
  });

  test('a dirty tree is left out, with a word, or sent whole when that is asked for', async () => {
    const repo = await repository(here.at('dirty'), { '.gitignore': 'ignored\n', 'gone.txt': 'x' });
    await writeFile(here.at('dirty', 'a.txt'), 'staged\n');
    git(repo, ['add', 'a.txt']);
    await writeFile(here.at('dirty', 'a.txt'), 'in the working tree\n');
    await writeFile(here.at('dirty', 'new.txt'), 'x');
    await writeFile(here.at('dirty', 'ignored'), 'x');
    await rm(here.at('dirty', 'gone.txt'));
    assert.match(await sees(repo), /^main\none\n\.git\n\.gitignore\na\.txt\ngone\.txt\n$/);
    assert.match(
      await sees(repo, ['--include-local']),
      /^main\nin the working tree\n\.git\n\.gitignore\na\.txt\nnew\.txt\n$/,
    );
    const human = await runOn(here, repo, ['--mode', 'ask', '$ true']).ended;
    assertSentence(human.stdout, /Local changes are not sent; --include-local sends them\./);
  });

  test('a result is put into a dirty tree without touching what it does not know', async () => {
    const repo = await repository(here.at('both'), { 'b.txt': 'one\n' });
    await writeFile(here.at('both', 'b.txt'), 'mine\n');
    const { result, code } = await outcomeOf(
      runOn(here, repo, ['--json', '--apply', '$ echo theirs > b.txt; echo new > c.txt']),
    );
    assert.deepEqual([code, result.error?.code], [1, 'notApplied']);
    assert.equal(await readFile(here.at('both', 'b.txt'), 'utf8'), 'mine\n');
    assert.ok(result.patch, 'the patch is kept');
    assert.match(await readFile(result.patch.path, 'utf8'), /^\+theirs$/m);
  });

  test('a submodule stays the commit it names, and that it is left out is said', async () => {
    const module = await repository(here.at('module'));
    const repo = await repository(here.at('with-module'));
    git(repo, ['-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', module, 'inner']);
    git(repo, ['commit', '-q', '-m', 'with a submodule']);
    await writeFile(here.at('with-module', 'inner', 'a.txt'), 'changed inside\n');
    assert.match(await sees(repo), /\.gitmodules\na\.txt\ninner\n/);
    const human = await runOn(here, repo, ['--include-local', '--apply', '$ echo two >> a.txt']).ended;
    assert.equal(human.code, 0, human.stdout);
    assertSentence(human.stdout, /Submodules are left out\./);
    assertSentence(human.stdout, /Changes inside the submodule inner are not sent\./);
    assert.equal(await readFile(here.at('with-module', 'inner', 'a.txt'), 'utf8'), 'changed inside\n');
    assert.equal(git(repo, ['ls-tree', 'HEAD', 'inner']).split(' ')[1], 'commit');
  });

  test('a linked worktree is worked on as the folder that it is', async () => {
    const repo = await repository(here.at('tree'));
    git(repo, ['worktree', 'add', '-q', '-b', 'side', here.at('side')]);
    await writeFile(here.at('side', 'a.txt'), 'of the side\n');
    const before = await fingerprint(repo);
    assert.match(await sees(here.at('side'), ['--include-local']), /^side\nof the side\n/);
    const applied = await outcomeOf(
      runOn(here, here.at('side'), ['--json', '--include-local', '--apply', '$ echo two >> a.txt']),
    );
    assert.equal(applied.code, 0);
    assert.equal(await readFile(here.at('side', 'a.txt'), 'utf8'), 'of the side\ntwo\n');
    const { ...rest } = await fingerprint(repo);
    assert.deepEqual(rest, before, 'the main working tree is as it was');
  });

  test('git that is missing is named', async () => {
    const repo = await repository(here.at('no-git'));
    await mkdir(here.at('bin'));
    const args = ['run', '--repo', repo, '--data', here.dataDir, 'x'];
    const { code, stdout } = await codexTasks(args, { env: { PATH: here.at('bin') } }).ended;
    assert.equal(code, 1);
    assertSentence(stdout, /Git was not found\. Install it/);
  });
});

test('an --output that can not be written is told before the task starts', async () => {
  const repo = await repository(here.at('output-repo'));
  for (const place of ['/proc/nowhere/y.patch', here.at('missing', 'x.patch')]) {
    const args = [
      'run',
      '--data',
      here.dataDir,
      '--scripted-model',
      '--repo',
      repo,
      '--output',
      place,
      '$ true',
    ];
    const { code, stderr } = await codexTasks(args).ended;
    assert.equal(code, 2);
    assert.match(stderr, /--output: nothing can be written to /);
  }
});
