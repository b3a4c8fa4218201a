/** Rows of the database as the protocol's views, and small text rules for what goes into rows. Pure. */
import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Attachment, FileChange, PatchSummary, Usage } from '../../protocol/events.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepoAtCommit, TaskSummary, TurnView } from '../../protocol/rpc.ts';
import type { Schema } from '../store/schema.ts';

export type TaskRow = Selectable<Schema['tasks']>;
export type TurnRow = Selectable<Schema['turns']>;
type ResultRow = Selectable<Schema['results']>;
type PhaseRow = Selectable<Schema['phases']>;

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
      waiting: row.state === 'waiting' ? ('approval' as const) : undefined,
      phase: row.phase ?? undefined,
      patch: parsed<PatchSummary>(row.patch),
      error: parsed<WireError>(row.error),
    }),
  };
}

export function turnViewOf(
  row: TurnRow,
  attempts: number,
  results: ResultRow[],
  phases: PhaseRow[],
): TurnView {
  return {
    turn: row.turn,
    mode: row.mode,
    prompt: row.prompt,
    state: row.state,
    generation: row.generation,
    createdAt: row.created_at,
    ...defined({
      answer: row.answer ?? undefined,
      error: parsed<WireError>(row.error),
      usage: parsed<Usage>(row.usage),
      report: parsed<Report>(row.report),
      images: parsed<Attachment[]>(row.images),
      baseSha: row.base_sha ?? undefined,
      finishedAt: row.finished_at ?? undefined,
    }),
    phases: phases
      .filter((phase) => phase.turn === row.turn)
      .sort((a, b) => a.started_at - b.started_at)
      .map((phase) => ({
        phase: phase.phase,
        startedAt: phase.started_at,
        ...defined({ durationMs: phase.duration_ms ?? undefined, outcome: phase.outcome ?? undefined }),
      })),
    attempts: Array.from({ length: attempts }, (_, index) => {
      const result = results.find((one) => one.turn === row.turn && one.attempt === index + 1);
      return {
        attempt: index + 1,
        files: result ? (JSON.parse(result.files) as FileChange[]) : [],
        ...(result
          ? { resultSha: result.result_sha, patch: JSON.parse(result.summary) as PatchSummary }
          : {}),
      };
    }),
  };
}
