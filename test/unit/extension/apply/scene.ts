/** A repository, a task's result of it, and all that is behind the door, with as much of VS Code as it touches. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AppliedRecord } from '../../../../extension/apply/records.ts';
import type { Rooms, RoomsOptions } from '../../../../extension/changes/rooms.ts';
import {
  commitAll,
  git,
  gitBytes,
  initRepository,
  removeFolder,
  temporaryFolder,
} from '../../../support/git.ts';
import { shown, Uri, workspace } from '../changes/fake-vscode.ts';

export { shown, workspace };

const FAKE = new URL('../changes/fake-vscode.ts', import.meta.url).href;
registerHooks({
  resolve: (name, context, next) =>
    name === 'vscode' ? { url: FAKE, shortCircuit: true } : next(name, context),
});

export interface Scene {
  rooms: Rooms;
  options: RoomsOptions;
  dir: string;
  root: string;
  base: string;
  reviews: string[];
  records: Map<string, AppliedRecord>;
  reports: string[];
  read: (path: string) => string;
  write: (path: string, text: string) => void;
  git: (...args: string[]) => string;
  /** What was told last, once the person was told something. */
  told: () => Promise<string>;
}

export const TASK = 'task0001';

export async function scene(
  context: TestContext,
  before: (root: string) => void,
  change: (root: string) => void,
): Promise<Scene> {
  const dir = temporaryFolder('codex-rooms');
  context.after(() => removeFolder(dir));
  const root = join(dir, 'work');
  initRepository(root);
  git(root, ['config', 'user.name', 'A Person']);
  git(root, ['config', 'user.email', 'person@example.org']);
  before(root);
  const base = commitAll(root, 'base');
  change(root);
  const target = commitAll(root, 'target');
  const patch = gitBytes(root, ['diff', '--binary', '--full-index', base, target]);
  git(root, ['reset', '-q', '--hard', base]);
  for (const list of Object.values(shown)) if (Array.isArray(list)) list.length = 0;
  workspace.workspaceFolders = [{ uri: Uri.file(root) }];

  const attempts = [{ attempt: 1, patch: { files: 3 }, files: [] }];
  const repo = { name: 'work', sha: base, headSha: base };
  const task = { id: TASK, title: 'Make it better', repo, turnList: [{ turn: 1, attempts }] };
  const reviews: string[] = [];
  const records = new Map<string, AppliedRecord>();
  const reports: string[] = [];
  const connection = {
    call: async (_method: string, { review }: { review?: string }) => {
      if (review !== undefined) reviews.push(review);
      return { task };
    },
    patch: async () => patch,
    file: async (_task: string, _turn: number, _attempt: number, oid: string) =>
      gitBytes(root, ['cat-file', 'blob', oid]),
  };
  const options = {
    backend: { ready: async () => ({ connection }), connection },
    store: { changed: () => undefined },
    records: {
      applied: (id: string) => records.get(id),
      setApplied: async (id: string, record: AppliedRecord | undefined) => {
        if (record) records.set(id, record);
        else records.delete(id);
      },
      onChange: () => undefined,
    },
    storage: join(dir, 'storage'),
    folder: join(dir, 'reviews'),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    roots: async () => [{ root, name: 'work' }],
    rootFor: async () => root,
    files: { changed: () => undefined },
    state: { get: () => undefined, update: async () => undefined },
    pickTask: async () => TASK,
    reviewed: async (_task: string, review: string) => void reviews.push(review),
    onBusy: () => undefined,
    onRows: () => undefined,
    onOpened: () => undefined,
    selected: () => [],
    report: (thrown: unknown) => void reports.push(String(thrown)),
  };
  const { Rooms: Made } = await import('../../../../extension/changes/rooms.ts');
  const seams = options as unknown as RoomsOptions;
  const rooms = new Made(seams);
  context.after(() => rooms.dispose());
  return {
    ...{ rooms, options: seams, dir, root, base, reviews, records, reports },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    write: (path, text) => writeFileSync(join(root, path), text),
    git: (...args) => git(root, args),
    told: async () => {
      // Notifications wait for nobody, so that theirs is one turn later.
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(reports, []);
      return shown.messages.at(-1) ?? '';
    },
  };
}
