/** A person's repository with a bare one as its forge, and a result of a task's to push. */
import assert from 'node:assert/strict';
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ForgeRemote } from '../../../client/pull-request/folder.ts';
import { CodexError } from '../../../protocol/errors.ts';
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

export const TASK_ID = 'task0001';
const REMOTE: ForgeRemote = { name: 'origin', host: 'forge.example', repo: 'acme/shop' };

export function scene(context: TestContext, change?: (root: string) => void) {
  const dir = temporaryFolder('codex-own');
  context.after(() => removeFolder(dir));
  const bare = join(dir, 'forge.git');
  const root = join(dir, 'work');
  git(dir, ['init', '-q', '--bare', '-b', 'main', bare]);
  initRepository(root);
  git(root, ['config', 'user.name', 'Ada']);
  git(root, ['config', 'user.email', 'ada@example.org']);
  git(root, ['remote', 'add', 'origin', bare]);
  write(root, 'a.txt', 'one\n');
  write(root, 'logo.png', binary(3_000, 'before'));
  write(root, 'run.sh', 'echo\n');
  const base = commitAll(root, 'base');
  git(root, ['push', '-q', '-u', 'origin', 'main']);
  const result = (change_: (root: string) => void, from = base) => {
    git(root, ['checkout', '-q', '--detach', from]);
    change_(root);
    const target = commitAll(root, 'result');
    git(root, ['checkout', '-q', 'main']);
    return { tree: git(root, ['rev-parse', `${target}^{tree}`]), target };
  };
  const patchOf = (from: string, to: string) =>
    gitBytes(root, ['diff', '--binary', '--full-index', '-M', from, to]);
  const first = result(
    change ??
      ((at) => {
        write(at, 'a.txt', 'two\n');
        write(at, 'logo.png', binary(4_000, 'after'));
        chmodSync(join(at, 'run.sh'), 0o755);
        symlinkSync('a.txt', join(at, 'link'));
      }),
  );
  const push = {
    ...{ root, remote: REMOTE, turn: 1, title: 'Round once', confirmed: [] as string[] },
    task: { id: TASK_ID, repo: { repoId: 'r', name: 'work', sha: base, includesLocal: false } },
    patch: patchOf(base, first.target),
    branch: 'codex/round-once',
  };
  const there = (...args: string[]) => git(bare, args);
  return { dir, bare, root, base, first, result, patchOf, push, there };
}

export async function failing(promise: Promise<unknown>): Promise<CodexError> {
  const thrown = await promise.then(
    () => assert.fail('it worked'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof CodexError, String(thrown));
  return thrown;
}
