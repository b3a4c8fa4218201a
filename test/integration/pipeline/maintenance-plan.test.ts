/** When a prepared environment has to install again: by lock files of two real commits. */
import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { effective } from '../../../server/environments/effective.ts';
import type { TurnEnvironment } from '../../../server/pipeline/environment.ts';
import { planMaintenance, type Plan } from '../../../server/pipeline/setup/plan.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';
import { commitAll, git, initRepository, write } from '../../support/git.ts';
import { openTestStore, type TestStore } from '../repos/support.ts';

let store: TestStore;
let folder: string;
let repoId: string;
before(async () => {
  store = await openTestStore();
  folder = initRepository(join(store.dir, 'folder'));
  repoId = await store.repos.resolve({ name: 'x', remote: null, folder });
});
after(() => store.close());

const PLAN: Plan = {
  switchVersions: false,
  text: 'x',
  written: false,
  files: ['package-lock.json', 'uv.lock'],
};
const environment: TurnEnvironment = {
  settings: effective(defaultEnvironment(), null, resolveLimits()),
  secrets: [],
  redactor: createRedactor([]),
  base: { sha: '', uncached: null }, untrusted: false,
};

/** A commit, as the backend has it. */
function commit(): string {
  const sha = commitAll(folder);
  git(folder, ['push', '-q', store.repoDir(repoId), `${sha}:refs/codex/in/${sha}`]);
  return sha;
}

const plan = (from: string, to: string) =>
  planMaintenance(store.repos, repoId, environment, PLAN, { from, to });

test('it installs again when a lock file changed, came, went or became a link, and only then', async () => {
  write(folder, 'package-lock.json', '{}\n');
  write(folder, 'uv.lock', 'version = 1\n');
  const base = commit();
  write(folder, 'other.txt', 'x\n');
  assert.equal(await plan(base, commit()), null);
  write(folder, 'uv.lock', 'version = 2\n');
  assert.match((await plan(base, commit()))?.text ?? '', /uv sync --frozen/);
  rmSync(join(folder, 'uv.lock'));
  symlinkSync('/etc/passwd', join(folder, 'uv.lock'));
  const linked = commit();
  const due = await plan(base, linked);
  assert.match(due?.text ?? '', /npm ci/);
  assert.doesNotMatch(due?.text ?? '', /uv sync/);
  // What is no file on both sides can't be said to be the same.
  write(folder, 'third.txt', 'x\n');
  assert.notEqual(await plan(linked, commit()), null);
  rmSync(join(folder, 'uv.lock'));
  write(folder, 'uv.lock/inside', 'a folder\n');
  assert.notEqual(await plan(base, commit()), null);
});
