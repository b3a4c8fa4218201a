/**
 * The RPC table: JSON-RPC 2.0 over a WebSocket at `/api/v1/ws`. Both ends are typed from it, so a
 * missing handler does not compile, and every message is checked by its schema at both ends.
 */
import { z } from 'zod';
import { ApprovalAnswer, OpenApproval, WaitingFor } from './approval.ts';
import { EgressEntry, type Environment, EnvironmentName, StoredEnvironment } from './environment.ts';
import { Attachment, FileChange, PatchSummary, Usage, WireEvent } from './events.ts';
import { WireError } from './errors.ts';
import { FORGE_METHODS } from './forge-rpc.ts';
import { LIMITS } from './limits.ts';
import { PullRequestView } from './pull-request.ts';
import { Report } from './report.ts';
import { Attempt, Empty, OfTask, RequestId, TaskId, method } from './rpc-parts.ts';
import { SecretName, SecretValue, SecretView } from './secret.ts';
import { Effort, Mode, ModelName, Phase, PhaseOutcome, ReviewState, TurnState } from './states.ts';

/** Goes up when an older client or server can no longer be spoken with. */
export const PROTOCOL_VERSION = 1;
export const OLDEST_PROTOCOL_VERSION = 1;

export const WS_PATH = '/api/v1/ws';

const Prompt = z
  .string()
  .max(LIMITS.promptBytes.cap)
  .refine((text) => text.trim().length > 0, 'The prompt is empty.');
const Sha = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);

/** Which commit of which repository. The commit is already there: `repo.resolve`, then a push. */
export const RepoAtCommit = z.object({
  repoId: z.string().regex(/^[a-z0-9]{8,64}$/),
  /** The folder's or repository's name: the sandbox has it at `/workspace/<name>`. */
  name: z.string().min(1).max(200),
  sha: Sha,
  /** The branch a person had checked out, if any: shown, and the name of the branch in the sandbox. */
  branch: z.string().max(1000).optional(),
  /** The commit that the person had checked out, when `sha` is a snapshot of local changes on it. */
  headSha: Sha.optional(),
  includesLocal: z.boolean(),
  /**
   * The newest commit of the repository's default branch that the client knows and has sent: the
   * environment file is trusted as it stands there, and environments are prepared from it.
   */
  defaultSha: Sha.optional(),
});
export type RepoAtCommit = z.infer<typeof RepoAtCommit>;

export const TaskSummary = z.object({
  id: TaskId,
  requestId: RequestId,
  title: z.string(),
  mode: Mode,
  repo: RepoAtCommit,
  environment: z.string().optional(),
  /** What was asked for; absent: what the environment or the backend says. */
  model: z.string().optional(),
  effort: Effort.optional(),
  attempts: z.number().int(),
  attemptsDone: z.number().int().optional(), // of several, while they run
  /** Whose result is the task's, once a person chose; a task with one attempt needs no choice. */
  chosenAttempt: z.number().int().optional(),
  turns: z.number().int(),
  state: TurnState,
  /** What a turn that waits is waiting for. */
  waiting: WaitingFor.optional(),
  phase: Phase.optional(),
  review: ReviewState,
  archived: z.boolean(),
  patch: PatchSummary.optional(),
  pullRequest: PullRequestView.optional(),
  error: WireError.optional(),
  createdAt: z.number(),
  updatedAt: z.number(),
  lastSeq: z.number().int(),
  createdBy: z.string(),
});
export type TaskSummary = z.infer<typeof TaskSummary>;

export const AttemptView = z.object({
  attempt: z.number().int(),
  /** The commit that holds the result, in the backend's repository. */
  resultSha: Sha.optional(),
  patch: PatchSummary.optional(),
  files: z.array(FileChange),
  /** Of a turn with several attempts, each of which ends on its own; with one, see the turn. */
  state: z.enum(['running', 'completed', 'failed', 'cancelled']).optional(),
  answer: z.string().optional(),
  error: WireError.optional(),
  usage: Usage.optional(),
  report: Report.optional(),
});
export type AttemptView = z.infer<typeof AttemptView>;

export const TurnView = z.object({
  turn: z.number().int(),
  mode: Mode,
  prompt: z.string(),
  state: TurnState,
  generation: z.number().int(),
  answer: z.string().optional(),
  error: WireError.optional(),
  usage: Usage.optional(),
  report: Report.optional(),
  images: z.array(Attachment).optional(),
  baseSha: Sha.optional(),
  phases: z.array(
    z.object({
      phase: Phase,
      startedAt: z.number(),
      durationMs: z.number().optional(),
      outcome: PhaseOutcome.optional(),
    }),
  ),
  attempts: z.array(AttemptView),
  createdAt: z.number(),
  finishedAt: z.number().optional(),
});
export type TurnView = z.infer<typeof TurnView>;

export const TaskView = TaskSummary.extend({ turnList: z.array(TurnView) });
export type TaskView = z.infer<typeof TaskView>;

const TerminalId = z.string().min(1).max(100);
const TerminalSize = {
  columns: z.number().int().min(1).max(1_000),
  rows: z.number().int().min(1).max(1_000),
};
/** Base64: what a terminal carries is bytes. */
const TerminalBytes = z.string().max(128 * 1024);

/** Sent as blobs before (`PUT /api/v1/blobs/<sha256>`). */
const Images = z.array(Attachment).max(10);

const OfEnvironment = z.object({ name: EnvironmentName });

export const METHODS = {
  'server.hello': method(
    z.object({ protocol: z.number().int(), client: z.object({ name: z.string(), version: z.string() }) }),
    z.object({
      protocol: z.number().int(),
      server: z.object({ name: z.string(), version: z.string(), id: z.string() }),
      sandbox: z.object({ kind: z.enum(['docker', 'local', 'none']), detail: z.string() }),
      model: z.object({ name: z.string(), configured: z.boolean(), scripted: z.boolean() }),
    }),
  ),
  'task.create': method(
    z.object({
      requestId: RequestId,
      prompt: Prompt,
      mode: Mode,
      repo: RepoAtCommit,
      environment: EnvironmentName.optional(),
      attempts: Attempt.default(1),
      model: ModelName.optional(),
      effort: Effort.optional(),
      images: Images.optional(),
    }),
    z.object({ task: TaskSummary }),
  ),
  'task.get': method(OfTask, z.object({ task: TaskView })),
  /** With `watch`, later changes of any task come as `task.changed` until the socket closes. */
  'task.list': method(
    z.object({
      limit: z.number().int().min(1).max(200).default(100),
      archived: z.boolean().default(false),
      watch: z.boolean().default(false),
    }),
    z.object({ tasks: z.array(TaskSummary) }),
  ),
  'task.rename': method(
    OfTask.extend({ title: z.string().trim().min(1).max(200) }),
    z.object({ task: TaskSummary }),
  ),
  'task.cancel': method(OfTask, z.object({ task: TaskSummary })),
  /** Runs the newest turn again, when it failed or was cancelled. */
  'task.retry': method(OfTask, z.object({ task: TaskSummary })),
  'task.archive': method(OfTask.extend({ archived: z.boolean() }), z.object({ task: TaskSummary })),
  'task.delete': method(OfTask, Empty),
  /** What the person did with the newest result. */
  'task.review': method(OfTask.extend({ review: ReviewState }), z.object({ task: TaskSummary })),
  /** Events after `after` follow as `events` notifications, first from the log, then live. */
  'task.subscribe': method(
    OfTask.extend({ after: z.number().int().min(0) }),
    z.object({ head: z.number().int() }),
  ),
  'task.unsubscribe': method(OfTask, Empty),
  /** A follow-up: starts from the newest result. */
  'turn.create': method(
    z.object({
      requestId: RequestId,
      taskId: TaskId,
      prompt: Prompt,
      mode: Mode.optional(),
      model: ModelName.optional(),
      effort: Effort.optional(),
      images: Images.optional(),
    }),
    z.object({ task: TaskSummary, turn: z.number().int() }),
  ),
  /** Said to the turn that runs; the model gets it with its next request. */
  'turn.steer': method(
    OfTask.extend({ requestId: RequestId, text: Prompt }),
    z.object({ task: TaskSummary }),
  ),
  /** This attempt's result becomes the task's: what is applied, and what the first follow-up goes on from. */
  'attempt.choose': method(OfTask.extend({ attempt: Attempt }), z.object({ task: TaskSummary })),
  /** Where to push this folder's commits, and whether `sha` is there already. */
  'repo.resolve': method(
    z.object({
      name: z.string().min(1).max(200),
      /** The remote's address without credentials, or null for a folder that has none. */
      remote: z.string().max(2000).nullable(),
      /** Names the folder on the client's machine, for a repository without a remote. */
      folder: z.string().max(200),
      sha: Sha,
      /** The commit that `sha` lies on, when that is a snapshot of local changes. */
      headSha: Sha.optional(),
      /** The default branch's newest known commit. */
      defaultSha: Sha.optional(),
    }),
    z.object({
      repoId: z.string(),
      pushPath: z.string(),
      hasCommit: z.boolean(),
      /** Whether `defaultSha` is there; absent from a backend that does not know of it. */
      hasDefault: z.boolean().optional(),
    }),
  ),
  'environment.list': method(Empty, z.object({ environments: z.array(StoredEnvironment) })),
  /** The default environment is there even when nobody has stored it. */
  'environment.get': method(OfEnvironment, z.object({ environment: StoredEnvironment })),
  /**
   * The whole record. Running tasks of this environment get the new internet policy at once. Checked by
   * `checkEnvironment`, which says what is wrong in words of its own: any object passes here.
   */
  'environment.put': method(
    z.object({ environment: z.custom<Environment>((value) => typeof value === 'object' && value !== null) }),
    z.object({ environment: StoredEnvironment }),
  ),
  'environment.delete': method(OfEnvironment, Empty),
  /** Forgets what was prepared: the next task sets up anew. Tasks under way keep theirs. */
  'environment.resetCache': method(OfEnvironment, z.object({ removed: z.number().int() })),
  /** A task that ends after the setup: whether it works, with its output and a terminal. */
  'environment.test': method(
    z.object({ requestId: RequestId, name: EnvironmentName, repo: RepoAtCommit }),
    z.object({ task: TaskSummary }),
  ),
  /** Scripts of an environment file that differ from the default branch's may have the secrets from now on. */
  'environment.approveScript': method(
    z.object({ repoId: RepoAtCommit.shape.repoId, hash: z.string().regex(/^[0-9a-f]{64}$/) }),
    Empty,
  ),
  /** A value goes in and never comes out again. */
  'secret.put': method(
    z.object({ environment: EnvironmentName, name: SecretName, value: SecretValue }),
    z.object({ secret: SecretView }),
  ),
  'secret.delete': method(z.object({ environment: EnvironmentName, name: z.string().max(200) }), Empty),
  'secret.list': method(
    z.object({ environment: EnvironmentName }),
    z.object({ secrets: z.array(SecretView) }),
  ),
  /** Wraps the keys of all values with the newest key, made for it where the backend makes its keys. */
  'secret.rotate': method(Empty, z.object({ rewrapped: z.number().int() })),
  /** `once`: this command; `task`: the same command for the rest of the task; `never`: it does not run. */
  'approval.answer': method(
    OfTask.extend({ approvalId: z.string().min(1).max(200), answer: ApprovalAnswer }),
    Empty,
  ),
  /** The questions that wait for an answer, oldest first; of one task, or of all. */
  'approval.list': method(
    z.object({ taskId: TaskId.optional() }),
    z.object({ approvals: z.array(OpenApproval) }),
  ),
  /** A shell in the sandbox of a task that is parked, or whose setup failed; not while a turn runs. */
  'terminal.open': method(
    // Absent: the chosen one, else the first.
    OfTask.extend({ attempt: Attempt.optional(), ...TerminalSize }),
    z.object({ terminalId: TerminalId }),
  ),
  'terminal.write': method(z.object({ terminalId: TerminalId, data: TerminalBytes }), Empty),
  'terminal.resize': method(z.object({ terminalId: TerminalId, ...TerminalSize }), Empty),
  'terminal.close': method(z.object({ terminalId: TerminalId }), Empty),
  /** Adds a domain to the agent's allowed ones in the task's environment, turning access on if it was off. */
  'policy.allow': method(
    OfTask.extend({ domain: z.string().min(1).max(512) }),
    z.object({ environment: StoredEnvironment }),
  ),
  /** What a task asked the internet for, oldest first. */
  'task.egress': method(
    OfTask.extend({
      after: z.number().int().min(0).default(0),
      limit: z.number().int().min(1).max(1000).default(200),
    }),
    z.object({ entries: z.array(EgressEntry), more: z.boolean() }),
  ),
  ...FORGE_METHODS,
  /** The first one is what a task gets that asks for none. With `check` every connection is tried. */
  'model.list': method(
    z.object({ check: z.boolean().default(false) }),
    z.object({
      models: z.array(
        z.object({
          name: z.string(),
          /** Of the owner's model connections. */
          connection: z.string().optional(),
          /** Absent: it has no such setting. */
          efforts: z.array(Effort).optional(),
          windowTokens: z.number().int().optional(),
        }),
      ),
      /** All of the owner's, each with why it can't be used now. */
      connections: z.array(z.object({ name: z.string(), problem: WireError.optional() })).optional(),
    }),
  ),
} as const;

export type MethodName = keyof typeof METHODS;
export type ParamsIn<M extends MethodName> = z.input<(typeof METHODS)[M]['params']>;
export type ParamsOf<M extends MethodName> = z.output<(typeof METHODS)[M]['params']>;
export type ResultOf<M extends MethodName> = z.output<(typeof METHODS)[M]['result']>;
export type Handlers<Context> = {
  [M in MethodName]: (params: ParamsOf<M>, context: Context) => Promise<ResultOf<M>>;
};

/** From the server to a client. */
export const NOTIFICATIONS = {
  events: z.object({ taskId: TaskId, events: z.array(WireEvent) }),
  /** Text as it is written: unnumbered and droppable; the completed item is what counts. */
  delta: OfTask.extend({ turn: z.int(), attempt: z.int().optional(), itemId: z.string(), text: z.string() }),
  'task.changed': z.object({ task: TaskSummary }),
  'task.deleted': z.object({ taskId: TaskId }),
  'terminal.output': z.object({ terminalId: TerminalId, data: TerminalBytes }),
  'terminal.ended': z.object({
    terminalId: TerminalId,
    exitCode: z.number().int().nullable(),
    /** `turnStarted`: a turn took the sandbox. `idle`: nothing was typed or printed for long. */
    reason: z.enum(['exited', 'turnStarted', 'sandboxLost', 'idle', 'closed']),
  }),
} as const;

export type NotificationName = keyof typeof NOTIFICATIONS;
export type NotificationOf<N extends NotificationName> = z.output<(typeof NOTIFICATIONS)[N]>;

/** JSON-RPC's own codes, and ours for everything that has a `WireError` in `data`. */
export const RPC_ERROR_CODE = -32000;
