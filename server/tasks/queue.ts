/**
 * Who runs a turn. pg-boss alone decides: a turn's job is sent in the transaction that queues the turn,
 * and whoever fetches it takes the turn up with the next generation.
 *
 * Fetch → take up (generation + 1, `turn.started`) → run → end turn and job in one transaction. In this
 * process a new job is fetched at once; asking again now and then is only the fallback. While a turn runs
 * its job gets heartbeats; without these another backend takes it up. At start, a backend that has the
 * database for itself queues every turn anew that its dead predecessor left open.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { PgBoss, fromKysely } from 'pg-boss';
import { CodexError } from '../../protocol/errors.ts';
import type { Log } from '../log.ts';
import type { Tx } from '../store/store.ts';
import { type OwnerDeps, ownTurn } from './owner.ts';
import { summaryOf, type TaskRow, type TurnRow } from './rows.ts';
import { openTurns, takeUp } from './taking-up.ts';
import { type RunTurn, type StopReason, stopReason } from './turn-context.ts';

const QUEUE = 'turns';
/** The fallback for jobs of other backends, and for a wake-up that was lost. */
const ASK_EVERY_MS = 5_000;
/** Another backend takes a turn up when its owner was silent this long. */
const HEARTBEAT_SECONDS = 60;
const HEARTBEAT_EVERY_MS = 15_000;
/** pg-boss' longest: heartbeats decide, not this. */
const EXPIRE_SECONDS = 24 * 60 * 60 - 1;
/** A crash is not the turn's fault: it is taken up again and again. */
const RETRIES = 1_000_000;
/** After a write that failed for want of space or of the database. */
const RETRY_MS = 2_000;
/** How long a stopping backend waits for its turns to let go. */
const STOP_GRACE_MS = 5_000;

interface Job {
  taskId: string;
  turn: number;
  /** How many run at once in it; absent: one. */
  attempts?: number;
}

interface Running {
  jobId: string;
  turn: number;
  load: number;
  stop: AbortController;
  done: Promise<void>;
}

export interface QueueDeps extends Omit<OwnerDeps, 'endJob'> {
  log: Log;
  runTurn: RunTurn;
}

export class TurnQueue {
  readonly #deps: QueueDeps;
  readonly #boss: PgBoss;
  /** By task: of a task only the newest turn can run. */
  readonly #running = new Map<string, Running>();
  readonly #stopping = new AbortController();
  /** Resolves when a turn has let go. */
  #roomier = Promise.withResolvers<void>();
  #fetching = false;
  #again = false;
  #timers: NodeJS.Timeout[] = [];

  constructor(deps: QueueDeps) {
    this.#deps = deps;
    this.#boss = new PgBoss({ ...deps.store.queueOptions(), schedule: false });
    this.#boss.on('error', (error) => deps.log.warn('queue', { error }));
  }

  async start(): Promise<void> {
    await this.#boss.start();
    await this.#boss.createQueue(QUEUE, {
      retryLimit: RETRIES,
      retryDelay: 0,
      expireInSeconds: EXPIRE_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
    });
    // pg-boss remembers its queues from the first use on. Inside a transaction it would ask for them on
    // another connection, and the embedded database has one: they would wait for each other for ever.
    await this.#boss.touch(QUEUE, randomUUID());
    if (this.#deps.store.exclusive) await this.#adoptOrphans();
    this.#timers = [
      setInterval(() => this.wake(), ASK_EVERY_MS).unref(),
      setInterval(() => void this.#heartbeat(), HEARTBEAT_EVERY_MS).unref(),
    ];
    this.wake();
  }

  /** Queues the turn in the caller's transaction; call `wake` after the commit. */
  async enqueue(tx: Tx, taskId: string, turn: number, attempts: number): Promise<void> {
    const job: Job = { taskId, turn, attempts };
    const jobId = await this.#boss.send(QUEUE, job, { db: fromKysely(tx) });
    await tx
      .updateTable('turns')
      .set({ job_id: jobId })
      .where('task_id', '=', taskId)
      .where('turn', '=', turn)
      .execute();
  }

  async dequeue(tx: Tx, jobId: string): Promise<void> {
    await this.#boss.deleteJob(QUEUE, jobId, { db: fromKysely(tx) });
  }

  /** Fetches what there is, as far as there is room. */
  wake(): void {
    this.#again = true;
    if (!this.#fetching) void this.#fetch();
  }

  /** Reaches the turn only when it runs here. */
  stopTurn(taskId: string, reason: StopReason): void {
    this.#running.get(taskId)?.stop.abort(reason);
  }

  get runningTurns(): number {
    return this.#running.size;
  }

  /** Leaves running turns as they are, for the next owner. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) clearInterval(timer);
    const running = [...this.#running.values()];
    for (const { stop } of running) stop.abort('shutdown');
    // The wait that lost must not keep the process alive.
    const waited = new AbortController();
    await Promise.race([Promise.all(running.map((one) => one.done)), delay(STOP_GRACE_MS, waited.signal)]);
    waited.abort();
    await this.#boss.stop({ graceful: false, close: false });
  }

  async #fetch(): Promise<void> {
    this.#fetching = true;
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false;
        // One by one: how much room a job takes is known once it is here.
        while (this.#load() < this.#deps.limits.parallelTurns) {
          const [job] = await this.#boss.fetch<Job>(QUEUE, { batchSize: 1 });
          if (!job) break;
          this.#start(job.id, job.data);
          // The embedded database has one connection: the turn is taken up first, then it is looked for more.
          await setImmediate();
        }
      }
    } catch (error) {
      this.#deps.log.warn('the queue could not be read', { error });
    } finally {
      this.#fetching = false;
    }
  }

  /** Attempts count like turns of their own: each has a sandbox and asks the model. */
  #load(but?: Running): number {
    let load = 0;
    for (const running of this.#running.values()) if (running !== but) load += running.load;
    return load;
  }

  #start(jobId: string, { taskId, turn, attempts = 1 }: Job): void {
    const stop = new AbortController();
    if (this.#stopping.signal.aborted) return;
    const before = this.#running.get(taskId);
    const load = Math.min(attempts, this.#deps.limits.parallelTurns);
    const mine: Running = { jobId, turn, load, stop, done: Promise.resolve() };
    this.#running.set(taskId, mine);
    mine.done = this.#run(mine, taskId, before)
      .catch((error: unknown) => this.#deps.log.error('a turn could not be run', { taskId, turn, error }))
      .finally(() => {
        if (this.#running.get(taskId) === mine) this.#running.delete(taskId);
        this.#roomier.resolve();
        this.#roomier = Promise.withResolvers<void>();
        this.wake();
      });
  }

  async #run(mine: Running, taskId: string, before?: Running): Promise<void> {
    const { jobId, turn, stop } = mine;
    // The same task's last turn has ended already, its runner has not quite returned.
    await before?.done;
    // At most one waits here: no other job is fetched meanwhile, so that a large one has its turn, too.
    while (this.#load(mine) + mine.load > this.#deps.limits.parallelTurns) {
      if (!(await untilOr(this.#roomier.promise, stop.signal))) break;
    }
    const taken = await this.#untilWritten(stop, () => this.#takeUp(jobId, taskId, turn));
    if (!taken) return;
    if (taken.turn.cancel_requested) stop.abort('cancelled');
    const owner = ownTurn(
      { ...this.#deps, endJob: (tx, id) => this.#endJob(tx, id) },
      taken.task,
      taken.turn,
      stop,
    );
    let thrown: unknown = new CodexError('internal', {}, { detail: 'The turn was left open.' });
    try {
      await this.#deps.runTurn(owner.context);
    } catch (error) {
      thrown = error;
    }
    if (owner.ended || (stop.signal.aborted && stopReason(stop.signal) !== 'cancelled')) return;
    if (!(thrown instanceof CodexError) || thrown.code === 'internal') {
      this.#deps.log.error('a turn failed unexpectedly', { taskId, turn, error: thrown });
    }
    await this.#untilWritten(stop, () => owner.endWith(thrown));
  }

  /** Tries until it is written; null when the turn is no longer this backend's. */
  async #untilWritten<T>(stop: AbortController, write: () => Promise<T>): Promise<T | null> {
    for (;;) {
      const reason = stopReason(stop.signal);
      if (reason === 'superseded' || reason === 'shutdown') return null;
      try {
        return await write();
      } catch (error) {
        const code = error instanceof CodexError ? error.code : null;
        if (code === 'generationSuperseded') return null;
        if (code !== 'diskFull' && code !== 'databaseFailed') throw error;
        this.#deps.log.warn('a turn can not be written, trying again', { error });
        await delay(RETRY_MS, stop.signal);
      }
    }
  }

  /** The next generation. Null when the job is not the turn's any more: then it is removed. */
  async #takeUp(
    jobId: string,
    taskId: string,
    turn: number,
  ): Promise<{ task: TaskRow; turn: TurnRow } | null> {
    const { store, hub, limits } = this.#deps;
    const taken = await store.write(async (tx) => {
      const next = await takeUp(tx, { jobId, taskId, turn }, limits.eventBytes);
      if (!next) await this.#endJob(tx, jobId);
      return next;
    });
    if (!taken) return null;
    hub.publish(taskId, taken.events);
    hub.taskChanged(summaryOf(taken.task));
    return taken;
  }

  async #endJob(tx: Tx, jobId: string): Promise<void> {
    await this.#boss.deleteJob(QUEUE, jobId, { db: fromKysely(tx) });
  }

  /** Nobody else can own anything: what is open was left by a backend that died or was stopped. */
  async #adoptOrphans(): Promise<void> {
    const { store, log } = this.#deps;
    await store.write(async (tx) => {
      const orphans = await openTurns(tx);
      for (const { taskId, turn, jobId, attempts } of orphans) {
        if (jobId) await this.#endJob(tx, jobId);
        await this.enqueue(tx, taskId, turn, attempts);
      }
      if (orphans.length > 0) log.info('took up turns that were left open', { turns: orphans.length });
    });
  }

  async #heartbeat(): Promise<void> {
    for (const [taskId, { jobId, turn, stop }] of this.#running) {
      try {
        await this.#boss.touch(QUEUE, jobId);
        if (this.#deps.store.exclusive) continue;
        // Another backend may have been asked to cancel it.
        const row = await this.#deps.store.read((db) =>
          db
            .selectFrom('turns')
            .select(['cancel_requested', 'job_id'])
            .where('task_id', '=', taskId)
            .where('turn', '=', turn)
            .executeTakeFirst(),
        );
        if (row?.job_id !== jobId) stop.abort('superseded');
        else if (row.cancel_requested) stop.abort('cancelled');
      } catch (error) {
        this.#deps.log.warn('no heartbeat', { taskId, error });
      }
    }
  }
}

function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** False when the signal was first. */
function untilOr(promise: Promise<void>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const onAbort = () => resolve(false);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve(true);
    });
  });
}
