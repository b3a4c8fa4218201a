/** The stand-in's git: cloned and pushed to over HTTP, and refused in the words of GitHub. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commitAll, git, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { bareCall, barePush, startGitHub, type StandIn } from '../../support/github/index.ts';
import { gitWith } from './ask.ts';

let github: StandIn;
let token: string;
let folder: string;
let clones = 0;

before(async () => {
  folder = temporaryFolder();
  github = await startGitHub();
  await github.addRepo('octocat/hello', { private: true, files: { 'a.txt': 'a\n' } });
  token = github.addToken('octocat', { scopes: ['repo', 'workflow'] }).value;
});
after(async () => {
  await github.close();
  github.assertNoProblems();
  removeFolder(folder);
});

async function clone(name = 'octocat/hello', as: string | null = token): Promise<string> {
  const dir = join(folder, `clone-${(clones += 1)}`);
  const run = await gitWith(as, folder, 'clone', '--quiet', github.gitUrl(name), dir);
  assert.equal(run.code, 0, run.stderr);
  return dir;
}

/** What a push of these files to this branch says; null: it was taken. */
async function push(dir: string, branch: string, files: Record<string, string | Buffer>, as = token) {
  for (const [name, content] of Object.entries(files)) write(dir, name, content);
  if (Object.keys(files).length > 0) commitAll(dir);
  const run = await gitWith(as, dir, 'push', 'origin', `HEAD:refs/heads/${branch}`);
  return run.code === 0 ? null : run.stderr;
}

test('what is pushed is there, byte for byte', async () => {
  const dir = await clone();
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => (n * n * 31) % 251));
  assert.equal(await push(dir, 'grüße/x', { 'big.bin': bytes }), null);
  assert.equal(
    git(github.gitDir('octocat/hello'), ['rev-parse', 'grüße/x']),
    git(dir, ['rev-parse', 'HEAD']),
  );
  const other = await clone();
  assert.equal(git(other, ['rev-parse', 'origin/grüße/x:big.bin']), git(dir, ['hash-object', 'big.bin']));
});

test('a private repository is cloned with a token that may, and is not there for others', async () => {
  const url = github.gitUrl('octocat/hello');
  const nobody = await gitWith(null, folder, 'ls-remote', url);
  assert.match(nobody.stderr, /could not read Username/);
  const bad = await gitWith('ghp_wrong', folder, 'ls-remote', url);
  assert.match(bad.stderr, /remote: Invalid username or token\.[^]*Authentication failed/);
  const stranger = github.addToken('stranger').value;
  const run = await gitWith(stranger, folder, 'ls-remote', url);
  assert.match(run.stderr, /remote: Repository not found\.\n.*not found/s);
});

test('who may only read is not let push', async () => {
  github.allow('octocat/hello', 'rea', 'read');
  const dir = await clone();
  const reader = github.addToken('rea').value;
  assert.match(
    String(await push(dir, 'reader', { r: 'r' }, reader)),
    /remote: Permission to octocat\/hello\.git denied to rea\.\n.* 403/s,
  );
  const fine = github.addToken('octocat', { kind: 'fineGrained', permissions: { contents: 'read' } }).value;
  assert.match(String(await push(dir, 'fine', {}, fine)), /remote: Write access to repository not granted\./);
});

test('an app pushes with the token of its installation, until it ends', async () => {
  const app = github.addApp();
  const { id } = github.install(app, 'octocat', { repos: ['octocat/hello'] });
  const asked = await fetch(`${github.apiUrl}/app/installations/${id}/access_tokens`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${github.assertion(app)}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    },
  });
  const { token: installed } = (await asked.json()) as { token: string };
  const dir = await clone('octocat/hello', installed);
  assert.equal(await push(dir, 'by-app', { app: 'app' }, installed), null);
  assert.match(
    String(await push(dir, 'by-app', { '.github/workflows/ci.yml': 'on: push\n' }, installed)),
    /\(refusing to allow a GitHub App to create or update workflow `\.github\/workflows\/ci\.yml` without `workflows` permission\)/,
  );
  github.expireTokens(installed);
  assert.match(String(await push(dir, 'later', {}, installed)), /Authentication failed/);
});

test('a token that ends between the question and the push leaves nothing behind', async () => {
  const dir = await clone();
  const short = github.addToken('octocat').value;
  github.before('git receive-pack', () => github.expireTokens(short));
  assert.match(String(await push(dir, 'too-late', { late: 'late' }, short)), /HTTP 401/);
  assert.equal(git(github.gitDir('octocat/hello'), ['for-each-ref', 'refs/heads/too-late']), '');
});

test('a protected branch takes no push', async () => {
  github.protect('octocat/hello', 'main');
  const dir = await clone();
  const classic = String(await push(dir, 'main', { p: 'p' }));
  assert.match(classic, /remote: error: GH006: Protected branch update failed for refs\/heads\/main\./);
  assert.match(classic, /remote: - Changes must be made through a pull request\./);
  assert.match(classic, /! \[remote rejected\] HEAD -> main \(protected branch hook declined\)/);

  github.protect('octocat/hello', 'main', { how: 'ruleset' });
  const ruled = String(await push(dir, 'main', {}));
  assert.match(ruled, /GH013: Repository rule violations found for refs\/heads\/main\./);
  assert.match(ruled, /\(push declined due to repository rule violations\)/);
  assert.equal(await push(dir, 'not-main', {}), null);
  github.protect('octocat/hello', 'main', null);
  assert.equal(await push(dir, 'main', {}), null);
});

test('a file over the limit is refused, whatever the branch', async () => {
  const before = github.limits.fileBytes;
  github.limits.fileBytes = 1024 * 1024;
  const dir = await clone();
  const said = String(await push(dir, 'large', { 'a b.bin': Buffer.alloc(1024 * 1024 + 1) }));
  assert.match(
    said,
    /remote: error: File a b\.bin is 1\.00 MB; this exceeds GitHub's file size limit of 1\.00 MB/,
  );
  assert.match(said, /remote: error: GH001: Large files detected\./);
  assert.match(said, /\(pre-receive hook declined\)/);
  github.limits.fileBytes = before;
  assert.equal(await push(dir, 'large', {}), null);
});

test('a workflow file wants a token that may change workflows', async () => {
  const dir = await clone();
  const plain = github.addToken('octocat', { scopes: ['repo'] }).value;
  const files = { '.github/workflows/ci.yml': 'on: push\n' };
  assert.match(
    String(await push(dir, 'flow', files, plain)),
    /\(refusing to allow a Personal Access Token to create or update workflow `\.github\/workflows\/ci\.yml` without `workflow` scope\)/,
  );
  assert.equal(await push(dir, 'flow', {}), null);
});

test('the refs of pull requests can be fetched and not written', async () => {
  const dir = await clone();
  const fork = await github.fork('octocat/hello', 'forker');
  await github.commit('forker/hello', 'theirs', { f: 'f' });
  const body = { title: 'From a fork', head: 'forker:theirs', base: 'main' };
  const forker = github.addToken('forker').value;
  github.allow('octocat/hello', 'forker', 'read');
  await bareCall(github.apiUrl, forker, 'POST', '/repos/octocat/hello/pulls', body);
  const [{ number } = { number: 0 }] = github.pulls('octocat/hello');
  const fetched = await gitWith(token, dir, 'fetch', 'origin', `refs/pull/${number}/head`);
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.equal(git(dir, ['rev-parse', 'FETCH_HEAD']), git(fork.dir, ['rev-parse', 'theirs']));
  const written = await gitWith(token, dir, 'push', 'origin', `HEAD:refs/pull/${number}/head`);
  assert.match(written.stderr, /deny updating a hidden ref/);

  github.removeRepo('forker/hello');
  const { pull } = await github.pull('octocat/hello', number);
  assert.equal(pull.headRepo, null);
  await bareCall(github.apiUrl, token, 'GET', `/repos/octocat/hello/pulls/${number}`);
});

test('git follows a rename, and is told that a repository is archived', async () => {
  await github.addRepo('octocat/old-name');
  const dir = await clone('octocat/old-name');
  github.rename('octocat/old-name', 'octocat/new-name');
  assert.equal(await push(dir, 'renamed', { r: 'r' }), null);
  github.archive('octocat/new-name');
  const said = String(await push(dir, 'archived', { a: 'a' }));
  assert.match(said, /remote: This repository was archived so it is read-only\./);
});

test('a bare push and a bare call are measured', async () => {
  const dir = await clone();
  write(dir, 'bench', 'b');
  commitAll(dir);
  const url = github.gitUrl('octocat/hello');
  assert.ok((await barePush(dir, url, token, 'HEAD:refs/heads/bench')) > 0);
  assert.ok((await bareCall(github.apiUrl, token, 'GET', '/repos/octocat/hello')) > 0);
  await assert.rejects(barePush(dir, url, 'ghp_wrong', 'HEAD:refs/heads/b'), (error: Error) => {
    assert.ok(!error.message.includes('ghp_wrong'));
    return true;
  });
});
