/** Rows of the database as the protocol's views, and small text rules for what goes into rows. Pure. */
import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Attachment, FileChange, PatchSummary, Usage } from '../../protocol/events.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { PullRequestView } from '../../protocol/pull-request.ts';
import type { Report } from '../../protocol/report.ts';
import type { AttemptView, RepoAtCommit, TaskSummary, TurnView } from '../../protocol/rpc.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { Schema } from '../store/schema.ts';

export type TaskRow = Selectable<Schema['tasks']>;
export type TurnRow = Selectable<Schema['turns']>;
type ResultRow = Selectable<Schema['results']>;
type PhaseRow = Selectable<Schema['phases']>;
export type AttemptRow = Selectable<Schema['attempts']>;

const TITLE_CHARS = 80;

export function newTaskId(): string {
  return randomBytes(10).toString('hex');
}

/** The prompt's first line, shortened at a word. */
export function titleOf(prompt: string): string {
  const line = prompt.trim().split('\n', 1)[0] ?? '';
  if (line.length <= TITLE_CHARS) return line;
  const cut = line.slice(0, TITLE_CHARS - 1);
  const space = cut.lastIndexOf(' ');
  return `${(space > TITLE_CHARS / 2 ? cut.slice(0, space) : cut).toWellFormed()}…`;
}

/** PostgreSQL's text holds no NUL. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

export function parsed<T>(json: string | null): T | undefined {
  return json === null ? undefined : (JSON.parse(json) as T);
}

/** Without the keys that are undefined: an optional key of the protocol is absent, not empty. */
function defined<T extends object>(of: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as never;
}

export function summaryOf(row: TaskRow): TaskSummary {
  return {
    id: row.id,
    requestId: row.request_id,
    title: row.title,
    mode: row.mode,
    repo: JSON.parse(row.repo) as RepoAtCommit,
    attempts: row.attempts,
    turns: row.turns,
    state: row.state,
    review: row.review,
    archived: row.archived,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastSeq: row.last_seq,
    createdBy: row.created_by,
    ...defined({
      environment: row.environment ?? undefined,
      model: row.model ?? undefined,
      effort: row.effort ?? undefined,
      chosenAttempt: row.chosen_attempt ?? undefined,
      attemptsDone: hasEnded(row.state) ? undefined : (row.attempts_done ?? undefined),
      waiting: row.state === 'waiting' ? ('approval' as const) : undefined,
      phase: row.phase ?? undefined,
      patch: parsed<PatchSummary>(row.patch),
      pullRequest: parsed<PullRequestView>(row.pull_request),
      error: parsed<WireError>(row.error),
    }),
  };
}

/** Of a task's turn: all of them in the first, in a follow-up the one that it goes on from. */
export function attemptsOf(task: Pick<TaskRow, 'attempts' | 'chosen_attempt'>, turn: number): number[] {
  if (task.attempts === 1) return [1];
  if (turn > 1) return [task.chosen_attempt ?? 1];
  return Array.from({ length: task.attempts }, (_, index) => index + 1);
}

export interface TurnParts {
  results: ResultRow[];
  phases: PhaseRow[];
  attempts: AttemptRow[];
}

/** `parts` may be of the whole task. */
export function turnViewOf(row: TurnRow, task: TaskRow, parts: TurnParts): TurnView {
  const isOfTurn = (part: { turn: number }) => part.turn === row.turn;
  const ends = parts.attempts.filter(isOfTurn);
  // What was chosen speaks for the turn, whoever was first.
  const chosen = ends.find(({ attempt, answer }) => attempt === task.chosen_attempt && answer !== null);
  return {
    turn: row.turn,
    mode: row.mode,
    prompt: row.prompt,
    state: row.state,
    generation: row.generation,
    createdAt: row.created_at,
    ...defined({
      answer: chosen?.answer ?? row.answer ?? undefined,
      error: parsed<WireError>(row.error),
      usage: parsed<Usage>(row.usage),
      report: parsed<Report>(row.report),
      images: parsed<Attachment[]>(row.images),
      baseSha: row.base_sha ?? undefined,
      finishedAt: row.finished_at ?? undefined,
    }),
    phases: phasesTogether(parts.phases.filter(isOfTurn)),
    attempts: attemptsOf(task, row.turn).map((attempt) => {
      const result = parts.results.find((one) => isOfTurn(one) && one.attempt === attempt);
      const end = ends.find((one) => one.attempt === attempt);
      return {
        attempt,
        files: result ? (JSON.parse(result.files) as FileChange[]) : [],
        ...(result
          ? { resultSha: result.result_sha, patch: JSON.parse(result.summary) as PatchSummary }
          : {}),
        ...(end ? endOf(end) : {}),
      };
    }),
  };
}

function endOf(row: AttemptRow): Omit<AttemptView, 'attempt' | 'files'> {
  return {
    state: row.state,
    ...defined({
      answer: row.answer ?? undefined,
      error: parsed<WireError>(row.error),
      usage: parsed<Usage>(row.usage),
      report: parsed<Report>(row.report),
    }),
  };
}

/** A phase of several attempts lasts from its first start to its last end, and ends as its worst one did. */
function phasesTogether(rows: PhaseRow[]): TurnView['phases'] {
  return [...Map.groupBy(rows, (row) => row.phase)]
    .map(([phase, of]) => {
      const startedAt = Math.min(...of.map((row) => row.started_at));
      const outcome = (['failed', 'cancelled', 'ok'] as const).find((one) =>
        of.some((row) => row.outcome === one),
      );
      const open = of.some((row) => row.outcome === null || row.duration_ms === null);
      const endedAt = Math.max(...of.map((row) => row.started_at + (row.duration_ms ?? 0)));
      return {
        phase,
        startedAt,
        ...(open || outcome === undefined ? {} : { durationMs: endedAt - startedAt, outcome }),
      };
    })
    .sort((a, b) => a.startedAt - b.startedAt);
}
