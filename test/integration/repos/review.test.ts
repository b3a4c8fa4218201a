/** Which change a review is of, and which findings lie in it: over real repositories. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding, Report } from '../../../protocol/report.ts';
import type { RepoAtCommit } from '../../../protocol/rpc.ts';
import { changeOf, inTheChange } from '../../../server/pipeline/review.ts';
import { binary, commitAll, git, write } from '../../support/git.ts';
import { openTestStore, type TestStore } from './support.ts';

let store: TestStore;
let work: string;
let repoId: string;
const sha = { first: '', main: '', branch: '', local: '' };
const lines = (count: number, change: Record<number, string> = {}) =>
  Array.from({ length: count }, (_, at) => `${change[at + 1] ?? `line ${at + 1}`}\n`).join('');

before(async () => {
  store = await openTestStore();
  work = join(store.dir, 'work');
  mkdirSync(work);
  git(work, ['init', '-q', '-b', 'main']);
  write(work, 'src/a.ts', lines(20));
  write(work, 'gone.ts', lines(3));
  write(work, 'logo.png', binary(100));
  sha.first = commitAll(work, 'first');
  git(work, ['checkout', '-q', '-b', 'topic']);
  write(work, 'src/a.ts', lines(20, { 10: 'changed', 11: 'changed too' }));
  write(work, 'new [1].ts', lines(5));
  write(work, 'logo.png', binary(100, 'other'));
  rmSync(join(work, 'gone.ts'));
  sha.branch = commitAll(work, 'topic');
  git(work, ['checkout', '-q', 'main']);
  write(work, 'main.ts', lines(2));
  sha.main = commitAll(work, 'main goes on');
  git(work, ['checkout', '-q', 'topic']);
  // What the person has not committed, as a client sends it: a commit on theirs.
  write(work, 'src/a.ts', lines(20, { 1: 'not committed', 10: 'changed', 11: 'changed too' }));
  sha.local = commitAll(work, 'local changes');
  repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
  const to = join(store.dataDir, 'repos', `${repoId}.git`);
  for (const one of [sha.local, sha.main])
    git(work, ['push', '-q', to, `${one}:refs/codex/in/${randomUUID()}`]);
});
after(() => store.close());

const at = (of: Partial<RepoAtCommit> & { sha: string }): RepoAtCommit => ({
  repoId,
  name: 'work',
  includesLocal: false,
  ...of,
});

test('a review is of what is not committed, else of the branch, else of the newest commit', async () => {
  const { repos } = store;
  const local = at({ sha: sha.local, headSha: sha.branch, includesLocal: true, defaultSha: sha.main });
  assert.deepEqual(await changeOf(repos, local, sha.local), { kind: 'local', base: sha.branch });
  const branch = at({ sha: sha.branch, headSha: sha.branch, defaultSha: sha.main });
  assert.deepEqual(await changeOf(repos, branch, sha.branch), {
    kind: 'branch',
    base: sha.first,
    head: sha.branch,
  });
  const onMain = at({ sha: sha.main, defaultSha: sha.main });
  assert.deepEqual(await changeOf(repos, onMain, sha.main), { kind: 'commit', head: sha.main });
  assert.deepEqual(await changeOf(repos, at({ sha: sha.main }), sha.main), {
    kind: 'commit',
    head: sha.main,
  });
  const unknown = at({ sha: sha.main, defaultSha: 'f'.repeat(40) });
  assert.deepEqual(await changeOf(repos, unknown, sha.main), { kind: 'commit', head: sha.main });
  // A result of an earlier turn lies uncommitted too.
  assert.deepEqual(await changeOf(repos, branch, sha.local), { kind: 'local', base: sha.branch });
});

const finding = (path: string, startLine: number, endLine = startLine): Finding => ({
  title: `${path} ${startLine}`,
  body: 'It breaks.',
  priority: 1,
  confidence: 0.9,
  path,
  startLine,
  endLine,
});

async function review(
  repo: RepoAtCommit,
  startSha: string,
  findings: Finding[],
  reviewed?: Report['reviewed'],
): Promise<{ kept: string[]; answer: string }> {
  const change = await changeOf(store.repos, repo, startSha);
  const report = { followUps: [], checks: [], findings, ...(reviewed ? { reviewed } : {}) };
  const end = await inTheChange(store.repos, { repo, startSha, change }, { answer: 'I looked.', report });
  return { kept: end.report.findings.map(({ title }) => title), answer: end.answer };
}

test('findings outside of the change are told in the text, and none is lost', async () => {
  const repo = at({ sha: sha.branch, headSha: sha.branch, defaultSha: sha.main });
  const { kept, answer } = await review(repo, sha.branch, [
    finding('src/a.ts', 10),
    finding('src/a.ts', 9, 10),
    finding('src/a.ts', 1),
    finding('src/a.ts', 12, 20),
    finding('new [1].ts', 5),
    finding('new [1].ts', 6),
    finding('logo.png', 1),
    finding('gone.ts', 1),
    finding('main.ts', 1),
    finding('no-such.ts', 1),
    finding('-rf', 1),
  ]);
  assert.deepEqual(kept, ['src/a.ts 10', 'src/a.ts 9', 'new [1].ts 5', 'logo.png 1', 'gone.ts 1']);
  assert.match(
    answer,
    /^I looked\.\n\n## Outside of the change\n\n- \[P1\] \*\*src\/a\.ts 1\*\* \(src\/a\.ts:1\)/,
  );
  for (const told of ['src/a.ts 12', 'new [1].ts 6', 'main.ts 1', 'no-such.ts 1', '-rf 1']) {
    assert.ok(answer.includes(`**${told}**`), told);
  }
});

test('a finding beside lines that were only taken away lies in the change', async () => {
  write(work, 'src/a.ts', lines(20, { 10: 'changed' }).replace('line 15\nline 16\n', ''));
  const less = commitAll(work, 'less');
  const to = join(store.dataDir, 'repos', `${repoId}.git`);
  git(work, ['push', '-q', to, `${less}:refs/codex/in/${randomUUID()}`]);
  const { kept } = await review(
    at({ sha: less }),
    less,
    [13, 14, 15, 16].map((line) => finding('src/a.ts', line)),
  );
  assert.deepEqual(kept, ['src/a.ts 14', 'src/a.ts 15']);
});

test('the range that the model names counts where it is one', async () => {
  const repo = at({ sha: sha.local, headSha: sha.branch, includesLocal: true, defaultSha: sha.main });
  const both = [finding('src/a.ts', 1), finding('src/a.ts', 10)];
  assert.deepEqual((await review(repo, sha.local, both)).kept, ['src/a.ts 1']);
  const committed = { base: sha.first.slice(0, 12), head: sha.branch };
  assert.deepEqual((await review(repo, sha.local, both, committed)).kept, ['src/a.ts 10']);
  const all = { base: sha.first, head: 'worktree' };
  assert.deepEqual((await review(repo, sha.local, both, all)).kept, ['src/a.ts 1', 'src/a.ts 10']);
  for (const base of ['main', '--output=/tmp/x', 'HEAD', 'f'.repeat(40), sha.first.slice(0, 3)]) {
    assert.deepEqual(
      (await review(repo, sha.local, both, { base, head: sha.branch })).kept,
      ['src/a.ts 1'],
      base,
    );
  }
});

test('the first commit of all is a change from nothing', async () => {
  const { kept } = await review(at({ sha: sha.first }), sha.first, [
    finding('src/a.ts', 20),
    finding('b.ts', 1),
  ]);
  assert.deepEqual(kept, ['src/a.ts 20']);
});

test('when it cannot be looked up, what the model found is kept', async () => {
  const broken = { ...store.repos, changedLines: async () => Promise.reject(new Error('no disk')) };
  const repo = at({ sha: sha.main });
  const outcome = {
    answer: 'I looked.',
    report: { followUps: [], checks: [], findings: [finding('main.ts', 1)] },
  };
  const end = await inTheChange(
    { ...broken, findCommit: async () => null, mergeBase: async () => null },
    { repo, startSha: sha.main, change: { kind: 'commit', head: sha.main } },
    outcome,
  );
  assert.deepEqual(end, outcome);
});
