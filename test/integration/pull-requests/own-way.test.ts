/**
 * A pull request without the backend's credentials, all of it: the person's own git pushes over HTTP with their own
 * credential helper, VS Code's session makes it, and the backend is told. Of VS Code there is only the session.
 */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Way } from '../../../extension/pull-requests/desk.ts';
import type { CodexError } from '../../../protocol/errors.ts';
import type { PullRequestDesk } from '../../../protocol/pages.ts';
import type { ParamsOf } from '../../../protocol/rpc.ts';
import {
  binary,
  commitAll,
  git,
  gitBytes,
  initRepository,
  removeFolder,
  temporaryFolder,
  write,
} from '../../support/git.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { shown, workspace } from '../../unit/extension/changes/fake-vscode.ts';

const FAKE = new URL('../../unit/extension/changes/fake-vscode.ts', import.meta.url).href;
registerHooks({
  resolve: (name, context, next) =>
    name === 'vscode' ? { url: FAKE, shortCircuit: true } : next(name, context),
});
const { ownWay } = await import('../../../extension/pull-requests/ways.ts');

const REPO = 'acme/shop';
const TASK = 'task0001';

let github: StandIn;
let dir: string;
let root: string;
let token: string;
let base: string;

before(async () => {
  github = await startGitHub();
  dir = temporaryFolder('codex-own-way');
  root = join(dir, 'work');
  initRepository(root);
  git(root, ['config', 'user.name', 'Ada']);
  git(root, ['config', 'user.email', 'ada@example.org']);
  write(root, 'a.txt', 'one\n');
  write(root, 'logo.png', binary(3_000, 'before'));
  base = commitAll(root, 'base');
  await github.addRepo(REPO, { private: true, from: root, roles: { octocat: 'write' } });
  token = github.addToken('octocat').value;
  git(root, ['remote', 'add', 'origin', github.gitUrl(REPO)]);
  git(root, ['update-ref', 'refs/remotes/origin/main', base]);
  git(root, ['config', 'credential.helper', `!f() { echo username=octocat; echo "password=${token}"; }; f`]);
});
after(async () => {
  await github.close();
  removeFolder(dir);
});

/** A result of the task's, as a commit that no branch has. */
function result(from: string, change: () => void): { sha: string; tree: string } {
  git(root, ['checkout', '-q', '--detach', from]);
  change();
  const sha = commitAll(root, 'result');
  git(root, ['checkout', '-q', 'main']);
  return { sha, tree: git(root, ['rev-parse', `${sha}^{tree}`]) };
}

type Recorded = ParamsOf<'pullRequest.record'>;

/** `results`: of each turn; `second`: of a second attempt that it had. */
function way(
  results: readonly { sha: string; second?: string }[],
  existing?: Recorded,
): { way: Way; recorded: Recorded[]; seen: string[] } {
  const recorded: Recorded[] = [];
  const seen: string[] = [];
  const shaOf = (turn: number | undefined, attempt: number) => {
    const result = turn === undefined ? undefined : results[turn - 1];
    return (attempt === 2 ? result?.second : result?.sha) ?? base;
  };
  const file = (path: string, some: object = {}) => ({
    ...{ path: { path }, kind: 'modified', binary: false, oldMode: '100644', newMode: '100644', ...some },
  });
  const task = {
    ...{ id: TASK, title: 'Make it better', pullRequest: existing },
    repo: { repoId: 'r', name: 'work', sha: base, branch: 'main', includesLocal: false },
    turnList: results.map(({ sha, second }, index) => ({
      turn: index + 1,
      attempts: [sha, ...(second === undefined ? [] : [second])].map((_, at) => ({
        ...{ attempt: at + 1, patch: { files: 3, sha256: `sha${index}` }, answer: 'Done.' },
        // Cut: the backend lists no more than a limit.
        files: [file('a.txt'), file('logo.png', { binary: true })],
      })),
    })),
  };
  const connection = {
    call: async (method: string, params: Recorded) => {
      if (method !== 'pullRequest.record') return { task };
      recorded.push(params);
      return { pullRequest: { state: 'open', ...params, kind: 'github', by: 'client' } };
    },
    patch: async (_task: string, turn: number, attempt: number, { from }: { from?: number } = {}) =>
      gitBytes(root, [
        ...['diff', '--binary', '--full-index', '-M', shaOf(from, attempt), shaOf(turn, attempt)],
      ]),
  };
  const options = {
    ...{ backend: { ready: async () => ({ connection }) }, taskId: TASK, rootFor: async () => root },
    log: { warn: () => undefined },
    report: (thrown: unknown) => assert.fail(String(thrown)),
    seen: ({ state }: { state: string }) => seen.push(state),
  };
  return { way: ownWay(options as unknown as Parameters<typeof ownWay>[0]), recorded, seen };
}

type Form = NonNullable<PullRequestDesk['form']>;
const formOf = (preview: Form['preview']): Form => ({
  preview,
  own: true,
  localChanges: 'leaveOut',
  asks: true,
  kept: '',
});
const signal = () => new AbortController().signal;
const there = (...args: string[]) => git(github.gitDir(REPO), args);

let first: { sha: string; tree: string };
let made: Recorded;

test('nothing is pushed before the person is signed in, and nothing without the second yes', async () => {
  workspace.isTrusted = true;
  first = result(base, () => {
    write(root, 'a.txt', 'two\n');
    write(root, 'logo.png', binary(4_000, 'after'));
    write(root, '.husky/pre-push', '#!/bin/sh\n');
    chmodSync(join(root, '.husky/pre-push'), 0o755);
  });
  const { way: own } = way([first]);
  const preview = await own.preview({ own: true }, signal());
  assert.deepEqual(preview.delicate, [{ path: '.husky/pre-push', why: 'hook' }]);
  assert.equal(preview.base, 'main');
  const { title, body, branch } = preview;
  const written = { title, body, branch, base: 'main', draft: false };
  await assert.rejects(own.create(formOf(preview), written, signal()), /not signed in/);
  shown.sessions = { 'github-enterprise': token };
  shown.enterpriseUri = 'https://another.example';
  await assert.rejects(own.create(formOf(preview), written, signal()), /not signed in/);
  assert.equal(github.requests.length, 0, 'a server got the token of another');
  shown.enterpriseUri = new URL(github.apiUrl).origin;
  await assert.rejects(own.create(formOf(preview), written, signal()), { code: 'forgeNotConfirmed' });
  assert.equal(there('branch', '--list', 'codex/*'), '');
  assert.equal(github.asked('POST /repos/{owner}/{repo}/pulls'), 0);
});

test('the branch is pushed, the pull request made, and the backend told; the folder is as it was', async () => {
  write(root, 'a.txt', 'being edited\n');
  const before = git(root, ['status', '--porcelain']);
  const { way: own, recorded } = way([first]);
  const preview = await own.preview({ own: true }, signal());
  const written = {
    ...{ title: 'Better', body: 'Because.', branch: 'codex/better', base: 'main', draft: true },
    confirmed: preview.delicateKey,
  };
  const view = await own.create(formOf(preview), written, signal());
  assert.equal(view.number, 1);
  assert.equal(there('rev-parse', 'codex/better^{tree}'), first.tree);
  const pull = await github.pull(REPO, 1);
  assert.equal(pull.title, 'Better');
  assert.equal(pull.body, 'Because.');
  assert.equal(recorded.length, 1);
  assert.equal(recorded[0]?.branch, 'codex/better');
  assert.equal(recorded[0]?.draft, true);
  made = recorded[0]!;
  assert.equal(git(root, ['status', '--porcelain']), before);
  git(root, ['checkout', '-q', '--', 'a.txt']);
});

test('an answer that was lost is not asked for twice', async () => {
  const { way: own, recorded } = way([first]);
  const preview = await own.preview({ own: true }, signal());
  const written = {
    ...{ title: 'Twice', body: '', branch: 'codex/twice', base: 'main', draft: false },
    confirmed: preview.delicateKey,
  };
  github.fault('POST /repos/{owner}/{repo}/pulls', { kind: 'cutAnswer', afterBytes: 0 });
  await assert.rejects(own.create(formOf(preview), written, signal()), { code: 'forgeUnavailable' });
  assert.equal((await own.create(formOf(preview), written, signal())).number, 2);
  assert.equal(github.pulls(REPO).length, 2);
  assert.equal(recorded.length, 1);
  assert.equal(there('branch', '--list', 'codex/twice*').split('\n').length, 1);
});

test('a follow-up’s result is one commit more on the same branch', async () => {
  const second = result(first.sha, () => write(root, 'b.txt', 'new\n'));
  const existing: Recorded = { ...made, state: 'open' };
  const { way: own, recorded } = way([first, second], existing);
  const preview = await own.preview({ own: true }, signal());
  assert.equal(preview.existing?.number, 1);
  const { title, body, branch, delicateKey: confirmed } = preview;
  await own.update(formOf(preview), { title, body, branch, base: 'main', draft: false, confirmed }, signal());
  assert.equal(there('rev-parse', 'codex/better^{tree}'), second.tree);
  assert.equal(there('rev-list', '--count', 'main..codex/better'), '2');
  assert.deepEqual([recorded[0]?.number, recorded[0]?.turn], [1, 2]);
});

const sent = ({ title, body, branch, base: into, delicateKey }: Form['preview']) => ({
  ...{ title, body, branch, base: into, draft: false },
  ...(delicateKey === undefined ? {} : { confirmed: delicateKey }),
});

test('a result that came after the look is not the one that is published', async () => {
  const preview = await way([first]).way.preview({ own: true }, signal());
  const second = result(first.sha, () => write(root, 'late.txt', 'late\n'));
  const { way: own, recorded } = way([first, second]);
  await own.create(formOf(preview), { ...sent(preview), branch: 'codex/looked-at' }, signal());
  assert.equal(there('rev-parse', 'codex/looked-at^{tree}'), first.tree);
  assert.equal(recorded[0]?.turn, 1);
});

test('the branch of one attempt gets the result of another, not a mixture of both', async () => {
  const one = result(base, () => write(root, 'one.txt', 'one\n'));
  const other = result(base, () => write(root, 'other.txt', 'other\n'));
  const created = way([{ sha: one.sha, second: other.sha }]);
  const before = await created.way.preview({ own: true, attempt: 1 }, signal());
  await created.way.create(formOf(before), { ...sent(before), branch: 'codex/attempts' }, signal());
  const existing: Recorded = { ...created.recorded[0]!, state: 'open' };
  const next = result(other.sha, () => write(root, '.envrc', 'use nix\n'));
  const { way: own, recorded } = way(
    [
      { sha: one.sha, second: other.sha },
      { sha: one.sha, second: next.sha },
    ],
    existing,
  );
  const preview = await own.preview({ own: true, attempt: 2 }, signal());
  assert.deepEqual(preview.delicate, [{ path: '.envrc', why: 'selfRunning' }]);
  await own.update(formOf(preview), sent(preview), signal());
  assert.equal(there('rev-parse', 'codex/attempts^{tree}'), next.tree);
  assert.deepEqual([recorded[0]?.turn, recorded[0]?.attempt], [2, 2]);
});

test('what the forge has against a push is told in its words', async () => {
  const workflow = result(base, () => write(root, '.github/workflows/ci.yml', 'on: push\n'));
  const { way: own } = way([workflow]);
  const preview = await own.preview({ own: true }, signal());
  await assert.rejects(
    own.create(formOf(preview), { ...sent(preview), branch: 'codex/workflow' }, signal()),
    (error: CodexError) => /without `workflow` scope/.test(String(error.wire.params['reason'])),
  );
});

test('one that was merged or closed there takes nothing more, and that is told and kept', async () => {
  const second = result(first.sha, () => write(root, 'b.txt', 'new\n'));
  const third = result(second.sha, () => write(root, 'c.txt', 'newer\n'));
  const existing: Recorded = { ...made, state: 'open', turn: 2 };
  const before = there('rev-parse', made.branch);
  const { way: own, recorded, seen } = way([first, second, third], existing);
  const preview = await own.preview({ own: true }, signal());
  await github.merge(REPO, made.number, 'octocat');
  await assert.rejects(own.update(formOf(preview), sent(preview), signal()), { code: 'pullRequestClosed' });
  assert.deepEqual([recorded[0]?.state, recorded[0]?.turn, seen], ['merged', 2, ['merged']]);
  assert.equal(there('rev-parse', made.branch), before);
});

test('a repository that was renamed is gone on with under either name', async () => {
  github.rename(REPO, 'acme/store');
  try {
    const { way: own, recorded } = way([first]);
    const preview = await own.preview({ own: true }, signal());
    await own.create(formOf(preview), { ...sent(preview), branch: 'codex/renamed' }, signal());
    assert.equal(recorded[0]?.repo, 'acme/store');
    assert.equal(new URL(recorded[0]?.url ?? '').pathname, `/acme/store/pull/${recorded[0]?.number}`);
  } finally {
    github.rename('acme/store', REPO);
  }
});

test('GitHub was asked as it is, and no token is in what was asked for', () => {
  github.assertNoProblems();
  assert.ok(!JSON.stringify(github.requests).includes(token));
});
