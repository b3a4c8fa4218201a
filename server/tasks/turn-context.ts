/**
 * What the heart gives to whoever runs a turn: the turn's facts, and the only ways to change it.
 *
 * Every write carries the turn's generation. A write that matches no row means that another owner has
 * taken the turn over: it throws `CodexError` generationSuperseded, and the runner must stop without
 * another write. Nothing here knows a sandbox, a model or git.
 */
import type { ApprovalAnswer, ApprovalReason } from '../../protocol/approval.ts';
import type { FileChange, NewEvent, PatchSummary, Usage } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Redactor } from '../secrets/types.ts';
import type { Mode, Phase } from '../../protocol/states.ts';

/**
 * `signal.reason` of a turn.
 * - `cancelled`: the person wants it to end. The runner still delivers what is there, then returns.
 * - `superseded`: another owner has it. Stop at once; every write throws.
 * - `shutdown`: this backend stops, or lost its database. Stop at once, leave everything as it is:
 *   the next owner goes on with generation + 1.
 */
export type StopReason = 'cancelled' | 'superseded' | 'shutdown';

/** `signal.reason`, typed; null while it runs. */
export function stopReason(signal: AbortSignal): StopReason | null {
  return signal.aborted ? (signal.reason as StopReason) : null;
}

/** A question before a command runs; `approvalId` is the call's, so that it is put once. */
export interface ApprovalQuestion {
  approvalId: string;
  /** Questions with the same one are the same: an answer for the task stands for all of them. */
  identity: string;
  command: string;
  cwd: string;
  reason: ApprovalReason;
}

export interface ApprovalDesk {
  /** What was said already, else what the person says. Rejects when the signal or the turn's is aborted. */
  ask(question: ApprovalQuestion, signal: AbortSignal): Promise<ApprovalAnswer>;
  wasAsked(approvalId: string): Promise<boolean>;
}

export interface TurnTask {
  id: string;
  title: string;
  repo: RepoAtCommit;
  /** The model that the person asked for, if not the configured one. */
  model: string | null;
  /** Null: the default one. */
  environment: string | null;
  createdBy: string;
}

export interface TurnResult {
  resultSha: string;
  patch: Buffer;
  summary: PatchSummary;
  files: FileChange[];
}

/** Append-only, over all turns of one attempt. `append` resolves once it is durable. */
export interface TurnHistory<Item> {
  load(): Promise<Item[]>;
  /** `told`: events that are stored with them or not at all. */
  append(items: Item[], told?: readonly NewEvent[]): Promise<void>;
}

export interface TurnContext {
  readonly task: TurnTask;
  readonly turn: number;
  /** This turn's own mode: a follow-up may differ from the task's first turn. */
  readonly mode: Mode;
  readonly prompt: string;
  /** A try of the environment: it ends after the setup, and asks no model. */
  readonly onlySetup: boolean;
  /** 1…n */
  readonly attempts: readonly number[];
  readonly generation: number;
  /** Another owner had this turn before: its sandbox, history and events may be there. */
  readonly resumed: boolean;
  readonly limits: LimitValues;
  /** See `StopReason`. */
  readonly signal: AbortSignal;

  /** From now on these secrets are taken out of everything that is written here. */
  redactWith(redactor: Redactor): void;
  /** Stored in this order, with seq; resolves once they are durable. */
  emit(...events: NewEvent[]): Promise<void>;
  /** How many bytes of an item's output the log of this turn has; null when the item never started. */
  outputStored(itemId: string): Promise<number | null>;
  /** Whether the log of this turn has the item's end. */
  itemEnded(itemId: string): Promise<boolean>;
  /** Text of an item as it is written: unnumbered, droppable. */
  delta(itemId: string, text: string): void;
  /** A line about something slow (an image that is built): droppable too, shown with the phase. */
  progress(line: string): void;
  /**
   * Runs `fn` as this phase: its start, end, duration and outcome become events and a row. The
   * outcome is `cancelled` when the turn was, `failed` when `fn` threw; what it threw is thrown on.
   */
  phase<T>(phase: Phase, fn: () => Promise<T>): Promise<T>;

  history<Item extends object>(attempt: number): TurnHistory<Item>;
  /**
   * Who is asked before a command of this attempt runs. While a question is open the turn is `waiting`.
   * The question, its event and the state are one write; a turn that is taken up again finds it by its id.
   */
  approvals(attempt: number): ApprovalDesk;
  setState(state: 'preparing' | 'running' | 'waiting'): Promise<void>;
  /** The commit that this turn starts from. */
  setBase(sha: string): Promise<void>;
  /** The commit that this turn was found to start from, by an owner before this one. */
  readonly baseSha: string | null;
  /** Stores the patch (bytes, in chunks by content hash) and its summary. Replaces this turn's result. */
  setResult(attempt: number, result: TurnResult): Promise<void>;
  /** The result commit of the newest turn before this one that has one, else null. */
  newestResult(attempt: number): Promise<string | null>;

  /** Ends the turn: `completed`, or `cancelled` when that was asked for. Call one of these once, last. */
  finish(end: { answer: string; usage: Usage }): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/**
 * Runs one turn. When it returns or throws without having ended the turn, the heart ends it: as
 * `cancelled` when that was asked for, else as failed with what was thrown; after `superseded` and
 * `shutdown` not at all.
 */
export type RunTurn = (turn: TurnContext) => Promise<void>;
