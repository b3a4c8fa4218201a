/** The person's own git: a commit beside everything of theirs, pushed to a bare repository on the disk. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseBranch, unpushedCommits } from '../../../client/pull-request/folder.ts';
import { pushResult, pushUpdate } from '../../../client/pull-request/own.ts';
import { errorWords } from '../../../client/words/index.ts';
import { commitAll, git, tryGit, write } from '../../support/git.ts';
import { failing, scene, TASK_ID } from './scene.ts';

test('the branch at the forge has the result’s tree byte for byte, by the person, with nothing of theirs touched', async (context) => {
  const { root, base, first, push, there } = scene(context);
  write(root, 'mine.txt', 'not committed\n');
  write(root, 'a.txt', 'being edited\n');
  git(root, ['add', 'mine.txt']);
  const before = git(root, ['status', '--porcelain']);
  assert.deepEqual(await pushResult(push), { branch: 'codex/round-once' });
  assert.equal(there('rev-parse', 'codex/round-once^{tree}'), first.tree);
  assert.equal(there('rev-parse', 'codex/round-once^'), base);
  assert.equal(there('show', '-s', '--format=%an <%ae>', 'codex/round-once'), 'Ada <ada@example.org>');
  assert.equal(
    there('show', '-s', '--format=%B', 'codex/round-once').trim(),
    `Round once\n\nCodex task ${TASK_ID}, turn 1.\n\nSigned-off-by: Ada <ada@example.org>\nCo-authored-by: Codex <codex@codex-tasks.invalid>`,
  );
  assert.equal(git(root, ['status', '--porcelain']), before);
  assert.equal(readFileSync(join(root, 'a.txt'), 'utf8'), 'being edited\n');
  assert.equal(git(root, ['symbolic-ref', '--short', 'HEAD']), 'main');
});

test('a title can’t bring a line of its own into the message', async (context) => {
  const { push, there } = scene(context);
  await pushResult({ ...push, title: 'Round\n\nSigned-off-by: Eve <eve@example.org>' });
  const message = there('show', '-s', '--format=%B', 'codex/round-once');
  assert.equal(message.split('\n')[0], 'Round Signed-off-by: Eve <eve@example.org>');
  assert.deepEqual(message.match(/^Signed-off-by: .*$/gm), ['Signed-off-by: Ada <ada@example.org>']);
});

test('asked again, the same commit is found; another’s branch of the name is left alone', async (context) => {
  const { root, push, there } = scene(context);
  await pushResult(push);
  const at = there('rev-parse', 'codex/round-once');
  assert.deepEqual(await pushResult(push), { branch: 'codex/round-once' });
  assert.equal(there('rev-parse', 'codex/round-once'), at);

  git(root, ['branch', 'codex/other', 'main']);
  assert.deepEqual(await pushResult({ ...push, branch: 'codex/other' }), { branch: 'codex/other-2' });
  assert.equal(git(root, ['rev-parse', 'codex/other']), git(root, ['rev-parse', 'main']));

  there('update-ref', 'refs/heads/codex/theirs', 'main');
  assert.deepEqual(await pushResult({ ...push, branch: 'codex/theirs' }), { branch: 'codex/theirs-2' });
  assert.equal(there('rev-parse', 'codex/theirs'), there('rev-parse', 'main'));
});

test('the person’s own hook runs, and what it says is told without a password', async (context) => {
  const { root, push, there } = scene(context);
  const hook = join(root, '.git/hooks/pre-push');
  write(
    root,
    '.git/hooks/pre-push',
    '#!/bin/sh\nprintf "\\033[31mlint failed\\033[0m at https://me:hush@example.org/x\\n" >&2\nexit 1\n',
  );
  chmodSync(hook, 0o755);
  const { wire } = await failing(pushResult(push));
  assert.equal(wire.code, 'forgePushRefused');
  assert.match(errorWords(wire).text, /^“git push” of “codex\/round-once” failed: “lint failed at /);
  assert.match(String(wire.params['output']), /lint failed at https:\/\/example\.org\/x/);
  assert.ok(!JSON.stringify(wire).includes('hush'));
  assert.equal(there('branch', '--list', 'codex/*'), '');
  // Mended, it goes on with the commit that is there.
  unlinkSync(hook);
  assert.deepEqual(await pushResult(push), { branch: 'codex/round-once' });
  assert.equal(git(root, ['branch', '--list', 'codex/*']).split('\n').length, 1);
});

test('what the forge has against it is told in its words', async (context) => {
  const { bare, push } = scene(context);
  write(bare, 'hooks/pre-receive', '#!/bin/sh\necho "GH013: secrets found" >&2\nexit 1\n');
  chmodSync(join(bare, 'hooks/pre-receive'), 0o755);
  const { wire } = await failing(pushResult(push));
  assert.match(errorWords(wire).text, /^forge\.example refused the push .*: “GH013: secrets found”/);
});

test('a push that has arrived is one, whatever became of the answer', async (context) => {
  const { dir, root, push, there } = scene(context);
  const receive = join(dir, 'receive-pack');
  write(dir, 'receive-pack', '#!/bin/sh\ngit receive-pack "$@"\nexit 1\n');
  chmodSync(receive, 0o755);
  git(root, ['config', 'remote.origin.receivepack', receive]);
  assert.notEqual(tryGit(root, ['push', 'origin', 'main:refs/heads/other']).code, 0);
  assert.deepEqual(await pushResult(push), { branch: 'codex/round-once' });
  assert.equal(there('rev-parse', 'codex/round-once'), git(root, ['rev-parse', 'codex/round-once']));
});

test('an update is one commit more, and again it changes nothing', async (context) => {
  const { base, first, result, patchOf, push, there } = scene(context);
  await pushResult(push);
  const second = result((at) => write(at, 'b.txt', 'new\n'), first.target);
  const update = { ...push, turn: 2, patch: patchOf(first.target, second.target) };
  await pushUpdate(update);
  assert.equal(there('rev-parse', 'codex/round-once^{tree}'), second.tree);
  assert.equal(there('rev-list', '--count', `${base}..codex/round-once`), '2');
  const at = there('rev-parse', 'codex/round-once');
  await pushUpdate(update);
  assert.equal(there('rev-parse', 'codex/round-once'), at);
});

test('files that run by themselves go only with a yes for exactly them', async (context) => {
  const { push, there } = scene(context, (at) => {
    write(at, '.github/workflows/ci.yml', 'on: push\n');
    write(at, 'a.txt', 'two\n');
  });
  for (const confirmed of [[], ['a.txt']]) {
    const { wire } = await failing(pushResult({ ...push, confirmed }));
    assert.equal(wire.code, 'forgeNotConfirmed');
    assert.equal(wire.params['paths'], '.github/workflows/ci.yml');
  }
  assert.equal(there('branch', '--list', 'codex/*'), '');
  await pushResult({ ...push, confirmed: ['.github/workflows/ci.yml'] });
  assert.equal(there('show', 'codex/round-once:.github/workflows/ci.yml'), 'on: push');
});

test('a file that is renamed away from such a name needs that yes, too', async (context) => {
  const { root, push, result, patchOf, there } = scene(context);
  const before = result((at) => write(at, 'docs/CODEOWNERS', `${'* @acme/all\n'.repeat(20)}`));
  const after = result(
    (at) => renameSync(join(at, 'docs/CODEOWNERS'), join(at, 'docs/owners')),
    before.target,
  );
  const renamed = {
    ...{ ...push, patch: patchOf(before.target, after.target) },
    task: { ...push.task, repo: { ...push.task.repo, sha: before.target } },
  };
  const { wire } = await failing(pushResult(renamed));
  assert.equal(wire.code, 'forgeNotConfirmed');
  assert.equal(wire.params['paths'], 'docs/CODEOWNERS');
  await pushResult({ ...renamed, confirmed: ['docs/CODEOWNERS'] });
  assert.equal(there('ls-tree', '--name-only', 'codex/round-once', 'docs/'), 'docs/owners');
  assert.equal(git(root, ['status', '--porcelain']), '');
});

test('a result that does not fit is not pushed in part', async (context) => {
  const { root, push, there } = scene(context);
  write(root, 'a.txt', 'something else\n');
  const moved = commitAll(root, 'moved');
  const { wire } = await failing(
    pushResult({ ...push, task: { ...push.task, repo: { ...push.task.repo, sha: moved } } }),
  );
  assert.equal(wire.code, 'notApplied');
  assert.equal(there('branch', '--list', 'codex/*'), '');
  assert.equal(git(root, ['branch', '--list', 'codex/*']), '');
});

test('the base is the branch that is checked out where the remote has it, and commits that it lacks are counted', async (context) => {
  const { root } = scene(context);
  assert.equal(await baseBranch(root, 'origin'), 'main');
  git(root, ['checkout', '-q', '-b', 'mine']);
  write(root, 'x', '1');
  const mine = commitAll(root, 'mine');
  assert.equal(await baseBranch(root, 'origin'), 'main');
  assert.equal(await unpushedCommits(root, 'origin', mine), 1);
  git(root, ['push', '-q', 'origin', 'mine']);
  assert.equal(await baseBranch(root, 'origin'), 'mine');
  assert.equal(await baseBranch(root, 'origin', 'main'), 'main');
  assert.equal(await unpushedCommits(root, 'origin', mine), 0);
});

test('what was given up is not gone on with', async (context) => {
  const { push, bare } = scene(context);
  const { wire } = await failing(pushResult({ ...push, signal: AbortSignal.abort() }));
  assert.equal(wire.code, 'cancelled');
  assert.ok(existsSync(bare));
  assert.equal(tryGit(bare, ['rev-parse', '--verify', '-q', 'codex/round-once']).code, 1);
});
