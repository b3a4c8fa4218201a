/** A store with a repository of everything, a forge, and for each test a repository there that has `main`. */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { CodexError } from '../../../protocol/errors.ts';
import type { RemoteRepo } from '../../../server/repos/remote-types.ts';
import { binary, commitAll, git, gitAsync, repositoryOfEverything, write } from '../../support/git.ts';
import { PASSWORD, openForge, type ForgeServer } from './forge-server.ts';
import { openTestStore, type TestStore } from './support.ts';

export const TASK = 'aaaaaaaaaa';

/** The token, as it is and as it travels. */
export const SECRET = new RegExp(
  `${PASSWORD}|${Buffer.from(`x-access-token:${PASSWORD}`).toString('base64')}`,
);

export class PushWorld {
  readonly store: TestStore;
  readonly forge: ForgeServer;
  readonly work: string;
  readonly repoId: string;
  readonly head: string;
  #count = 0;
  /** Of this test. */
  name = '';
  there = '';
  remote: RemoteRepo = { url: '', host: '', loopback: true };

  private constructor(store: TestStore, forge: ForgeServer, work: string, repoId: string, head: string) {
    this.store = store;
    this.forge = forge;
    this.work = work;
    this.repoId = repoId;
    this.head = head;
  }

  static async open(): Promise<PushWorld> {
    const store = await openTestStore({ remoteTimes: { stallMs: 4_000, totalMs: 60_000 } });
    const forge = await openForge(join(store.dir, 'forge'));
    const { dir, head } = repositoryOfEverything(join(store.dir, 'work'));
    const repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    const world = new PushWorld(store, forge, dir, repoId, head);
    await world.bring(head);
    return world;
  }

  async close(): Promise<void> {
    await this.forge.close();
    await this.store.close();
  }

  begin(): void {
    this.forge.fault = () => undefined;
    this.forge.seen.length = 0;
    this.name = `owner/repo${(this.#count += 1)}`;
    this.there = this.forge.make(this.name);
    this.remote = this.forge.remote(this.name);
    git(this.there, ['fetch', '-q', this.work, `${this.head}:refs/heads/main`], {
      env: { GIT_ALLOW_PROTOCOL: 'file' },
    });
  }

  bring(sha: string): Promise<string> {
    const ref = `refs/codex/in/${crypto.randomUUID()}`;
    return gitAsync(this.work, ['push', '-q', this.store.url(this.repoId), `${sha}:${ref}`]);
  }

  /** A commit on top of `head` that does not fit into one piece of a request. */
  async large(seed: string): Promise<string> {
    write(this.work, `${seed}.bin`, binary(3 * 1024 * 1024, seed));
    const sha = commitAll(this.work, 'Large');
    git(this.work, ['reset', '-q', '--hard', this.head]);
    await this.bring(sha);
    return sha;
  }

  async next(parent: string, message: string): Promise<string> {
    const { repos } = this.store;
    const tree = await repos.treeOf(this.repoId, parent);
    const author = { name: 'A Person', email: 'person@example.com' };
    return repos.makeCommit(this.repoId, TASK, { tree, parents: [parent], author, at: 0, message });
  }

  /** What stands there; nothing when it is empty. */
  at(branch: string): string {
    return git(this.there, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]);
  }

  push(branch: string, sha: string, expected: string | null, signal?: AbortSignal): Promise<void> {
    return this.store.repos.pushTo(this.repoId, this.remote, { branch, sha, expected }, signal);
  }
}

/** An error of ours in which the token is nowhere. */
export async function failure(done: Promise<unknown>): Promise<CodexError> {
  const thrown = await done.then(
    () => assert.fail('it worked'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof CodexError, String(thrown));
  assert.doesNotMatch(everythingIn(thrown), SECRET);
  return thrown;
}

export function everythingIn(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const wire = thrown instanceof CodexError ? JSON.stringify(thrown.wire) : '';
  const cause = thrown.cause === undefined ? '' : everythingIn(thrown.cause);
  return `${thrown.message} ${thrown.stack ?? ''} ${wire} ${cause}`;
}
