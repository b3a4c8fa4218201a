/**
 * The rows of pull requests. A task has at most one. Every change is one transaction: the row, what the task
 * shows of it, and the event of what a person would see; after the commit the hub is told.
 *
 * A change names the row it was made from: when another process has changed it meanwhile, it is refused.
 */
import type { Selectable } from 'kysely';
import { CodexError, type WireError } from '../../protocol/errors.ts';
import type { NewEvent, WireEvent } from '../../protocol/events.ts';
import type { Author, PullRequestView } from '../../protocol/pull-request.ts';
import type { Schema } from '../store/schema.ts';
import type { Db } from '../store/store.ts';
import { appendEvents } from '../tasks/events.ts';
import { parsed, storable, summaryOf } from '../tasks/rows.ts';
import { lockTask } from '../tasks/turn-rows.ts';
import type { PullDeps } from './types.ts';

export type PullRow = Selectable<Schema['pull_requests']>;

/** What the forge last said of it. */
export type Seen = Pick<PullRequestView, 'checks' | 'comments' | 'verdict' | 'othersPushed'>;

export function viewOf(row: PullRow): PullRequestView {
  const error = parsed<WireError>(row.error);
  return {
    host: row.host,
    kind: row.kind,
    repo: row.repo,
    ...(row.number === null ? {} : { number: row.number }),
    ...(row.url === null ? {} : { url: row.url }),
    title: row.title,
    draft: row.draft,
    branch: row.branch,
    base: row.base,
    state: row.state,
    turn: row.turn,
    attempt: row.attempt,
    ...(error === undefined ? {} : { error }),
    ...parsed<Seen>(row.seen),
    by: row.made_by,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.seen_at === null ? {} : { seenAt: row.seen_at }),
  };
}

export const authorOfRow = (row: PullRow): Author | undefined => parsed<Author>(row.author);

export async function pullRow(db: Pick<Db, 'selectFrom'>, taskId: string): Promise<PullRow | undefined> {
  return db.selectFrom('pull_requests').selectAll().where('task_id', '=', taskId).executeTakeFirst();
}

export interface Put {
  /** The row that this was made from; undefined: there was none. */
  was: PullRow | undefined;
  /** The task's result is what this pull request shows from now on. */
  published?: boolean;
}

/** Returns the row as it is then. Throws `CodexError` notFound, conflict. */
export async function putRow(
  { store, hub, limits }: Pick<PullDeps, 'store' | 'hub' | 'limits'>,
  wanted: PullRow,
  { was, published = false }: Put,
): Promise<PullRow> {
  const seenOnly = was !== undefined && !published && shown(viewOf(was)) === shown(viewOf(wanted));
  // What nobody sees changes no time: lists stay as they are.
  const isQuiet = seenOnly && was.wanted_sha === wanted.wanted_sha && was.pushed_sha === wanted.pushed_sha;
  const row: PullRow = {
    ...wanted,
    title: storable(wanted.title),
    body: storable(wanted.body),
    updated_at: isQuiet ? was.updated_at : Math.max(Date.now(), (was?.updated_at ?? 0) + 1),
  };
  const view = viewOf(row);
  let events: WireEvent[] = [];
  const task = await store.write(async (tx) => {
    const before = await lockTask(tx, row.task_id);
    if (!before) throw new CodexError('notFound', { what: 'task' });
    const changed =
      was === undefined
        ? await tx
            .insertInto('pull_requests')
            .values(row)
            .onConflict((on) => on.doNothing())
            .returning('task_id')
            .executeTakeFirst()
        : await tx
            .updateTable('pull_requests')
            .set(row)
            .where('task_id', '=', row.task_id)
            .where('updated_at', '=', was.updated_at)
            .returning('task_id')
            .executeTakeFirst();
    if (!changed) throw new CodexError('conflict', { why: 'pullRequestBusy' });
    const event = seenOnly ? null : eventOf(view);
    if (event !== null) {
      events = await appendEvents(
        tx,
        { taskId: row.task_id, turn: before.turns },
        [event],
        limits.eventBytes,
      );
    }
    return tx
      .updateTable('tasks')
      .set({
        pull_request: JSON.stringify(view),
        ...(published ? { review: 'pullRequest' as const } : {}),
        ...(seenOnly ? {} : { updated_at: Date.now() }),
      })
      .where('id', '=', row.task_id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  hub.publish(row.task_id, events);
  if (!isQuiet) hub.taskChanged(summaryOf(task));
  return row;
}

/** Everything of it that a person sees. */
function shown(view: PullRequestView): string {
  return JSON.stringify({ ...view, updatedAt: 0, seenAt: 0 }, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** Before the forge has made it there is nothing to tell a log. */
function eventOf(view: PullRequestView): NewEvent | null {
  if (view.url === undefined || view.number === undefined) return null;
  const { url, state, number, title, draft, checks, comments } = view;
  return {
    code: 'pullRequest.changed',
    params: {
      url,
      state,
      number,
      title,
      draft,
      ...(checks === undefined ? {} : { checks }),
      ...(comments === undefined ? {} : { comments }),
    },
  };
}
