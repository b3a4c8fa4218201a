/**
 * Whether what an environment file says may run with the environment's secrets.
 *
 * It may when it stands like this on the default branch (whoever writes there is trusted with them), or
 * when a person approved its hash for this repository. Anything else, a script that a branch or local
 * changes brought, still runs, but without secrets.
 *
 * Not the scripts alone: the image brings the shell that reads them, versions and variables choose the
 * programs that they call (`PYTHONSTARTUP`, `npm_config_registry`), the folder what `make` means. What
 * the stored environment overrules takes no part. What a trusted script itself runs out of the checkout
 * (`npm ci` and its packages) is not covered: nobody can say that by a hash of the script.
 */
import { createHash } from 'node:crypto';
import type { Environment, RepositorySettings } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { Store } from '../store/store.ts';
import { type FileReader, readEnvironmentFile } from './file.ts';

/**
 * - `nothing`: neither this file nor the default branch's sets anything that holds.
 * - `default`: it is the same on the default branch.
 * - `approved`: a person approved it.
 * - `changed`: it differs from the default branch's, or is not there.
 * - `unknown`: nobody said which commit the default branch's is, or it is not here.
 */
export type ScriptWhy = 'nothing' | 'default' | 'approved' | 'changed' | 'unknown';

export interface ScriptTrust {
  /** What an approval names. */
  hash: string;
  trusted: boolean;
  why: ScriptWhy;
}

export interface ScriptsOf {
  repoId: string;
  sha: string;
  defaultSha: string | undefined;
  stored: Environment;
  /** The file at `sha`; null when there is none. */
  file: RepositorySettings | null;
}

export interface ScriptsDeps {
  store: Store;
  repos: FileReader & { hasCommit(repoId: string, sha: string): Promise<boolean> };
}

export class Scripts {
  readonly #deps: ScriptsDeps;

  constructor(deps: ScriptsDeps) {
    this.#deps = deps;
  }

  async trust({ repoId, sha, defaultSha, stored, file }: ScriptsOf): Promise<ScriptTrust> {
    const { repos } = this.#deps;
    const mine = partThatHolds(stored, file);
    const hash = hashOf(mine);
    const setsNothing = Object.keys(mine).length === 0;
    const known = defaultSha !== undefined && (await repos.hasCommit(repoId, defaultSha));
    if (!known && setsNothing) return { hash, trusted: true, why: 'nothing' };
    if (known) {
      // A branch that drops what the default one says sets itself up in another way, too.
      const theirs = sha === defaultSha ? file : await this.#default(repoId, defaultSha);
      const same = hashOf(partThatHolds(stored, theirs)) === hash;
      if (same) return { hash, trusted: true, why: setsNothing ? 'nothing' : 'default' };
    }
    if (await this.#isApproved(repoId, hash)) return { hash, trusted: true, why: 'approved' };
    return { hash, trusted: false, why: known ? 'changed' : 'unknown' };
  }

  /** From now on, for this repository and exactly this. */
  async approve(repoId: string, hash: string, who: string): Promise<void> {
    await this.#deps.store.write((tx) =>
      tx
        .insertInto('approved_scripts')
        .values({ repo_id: repoId, hash, approved_by: who, approved_at: Date.now() })
        .onConflict((on) => on.doNothing())
        .execute(),
    );
  }

  /** A file that can't be read there vouches for nothing. */
  async #default(repoId: string, sha: string): Promise<RepositorySettings | null> {
    try {
      return await readEnvironmentFile(this.#deps.repos, repoId, sha);
    } catch (error) {
      if (error instanceof CodexError && error.code === 'environmentFileInvalid') return null;
      throw error;
    }
  }

  async #isApproved(repoId: string, hash: string): Promise<boolean> {
    const row = await this.#deps.store.read((db) =>
      db
        .selectFrom('approved_scripts')
        .select('hash')
        .where('repo_id', '=', repoId)
        .where('hash', '=', hash)
        .executeTakeFirst(),
    );
    return row !== undefined;
  }
}

/** Of the file, what the stored environment leaves to it and what can make a script do something else. */
export function partThatHolds(stored: Environment, file: RepositorySettings | null): RepositorySettings {
  if (file === null) return {};
  const part: Record<string, unknown> = {};
  for (const field of ['image', 'workdir', 'setup', 'maintenance'] as const) {
    if (stored[field] === undefined && file[field] !== undefined) part[field] = file[field];
  }
  for (const field of ['versions', 'variables'] as const) {
    const names = Object.entries(file[field] ?? {}).filter(
      ([name]) => !Object.hasOwn(stored[field] ?? {}, name),
    );
    if (names.length > 0) part[field] = Object.fromEntries(names);
  }
  return part;
}

function hashOf(part: RepositorySettings): string {
  return createHash('sha256').update(inOrder(part)).digest('hex');
}

/** JSON in which the order of keys says nothing. */
function inOrder(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${inOrder(inner)}`).join(',')}}`;
}
