/**
 * The questions that a turn asks before a command runs, over the table `approvals`.
 *
 * A question has the id of its call, so it is asked once however often its turn is taken up again. The row
 * and its event are written by the turn's owner in one transaction; an answer is one transaction too, whoever
 * gives it, and then wakes the owner if it waits in this process. With a database of several backends the
 * owner looks now and then as well. An answer for the task stands for every question with the same subject.
 * When a turn ends, its open questions go.
 */
import { CodexError } from '../../protocol/errors.ts';
import { OPEN_APPROVALS_MOST, type ApprovalAnswer, type OpenApproval } from '../../protocol/approval.ts';
import type { WireEvent } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { Store, Tx } from '../store/store.ts';
import { appendEvents } from './events.ts';
import type { Hub } from './hub.ts';
import { summaryOf } from './rows.ts';
import type { ApprovalQuestion } from './turn-context.ts';

const KIND = 'command';
/** How often an owner looks for an answer that another backend has written. */
const LOOK_EVERY_MS = 5_000;

/** What the table keeps: two questions with the same text are the same question. */
type Subject = Omit<ApprovalQuestion, 'approvalId'>;
export type Question = ApprovalQuestion & { attempt: number };

export interface ApprovalsDeps {
  store: Store;
  hub: Hub;
  limits: LimitValues;
}

export class Approvals {
  readonly #deps: ApprovalsDeps;
  readonly #waiting = new Map<string, Set<(answer: ApprovalAnswer) => void>>();

  constructor(deps: ApprovalsDeps) {
    this.#deps = deps;
  }

  /** Throws `CodexError` approvalGone: it was answered, or its turn has ended. */
  async answer(taskId: string, approvalId: string, answer: ApprovalAnswer, who: string): Promise<void> {
    const { store, hub, limits } = this.#deps;
    const done = await store.write(async (tx) => {
      // Puts this in one line with the turn's own writes and its end.
      const task = await tx
        .selectFrom('tasks')
        .select('id')
        .where('id', '=', taskId)
        .forUpdate()
        .executeTakeFirst();
      const asked = task ? await openRow(tx, taskId, approvalId) : undefined;
      if (!asked) throw new CodexError('approvalGone', { approvalId });
      const given = { answer, answered_by: who, answered_at: Date.now() };
      const all =
        answer === 'once'
          ? [{ id: approvalId, attempt: asked.attempt }]
          : await openLike(tx, taskId, asked.subject);
      const ids = all.map(({ id }) => id);
      await tx
        .updateTable('approvals')
        .set(given)
        .where('task_id', '=', taskId)
        .where('id', 'in', ids)
        .where('answer', 'is', null)
        .execute();
      const events: WireEvent[] = await appendEvents(
        tx,
        { taskId, turn: asked.turn },
        all.map(({ id, attempt }) => ({
          code: 'approval.answered' as const,
          attempt,
          params: { approvalId: id, answer },
        })),
        limits.eventBytes,
      );
      const row = await tx.selectFrom('tasks').selectAll().where('id', '=', taskId).executeTakeFirstOrThrow();
      return { ids, events, row };
    });
    hub.publish(taskId, done.events);
    hub.taskChanged(summaryOf(done.row));
    for (const id of done.ids) this.#wake(taskId, id, answer);
  }

  /** The open questions, oldest first. */
  async open(taskId?: string): Promise<OpenApproval[]> {
    const rows = await this.#deps.store.read((db) =>
      db
        .selectFrom('approvals')
        .selectAll()
        .where('answer', 'is', null)
        .$if(taskId !== undefined, (query) => query.where('task_id', '=', taskId ?? ''))
        .orderBy('created_at')
        .orderBy('id')
        .limit(OPEN_APPROVALS_MOST)
        .execute(),
    );
    return rows.map((row) => {
      const { command, cwd, reason } = JSON.parse(row.subject) as Subject;
      return {
        taskId: row.task_id,
        approvalId: row.id,
        turn: row.turn,
        attempt: row.attempt,
        command,
        cwd,
        reason,
        createdAt: row.created_at,
      };
    });
  }

  /** Listens for an answer from now on; call it before the question can be seen. Rejects when aborted. */
  expect(
    taskId: string,
    approvalId: string,
    signal: AbortSignal,
  ): { answer: Promise<ApprovalAnswer>; stop(): void } {
    const { promise, resolve, reject } = Promise.withResolvers<ApprovalAnswer>();
    const key = keyOf(taskId, approvalId);
    const all = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, all.add(resolve));
    const onAbort = () => reject(new CodexError('cancelled'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const { store } = this.#deps;
    const timer = store.exclusive
      ? undefined
      : setInterval(() => {
          store
            .read((db) => givenAnswer(db, taskId, approvalId))
            .then((answer) => answer && resolve(answer))
            .catch(() => undefined);
        }, LOOK_EVERY_MS);
    const stop = () => {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      all.delete(resolve);
      if (all.size === 0 && this.#waiting.get(key) === all) this.#waiting.delete(key);
    };
    // It may be that nobody waits for it any more.
    promise.catch(() => undefined);
    return { answer: promise, stop };
  }

  #wake(taskId: string, approvalId: string, answer: ApprovalAnswer): void {
    for (const resolve of this.#waiting.get(keyOf(taskId, approvalId)) ?? []) resolve(answer);
  }
}

export type Asked = { kind: 'answered'; answer: ApprovalAnswer } | { kind: 'open'; isNew: boolean };

/** In the owner's transaction: what is known of this question already, else its row. */
export async function askIn(
  tx: Tx,
  of: { taskId: string; turn: number },
  question: Question,
): Promise<Asked> {
  const { approvalId, attempt } = question;
  const known = await tx
    .selectFrom('approvals')
    .select('answer')
    .where('task_id', '=', of.taskId)
    .where('id', '=', approvalId)
    .executeTakeFirst();
  if (known)
    return known.answer ? { kind: 'answered', answer: known.answer } : { kind: 'open', isNew: false };
  const subject = subjectText(question);
  const before = await tx
    .selectFrom('approvals')
    .select('answer')
    .where('task_id', '=', of.taskId)
    .where('subject', '=', subject)
    .where('answer', 'in', ['task', 'never'])
    // The newest word counts.
    .orderBy('answered_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (before?.answer) return { kind: 'answered', answer: before.answer };
  await tx
    .insertInto('approvals')
    .values({
      task_id: of.taskId,
      id: approvalId,
      turn: of.turn,
      attempt,
      kind: KIND,
      subject,
      answer: null,
      answered_by: null,
      answered_at: null,
      created_at: Date.now(),
    })
    .execute();
  return { kind: 'open', isNew: true };
}

/** Whether this call was asked about. */
export async function wasAsked(
  db: Pick<Tx, 'selectFrom'>,
  taskId: string,
  approvalId: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('approvals')
    .select('id')
    .where('task_id', '=', taskId)
    .where('id', '=', approvalId)
    .executeTakeFirst();
  return row !== undefined;
}

/** In the transaction that ends the turn, or one attempt at it. */
export async function dropOpen(
  tx: Tx,
  of: { taskId: string; turn: number; attempt?: number },
): Promise<void> {
  await tx
    .deleteFrom('approvals')
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .where('answer', 'is', null)
    .$if(of.attempt !== undefined, (query) => query.where('attempt', '=', of.attempt ?? 0))
    .execute();
}

function subjectText({ identity, command, cwd, reason }: Subject): string {
  return JSON.stringify({ identity, command, cwd, reason } satisfies Subject);
}

function keyOf(taskId: string, approvalId: string): string {
  return `${taskId} ${approvalId}`;
}

function openRow(tx: Tx, taskId: string, approvalId: string) {
  return tx
    .selectFrom('approvals')
    .select(['subject', 'turn', 'attempt'])
    .where('task_id', '=', taskId)
    .where('id', '=', approvalId)
    .where('answer', 'is', null)
    .executeTakeFirst();
}

function openLike(tx: Tx, taskId: string, subject: string): Promise<{ id: string; attempt: number }[]> {
  return tx
    .selectFrom('approvals')
    .select(['id', 'attempt'])
    .where('task_id', '=', taskId)
    .where('subject', '=', subject)
    .where('answer', 'is', null)
    .orderBy('created_at')
    .execute();
}

async function givenAnswer(
  db: Pick<Tx, 'selectFrom'>,
  taskId: string,
  approvalId: string,
): Promise<ApprovalAnswer | null> {
  const row = await db
    .selectFrom('approvals')
    .select('answer')
    .where('task_id', '=', taskId)
    .where('id', '=', approvalId)
    .executeTakeFirst();
  return row?.answer ?? null;
}
