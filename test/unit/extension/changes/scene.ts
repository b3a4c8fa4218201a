/** A repository, an agent's result of it, and the review of that in a folder: with real files, without VS Code. */
import { join } from 'node:path';
import { nodeFileIO, openCheckpoints, type DocumentIO } from '../../../../client/apply/index.ts';
import { reviewed, type ResultRef } from '../../../../extension/changes/result.ts';
import { ChangesSession } from '../../../../extension/changes/session.ts';
import { StoredReviews } from '../../../../extension/changes/stored.ts';
import {
  commitAll,
  git,
  gitBytes,
  initRepository,
  removeFolder,
  temporaryFolder,
} from '../../../support/git.ts';

export interface Scene {
  root: string;
  session: ChangesSession;
  stored: StoredReviews;
  /** Unsaved documents by path: what saving would write. */
  buffers: Map<string, Buffer>;
  fetched: string[];
  /** As after a restart of the window. */
  again(): Promise<ChangesSession>;
  /** Ids by what a hunk removes and adds, or by the name of a whole part. */
  id(path: string, what: string): string;
  close(): void;
}

export async function scene(before: (root: string) => void, change: (root: string) => void): Promise<Scene> {
  const dir = temporaryFolder('codex-changes');
  const root = join(dir, 'work');
  initRepository(root);
  before(root);
  const base = commitAll(root, 'base');
  change(root);
  const target = commitAll(root, 'target');
  const patch = gitBytes(root, ['diff', '--binary', '--full-index', '-M', base, target]);
  const bare = join(dir, 'bare.git');
  git(dir, ['clone', '-q', '--bare', root, bare]);
  git(root, ['reset', '-q', '--hard', base]);
  const ref: ResultRef = { taskId: 'task0001', turn: 1, attempt: 1, from: null, root };
  const buffers = new Map<string, Buffer>();
  const fetched: string[] = [];
  const stored = new StoredReviews(join(dir, 'reviews'));
  const make = async () => {
    const result = await reviewed(ref, 'A task', patch, []);
    const session = new ChangesSession(result, await stored.state('it'), {
      io: nodeFileIO(root),
      documents: documentsOf(buffers),
      checkpoints: () => openCheckpoints(join(dir, 'checkpoints')),
      fetch: async (oid) => {
        fetched.push(oid);
        return gitBytes(bare, ['cat-file', 'blob', oid]);
      },
      save: (review) => stored.save('it', review),
    });
    await session.look();
    return session;
  };
  await stored.begin('it', patch);
  const made: Scene = {
    ...{ root, stored, buffers, fetched, session: await make(), again: make },
    id: (path, what) => {
      const file = made.session.files.find((one) => one.file.path.path === path);
      const hunk = file?.hunks.find(({ removed, added }) =>
        Buffer.concat([...removed, ...added])
          .toString()
          .includes(what),
      );
      const part = file?.file.whole.find((one) => one.what === what);
      const id = hunk?.id ?? part?.id;
      if (id === undefined) throw new Error(`${path} has no part ${what}.`);
      return id;
    },
    close: () => removeFolder(dir),
  };
  return made;
}

export function documentsOf(buffers: Map<string, Buffer>): DocumentIO {
  return {
    isDirty: ({ path }) => buffers.has(path),
    read: async ({ path }) => buffers.get(path)!,
    applyToBuffer: async ({ path }, transform) => {
      const made = transform(buffers.get(path)!);
      if (!made.ok) return made;
      buffers.set(path, Buffer.from(made.bytes));
      return { ok: true };
    },
  };
}
