/**
 * What the agent loop needs from the rest, and gives back. The loop itself is `loop.ts`.
 *
 * The loop knows a model, a shell, a place for its history, and where to tell what happens. It knows
 * no task, no database, no Docker.
 */
import type { ErrorCode } from '../../protocol/errors.ts';
import type { NewEvent, Usage } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { Report } from '../../protocol/report.ts';
import type { Effort, Mode } from '../../protocol/states.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Redactor } from '../secrets/types.ts';
import type { ModelClient, ResponseItem } from '../model/model.ts';
import type { AgentsFiles } from './agents-files.ts';
import type { Approving } from './approve.ts';
import type { PictureStore, StoredImage } from './images.ts';
import type { ReviewedChange } from './instructions.ts';
import type { PromptLinks } from './linked.ts';
import type { PullRequestTemplate } from './pull-request-template.ts';
import type { Steering } from './steering.ts';

/**
 * The append-only history of a task's attempt over all its turns, in the order the model sees it.
 * `append` returns once it is durable, together with the events that tell of it: a tool call is stored
 * before it runs, its result before the next request.
 */
export interface History {
  load(): Promise<ResponseItem[]>;
  append(items: ResponseItem[], events?: readonly NewEvent[]): Promise<void>;
}

/** The part of a sandbox that the loop uses. `how` tells a turn that goes on that its old one is gone. */
export type AgentSandbox = Pick<Sandbox, 'run' | 'input' | 'find' | 'get' | 'put' | 'workdir'> &
  Partial<Pick<Sandbox, 'how'>>;

export interface AgentInput {
  mode: Mode;
  prompt: string;
  /** Pictures that belong to the prompt; their bytes are in `pictures`. */
  images?: readonly StoredImage[];
  /** Where pictures are kept. Absent: none can be shown. */
  pictures?: PictureStore;
  /** Which turn of the task: how a turn that is taken up again after a crash is told from a follow-up. */
  turn?: number;
  /** Stable over the task: the prompt cache's key. */
  cacheKey: string;
  model: ModelClient;
  /** Absent: the model's own. */
  effort?: Effort;
  sandbox: AgentSandbox;
  /** Each command's environment, asked for at its start; never anything of the backend's own. */
  env(): Record<string, string>;
  internet: 'off' | 'limited' | 'on';
  /** What a review is of when the person names nothing else. */
  change?: ReviewedChange | undefined;
  history: History;
  /** Where instructions to agents are. Absent: in the repository's root. */
  agentsFiles?: AgentsFiles;
  /** What the links in the prompt lead to. Absent: they stay text. */
  links?: PromptLinks | undefined;
  /** Of the repository's pull requests, where it has one and a change is asked for. */
  template?: PullRequestTemplate | null;
  /** What the person says while the turn runs. Absent: nobody can. */
  steering?: Steering;
  /** What this turn has used already, before a crash. */
  usageBefore?: Usage;
  /** Stored in order; resolves once they are durable. */
  emit(...events: NewEvent[]): Promise<void>;
  /**
   * How many bytes of an item's output are stored already, or null when the item never started: a call
   * that is joined after a crash goes on from there. Absent: it is told again from its start.
   */
  outputStored?(itemId: string): Promise<number | null>;
  /** Whether an item's end is stored already. Absent: it is told again after a crash. */
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
  /** What the answer's end said in a form to act on; it is not in `answer`. */
  report?: Report;
  usage: Usage;
  /** Set when the turn ended early in order (a budget): what is there is still delivered. */
  stoppedBy?: { code: ErrorCode; limit: string };
}

/** Throws `CodexError` model… | sandboxLost | cancelled. Already run calls are never run twice. */
export type RunAgent = (input: AgentInput) => Promise<AgentOutcome>;
