/** Of a task, what a pull request is made of: which result, what was said about it, and on what it stands. */
import { CodexError } from '../../protocol/errors.ts';
import type { FileChange } from '../../protocol/events.ts';
import type { Said } from '../../protocol/pull-text.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Db, Store } from '../store/store.ts';
import { attemptRows } from '../tasks/attempts.ts';
import { parsed, type TaskRow } from '../tasks/rows.ts';
import { taskRow } from '../tasks/turn-rows.ts';

export interface Source {
  task: TaskRow;
  repo: RepoAtCommit;
  /** The address of the repository's remote; null: it has none. */
  remote: string | null;
  /** The result: of which turn and attempt, its commit, from the task's base, and since when it is there. */
  turn: number;
  attempt: number;
  sha: string;
  files: FileChange[];
  at: number;
  said: Said;
  /** The commit that a person had: what a pull request's first commit stands on. */
  parent: string;
  /** The task began with changes that no commit of the person's has. */
  localChanges: boolean;
}

/**
 * `shown`: the attempt that the pull request is of, which it stays while nobody has chosen another one. Throws
 * `CodexError` notFound, choiceNeeded, forgeNothingToPublish.
 */
export function sourceOf(
  store: Store,
  taskId: string,
  { asked, shown }: { asked?: number | undefined; shown?: number | undefined } = {},
): Promise<Source> {
  return store.read(async (db) => {
    const task = await taskRow(db, taskId);
    const chosen = asked ?? task.chosen_attempt ?? (task.attempts === 1 ? 1 : null);
    const attempt = chosen ?? shown;
    if (attempt === undefined) throw choiceNeeded(task);
    const result = await db
      .selectFrom('results')
      .selectAll()
      .where('task_id', '=', taskId)
      .where('attempt', '=', attempt)
      .orderBy('turn', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (!result) throw chosen === null ? choiceNeeded(task) : new CodexError('forgeNothingToPublish');
    const repo = JSON.parse(task.repo) as RepoAtCommit;
    const { remote = null } =
      (await db.selectFrom('repos').select('remote').where('id', '=', repo.repoId).executeTakeFirst()) ?? {};
    return {
      task,
      repo,
      remote,
      turn: result.turn,
      attempt,
      sha: result.result_sha,
      files: JSON.parse(result.files) as FileChange[],
      at: result.created_at,
      said: await saidOf(db, task, result.turn, attempt),
      parent: repo.headSha ?? repo.sha,
      localChanges: repo.includesLocal && repo.headSha !== undefined && repo.headSha !== repo.sha,
    };
  });
}

const choiceNeeded = ({ attempts }: TaskRow) => new CodexError('choiceNeeded', { attempts });

/** The answer and the checks of the turn that made the result; the newest proposal up to it. */
async function saidOf(db: Db, task: TaskRow, turn: number, attempt: number): Promise<Said> {
  const turns = await db
    .selectFrom('turns')
    .select(['turn', 'answer', 'report'])
    .where('task_id', '=', task.id)
    .where('turn', '<=', turn)
    .orderBy('turn', 'desc')
    .execute();
  const ends = await attemptRows(db, { taskId: task.id });
  const said = turns.map((row) => {
    // Of several attempts each has said something of its own.
    const own = ends.find((end) => end.turn === row.turn && end.attempt === attempt);
    const { answer, report } = own ?? row;
    return { answer, report: parsed<Report>(report) };
  });
  const newest = said[0];
  const proposal = said.find(({ report }) => report?.proposal)?.report?.proposal;
  return {
    title: task.title,
    answer: newest?.answer ?? null,
    report: { checks: newest?.report?.checks ?? [], ...(proposal ? { proposal } : {}) },
  };
}

/** The result commit of a turn; null when it is there no more. */
export function resultOf(
  store: Store,
  of: { taskId: string; turn: number; attempt: number },
): Promise<string | null> {
  return store.read(async (db) => {
    const row = await db
      .selectFrom('results')
      .select('result_sha')
      .where('task_id', '=', of.taskId)
      .where('turn', '=', of.turn)
      .where('attempt', '=', of.attempt)
      .executeTakeFirst();
    return row?.result_sha ?? null;
  });
}
