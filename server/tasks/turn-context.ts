/**
 * What the heart gives to whoever runs a turn: the turn's facts, and the only ways to change it.
 *
 * Every write carries the turn's generation. A write that matches no row means that another owner has
 * taken the turn over: it throws `CodexError` generationSuperseded, and the runner must stop without
 * another write. Nothing here knows a sandbox, a model or git.
 */
import type { ApprovalAnswer, ApprovalReason } from '../../protocol/approval.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { Attachment, FileChange, NewEvent, PatchSummary, Usage } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { Report } from '../../protocol/report.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Redactor } from '../secrets/types.ts';
import type { Effort, Mode, Phase } from '../../protocol/states.ts';
import type { Trigger } from './trigger.ts';

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
  /** What the person asked for; null: what the environment or the backend says. */
  model: string | null;
  effort: Effort | null;
  /** Null: the default one. */
  environment: string | null;
  /** The comment on a forge that started it; null: a person at a client did. */
  trigger: Trigger | null;
  createdBy: string;
}

export interface TurnResult {
  resultSha: string;
  patch: Buffer;
  summary: PatchSummary;
  files: FileChange[];
}

/** How one of several attempts at a turn ended. */
export type AttemptEnd = { usage?: Usage; report?: Report } & (
  { state: 'completed'; answer: string } | { state: 'failed'; error: WireError } | { state: 'cancelled' }
);

/** Append-only, over all turns of one attempt. `append` resolves once it is durable, with these events. */
export interface TurnHistory<Item> {
  load(): Promise<Item[]>;
  append(items: Item[], events?: readonly NewEvent[]): Promise<void>;
}

/** What a person said while the turn runs, in the order of its positions (from 1). */
export interface Said {
  /** Of its event and of its item. */
  id: string;
  position: number;
  text: string;
}

export interface SteeringDesk {
  after(position: number): Promise<Said[]>;
  /** What came after `position`; when nothing did, this attempt takes nothing more. */
  close(position: number): Promise<Said[]>;
}

export interface TurnContext {
  readonly task: TurnTask;
  readonly turn: number;
  /** This turn's own mode: a follow-up may differ from the task's first turn. */
  readonly mode: Mode;
  readonly prompt: string;
  /** What was asked for with this turn alone; null: what the task says. */
  readonly model: string | null;
  readonly effort: Effort | null;
  /** Sent along with it. */
  readonly images: readonly Attachment[];
  /** A try of the environment: it ends after the setup, and asks no model. */
  readonly onlySetup: boolean;
  /** 1…n; in a follow-up the one that it goes on from. */
  readonly attempts: readonly number[];
  readonly generation: number;
  /** Another owner had this turn before: its sandbox, history and events may be there. */
  readonly resumed: boolean;
  readonly limits: LimitValues;
  /** See `StopReason`. */
  readonly signal: AbortSignal;

  /**
   * The same turn as one of a task's several attempts writes it: its events carry the attempt's number, its
   * items are looked up among its own. 0: for all attempts together. In a task with one attempt: itself.
   */
  of(attempt: number): TurnContext;
  /** Of several: it runs from now on. */
  startAttempt(attempt: number): Promise<void>;
  /** Of several: it has ended, in one write with the event that says so. */
  finishAttempt(attempt: number, end: AttemptEnd): Promise<void>;
  /** Of several: those that have ended, also under an owner before this one. */
  endedAttempts(): Promise<Map<number, AttemptEnd>>;

  /** From now on these secrets are taken out of everything that is written here. */
  redactWith(redactor: Redactor): void;
  /** Stored in this order, with seq; resolves once they are durable. */
  emit(...events: NewEvent[]): Promise<void>;
  /** How many bytes of an item's output the log of this turn has; null when the item never started. */
  outputStored(itemId: string): Promise<number | null>;
  /** Whether the log of this turn tells of the item's end. */
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
  /** Pictures by their hash: those of prompts, and what was kept here, as long as the task is there. */
  readonly pictures: {
    keep(bytes: Uint8Array): Promise<string>;
    load(sha256: string): Promise<Buffer | null>;
  };
  /** What was read for the model and lies in the sandbox as a file, by its hash: as long as the task is there. */
  readonly files: {
    keep(bytes: Uint8Array): Promise<string>;
    load(sha256: string): Promise<Buffer | null>;
  };
  /**
   * Who is asked before a command of this attempt runs. While a question is open the turn is `waiting`.
   * The question, its event and the state are one write; a turn that is taken up again finds it by its id.
   */
  approvals(attempt: number): ApprovalDesk;
  /** What the person says while this attempt runs. */
  steering(attempt: number): SteeringDesk;
  /** What this turn's attempt had used when it was last told, before a crash. */
  usageBefore(attempt: number): Promise<Usage>;
  setState(state: 'preparing' | 'running' | 'waiting'): Promise<void>;
  /** The commit that this turn starts from. */
  setBase(sha: string): Promise<void>;
  /** The commit that this turn was found to start from, by an owner before this one. */
  readonly baseSha: string | null;
  /** Stores the patch (bytes, in chunks by content hash) and its summary. Replaces this turn's result. */
  setResult(attempt: number, result: TurnResult): Promise<void>;
  /** The result commit of the newest turn before this one that has one, else null. */
  newestResult(attempt: number): Promise<string | null>;

  /**
   * Gives the task the title that `make` comes up with (null: none), unless it was named before, by a model
   * or a person: then `make` is not called, or what it says is dropped.
   */
  nameTask(make: () => Promise<string | null>): Promise<void>;

  /** Ends the turn: `completed`, or `cancelled` when that was asked for. Call one of these once, last. */
  finish(end: { answer: string; usage: Usage; report?: Report }): Promise<void>;
  fail(error: unknown): Promise<void>;
}

/**
 * Runs one turn. When it returns or throws without having ended the turn, the heart ends it: as
 * `cancelled` when that was asked for, else as failed with what was thrown; after `superseded` and
 * `shutdown` not at all.
 */
export type RunTurn = (turn: TurnContext) => Promise<void>;
