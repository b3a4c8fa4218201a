/**
 * What the agent loop needs from the rest, and gives back. The loop itself is `loop.ts`.
 *
 * The loop knows a model, a shell, a place for its history, and where to tell what happens. It knows
 * no task, no database, no Docker.
 */
import type { ErrorCode } from '../../protocol/errors.ts';
import type { NewEvent, Usage } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { Mode } from '../../protocol/states.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Redactor } from '../secrets/types.ts';
import type { ModelClient, ResponseItem } from '../model/model.ts';
import type { Approving } from './approve.ts';

/**
 * The append-only history of a task's attempt over all its turns, in the order the model sees it.
 * `append` returns once it is durable: a tool call is stored before it runs, its result before the
 * next request.
 */
export interface History {
  load(): Promise<ResponseItem[]>;
  /** `told`: events of these items, stored with them or not at all. */
  append(items: ResponseItem[], told?: readonly NewEvent[]): Promise<void>;
}

/** The part of a sandbox that the loop uses. `how` tells a turn that goes on that its old one is gone. */
export type AgentSandbox = Pick<Sandbox, 'run' | 'find' | 'get' | 'put' | 'workdir'> &
  Partial<Pick<Sandbox, 'how'>>;

export interface AgentInput {
  mode: Mode;
  prompt: string;
  /** Which turn of the task: how a turn that is taken up again after a crash is told from a follow-up. */
  turn?: number;
  /** Stable over the task: the prompt cache's key. */
  cacheKey: string;
  model: ModelClient;
  sandbox: AgentSandbox;
  /** Each command's environment, asked for at its start; never anything of the backend's own. */
  env(): Record<string, string>;
  internet: 'off' | 'limited' | 'on';
  history: History;
  /** Stored in order; resolves once they are durable. */
  emit(...events: NewEvent[]): Promise<void>;
  /**
   * How many bytes of an item's output are stored already, or null when the item never started: a call
   * that is joined after a crash goes on from there. Absent: it is told again from its start.
   */
  outputStored?(itemId: string): Promise<number | null>;
  /** Whether the log has this item's end: a crash may have come before its result was in the history. */
  itemEnded?(itemId: string): Promise<boolean>;
  /** Droppable text of an item that is being written. */
  delta(itemId: string, text: string): void;
  /** Takes secrets out of what commands print, before the model or the log gets it. */
  redactor?: Redactor;
  /** Which commands need a person's word, and who is asked. Absent: none does. */
  approve?: Approving;
  limits: LimitValues;
  /**
   * Ends the turn. With the reason `shutdown` or `superseded` running commands are left to the turn's
   * next owner and nothing more is stored; with any other they are stopped.
   */
  signal: AbortSignal;
}

export interface AgentOutcome {
  answer: string;
  usage: Usage;
  /** Set when the turn ended early in order (a budget): what is there is still delivered. */
  stoppedBy?: { code: ErrorCode; limit: string };
}

/** Throws `CodexError` model… | sandboxLost | cancelled. Already run calls are never run twice. */
export type RunAgent = (input: AgentInput) => Promise<AgentOutcome>;
