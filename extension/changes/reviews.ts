/**
 * The reviews that are open in this window: opened from a task, found again after a restart, closed by the person.
 * A review of an older result of the same task makes room for the newer one.
 */
import { relative } from 'node:path';
import * as vscode from 'vscode';
import { nodeFileIO, type Checkpoints } from '../../client/apply/index.ts';
import { errorText } from '../../protocol/errors.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import { resultOf, type Result } from '../apply/attempts.ts';
import { openDocuments } from '../apply/documents.ts';
import type { TaskRecords } from '../apply/records.ts';
import { isOpen } from '../apply/roots.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { Dismissed, SentenceError } from '../platform/words.ts';
import { Blobs } from './blobs.ts';
import type { FileReview } from './file-review.ts';
import { keyOf, reviewed, type Reviewed, type ResultRef } from './result.ts';
import { ChangesSession } from './session.ts';
import type { StoredReviews } from './stored.ts';
import type { Side } from './uris.ts';

export interface ReviewsOptions {
  backend: Backend;
  records: TaskRecords;
  checkpoints: () => Checkpoints;
  stored: StoredReviews;
  log: Log;
  rootFor(task: TaskView): Promise<string>;
}

/** So many are looked for after a restart; older ones are opened from their task. */
const RESTORED = 10;

export class Reviews {
  readonly #options: ReviewsOptions;
  readonly #sessions: ChangesSession[] = [];
  readonly #blobs = new Blobs();
  readonly #listeners = new Set<(session: ChangesSession, files: readonly FileReview[]) => void>();
  #restoring: Promise<void> | null = null;

  constructor(options: ReviewsOptions) {
    this.#options = options;
  }

  get all(): readonly ChangesSession[] {
    return this.#sessions;
  }

  get(key: string): ChangesSession | undefined {
    return this.#sessions.find((session) => session.key === key);
  }

  /** Called with no files when a review was opened or closed. */
  onDidChange(listener: (session: ChangesSession, files: readonly FileReview[]) => void): void {
    this.#listeners.add(listener);
  }

  /** Of a file on disk: in each review that has it. */
  at(uri: vscode.Uri): { session: ChangesSession; file: FileReview }[] {
    if (uri.scheme !== 'file') return [];
    return this.#sessions.flatMap((session) => {
      const path = relative(session.result.ref.root, uri.fsPath).replaceAll('\\', '/');
      const file = path.startsWith('..') ? undefined : session.fileAt(path);
      return file ? [{ session, file }] : [];
    });
  }

  /** The newest review in which something can be undone. */
  get undoable(): ChangesSession | undefined {
    return this.#sessions
      .filter(({ canUndo }) => canUndo)
      .sort((one, two) => two.decidedAt - one.decidedAt)[0];
  }

  /** The result, and its review where there is a folder for one. */
  async open(
    taskId: string,
    wanted: { turn?: number; attempt?: number } = {},
  ): Promise<{ result: Reviewed; session: ChangesSession | null }> {
    const { backend, records } = this.#options;
    await this.restore();
    const { connection } = await backend.ready();
    const { task } = await connection.call('task.get', { taskId });
    const newest = await resultOf(task, wanted.attempt);
    const { turn, attempt } = resultOfTurn(task, wanted) ?? newest;
    // An earlier one is there to be looked at; what is decided is the newest, which holds it.
    const isNewest = turn.turn === newest.turn.turn;
    const root =
      vscode.workspace.isTrusted && isNewest ? await this.#options.rootFor(task).catch(noFolder) : null;
    const applied = records.applied(taskId);
    const isEarlier = applied !== undefined && applied.root === root && applied.turn < turn.turn;
    const ref: ResultRef = {
      ...{ taskId, turn: turn.turn, attempt: attempt.attempt, root: root ?? '' },
      from: isEarlier ? applied.turn : null,
    };
    const known = this.get(keyOf(ref));
    if (known) {
      void known.look();
      return { result: known.result, session: known };
    }
    const more = ref.from === null ? {} : { from: ref.from };
    const bytes = await connection.patch(taskId, ref.turn, ref.attempt, more);
    const result = await reviewed(ref, task.title, bytes, ref.from === null ? attempt.files : []);
    if (root === null) return { result, session: null };
    const { stored } = this.#options;
    const key = keyOf(ref);
    await stored.begin(key, bytes);
    // Found again after a restart, also when nothing of it is decided by then.
    if ((await stored.state(key)) === null)
      await stored.save(key, { v: 1, ref, title: task.title, files: {}, steps: [] });
    const session = await this.#add(result);
    for (const other of [...this.#sessions]) {
      const { ref: one } = other.result;
      if (other !== session && one.taskId === taskId && one.root === root) await this.close(other);
    }
    return { result, session };
  }

  /** Those of earlier windows, once. */
  restore(): Promise<void> {
    return (this.#restoring ??= this.#restore());
  }

  async close(session: ChangesSession): Promise<void> {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
    await this.#options.stored.remove(session.key);
    this.#tell(session, []);
  }

  /** Bytes of a side of the result; those of the person's file are the room's. */
  async read(side: Extract<Side, { kind: 'blob' | 'told' }>): Promise<Uint8Array> {
    if (side.kind === 'told') return Buffer.from(side.text);
    return this.#blob(side, side.oid);
  }

  async #restore(): Promise<void> {
    const { stored, log } = this.#options;
    for (const { key } of (await stored.list()).slice(0, RESTORED)) {
      try {
        const [state, patch] = [await stored.state(key), await stored.patch(key)];
        if (!state || !patch || keyOf(state.ref) !== key || !isOpen(state.ref.root)) continue;
        await this.#add(await reviewed(state.ref, state.title, patch, []));
      } catch (thrown) {
        log.warn(`A review could not be opened again: ${errorText(thrown)}`);
      }
    }
  }

  async #add(result: Reviewed): Promise<ChangesSession> {
    const { stored, checkpoints, log } = this.#options;
    const key = keyOf(result.ref);
    const session = new ChangesSession(result, await stored.state(key), {
      io: nodeFileIO(result.ref.root),
      documents: openDocuments(result.ref.root),
      checkpoints,
      fetch: (oid) => this.#blob(result.ref, oid),
      save: (review) => stored.save(key, review),
    });
    session.onDidChange((files) => this.#tell(session, files));
    this.#sessions.push(session);
    this.#tell(session, []);
    session.look().catch((thrown: unknown) => log.warn(`A review could not be read: ${errorText(thrown)}`));
    return session;
  }

  #blob(of: Omit<ResultRef, 'root'>, oid: string): Promise<Uint8Array> {
    const { taskId, turn, attempt, from } = of;
    return this.#blobs.get(`${taskId}/${turn}/${attempt}/${from ?? ''}/${oid}`, async () => {
      const { connection } = await this.#options.backend.ready();
      return connection.file(taskId, turn, attempt, oid, from === null ? {} : { from });
    });
  }

  #tell(session: ChangesSession, files: readonly FileReview[]): void {
    for (const listener of this.#listeners) listener(session, files);
  }
}

function resultOfTurn(task: TaskView, wanted: { turn?: number; attempt?: number }): Result | null {
  const turn = task.turnList.find((one) => one.turn === wanted.turn);
  const attempt = turn?.attempts.find((one) => one.attempt === wanted.attempt && one.patch !== undefined);
  return turn && attempt ? { turn, attempt } : null;
}

/** Without a folder a result can still be looked at. */
function noFolder(thrown: unknown): null {
  if (thrown instanceof Dismissed || thrown instanceof SentenceError) return null;
  throw thrown;
}
