/**
 * The log of what tasks asked the internet for: taken at once, written in batches.
 *
 * `append` never waits and never throws: entries gather for a moment and go in one transaction, in the
 * order they came. What can't be written (a full disk) is kept and tried again, up to a bound. One task
 * has at most `egressLogEntries` of them; what comes after is counted only, and that is told once. The
 * rows go with their task. Nothing here decides what is allowed.
 */
import type { EgressEntry } from '../../protocol/environment.ts';
import { errorText } from '../../protocol/errors.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import { type Counts, entryOf, type NewEgressEntry, noCounts, countsOf, plus } from './egress-rows.ts';
import { writeBatch } from './egress-write.ts';

export type { Counts, NewEgressEntry } from './egress-rows.ts';

/** The log of a task is full; from here on its entries are counted only. Told once per task. */
export type LogFullListener = (task: {
  taskId: string;
  turn: number;
  attempt: number;
  limit: number;
}) => void;

export interface EgressLogDeps {
  store: Store;
  /** `limits.egressLogEntries` */
  maxEntries: number;
  log: Log;
}

/** A person who looks sees what happened a moment ago; a flood makes five transactions a second. */
const FLUSH_MS = 200;
const FLUSH_ENTRIES = 100;
/** Of one transaction: 14 parameters each, of at most 65,535. */
const BATCH_ENTRIES = 1_000;
/** Entries that wait for a database that can't be written; more are counted only. */
const MAX_WAITING = 20_000;
const RETRY_MS = 1_000;

export class EgressLog {
  readonly #deps: EgressLogDeps;
  readonly #listeners = new Set<LogFullListener>();
  /** Tasks whose log is full: their entries are not even kept for the next batch. */
  readonly #full = new Set<string>();
  #waiting: NewEgressEntry[] = [];
  #counts = new Map<string, Counts>();
  #unlisted = 0;
  #timer: { due: number; handle: NodeJS.Timeout } | null = null;
  /** A database that could not be written is left alone until then. */
  #notBefore = 0;
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(deps: EgressLogDeps) {
    this.#deps = deps;
  }

  append(entry: NewEgressEntry): void {
    if (this.#closed) return;
    this.#count(entry.taskId, countsOf(entry));
    if (!this.#full.has(entry.taskId)) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push(entry);
      else this.#unlisted++;
    }
    this.#writeAfter(this.#waiting.length >= FLUSH_ENTRIES ? 0 : FLUSH_MS);
  }

  /** Returns how to stop it. */
  onFull(listener: LogFullListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Entries after the one with the id `after`, oldest first, everything appended so far included. */
  async page(
    taskId: string,
    after: number,
    limit: number,
  ): Promise<{ entries: EgressEntry[]; more: boolean }> {
    await this.flush();
    const rows = await this.#deps.store.read((db) =>
      db
        .selectFrom('egress_log')
        .selectAll()
        .where('task_id', '=', taskId)
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit + 1)
        .execute(),
    );
    return { entries: rows.slice(0, limit).map(entryOf), more: rows.length > limit };
  }

  /** Of everything that was appended, listed or not. */
  async totals(taskId: string): Promise<Counts> {
    await this.flush();
    const row = await this.#deps.store.read((db) =>
      db.selectFrom('egress_totals').selectAll().where('task_id', '=', taskId).executeTakeFirst(),
    );
    if (!row) return noCounts();
    const { allowed, denied, failed } = row;
    return { allowed, denied, failed, bytesIn: row.bytes_in, bytesOut: row.bytes_out };
  }

  /** Resolves when what was appended before is written, or could not be: then it is tried again. */
  async flush(): Promise<void> {
    this.#stopTimer();
    await this.#writing;
    if (this.#counts.size === 0) return;
    this.#writing ??= this.#write().finally(() => (this.#writing = null));
    await this.#writing;
  }

  /** A deleted task. Its rows went with it. */
  forget(taskId: string): void {
    this.#full.delete(taskId);
  }

  /** Writes what is there; nothing is taken any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#stopTimer();
    const lost = this.#waiting.length;
    if (lost > 0) this.#deps.log.warn('entries of the egress log are lost', { entries: lost });
  }

  #count(taskId: string, counts: Counts): void {
    this.#counts.set(taskId, plus(this.#counts.get(taskId) ?? noCounts(), counts));
  }

  #writeAfter(ms: number): void {
    const due = Math.max(Date.now() + ms, this.#notBefore);
    if (this.#timer && this.#timer.due <= due) return;
    this.#stopTimer();
    this.#timer = { due, handle: setTimeout(() => void this.flush(), due - Date.now()) };
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer.handle);
    this.#timer = null;
  }

  async #write(): Promise<void> {
    while (this.#counts.size > 0 || this.#waiting.length > 0) {
      const entries = this.#waiting.splice(0, BATCH_ENTRIES);
      const counts = this.#counts;
      this.#counts = new Map();
      try {
        const { store, maxEntries } = this.#deps;
        if (this.#unlisted > 0) {
          this.#deps.log.warn('too many entries waited; some are counted only', { entries: this.#unlisted });
          this.#unlisted = 0;
        }
        const { full, reached } = await store.write((tx) => writeBatch(tx, entries, counts, maxEntries));
        for (const taskId of full) this.#full.add(taskId);
        for (const task of reached) {
          for (const listener of [...this.#listeners]) listener({ ...task, limit: maxEntries });
        }
      } catch (error) {
        this.#deps.log.warn('the egress log could not be written', { reason: errorText(error) });
        this.#waiting.unshift(...entries);
        for (const [taskId, lost] of counts) this.#count(taskId, lost);
        this.#notBefore = Date.now() + RETRY_MS;
        if (!this.#closed) this.#writeAfter(RETRY_MS);
        return;
      }
    }
  }
}
