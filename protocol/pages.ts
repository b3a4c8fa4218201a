/**
 * What a page (composer, task, environments) and whoever holds it say to one another: a VS Code
 * webview's host, or a browser's window with a connection of its own. One table types both ends; the
 * holder checks every request by its schema, because a page shows what a model wrote.
 *
 * Never in here: a token, a key, a secret's value, an address; nor a policy from a page that shows what
 * a model wrote. Those go through native dialogs.
 */
import { z } from 'zod';
import { ApprovalAnswer } from './approval.ts';
import type { AccessLevel } from './egress.ts';
import { EnvironmentName, Script, type EgressEntry, type StoredEnvironment } from './environment.ts';
import { EnvironmentEdit } from './environment-edit.ts';
import { ErrorAction } from './errors.ts';
import type { WireError } from './errors.ts';
import { Attachment, type EventCode, type TaskEvent } from './events.ts';
import { LIMITS } from './limits.ts';
import type { Author, PullRequestPreview } from './pull-request.ts';
import type { NotificationOf, ResultOf, TaskSummary } from './rpc.ts';
import { SecretName, type SecretView } from './secret.ts';
import { Effort, Mode } from './states.ts';

/** Some 100 pixels on a side. */
const THUMBNAIL_MAX_CHARS = 128 * 1024;

const Empty = z.object({});
const RequestId = z.string().min(8).max(100);
const Prompt = z.string().max(LIMITS.promptBytes.cap);
const OfEnvironment = z.object({ name: EnvironmentName });
const Attempt = z.number().int().min(1).max(4);
const Turn = z.object({ turn: z.number().int().min(1), attempt: z.number().int().min(1) });

/** What a review looks at, beside what the person writes. */
export const ReviewTarget = z.enum(['local', 'branch', 'commit']);
export type ReviewTarget = z.infer<typeof ReviewTarget>;

/** What a page may ask for. The answer is nothing, or a sentence that says why not. */
export const PAGE_METHODS = {
  'composer.submit': z.object({
    requestId: RequestId,
    prompt: Prompt,
    mode: Mode,
    folder: z.string().max(4000),
    includeLocal: z.boolean(),
  }),
  /** What the person chose, so that it is the same after a reload and in `Codex: New Task`. */
  'composer.choose': z.object({
    mode: Mode.optional(),
    includeLocal: z.boolean().optional(),
    attempts: Attempt.optional(),
    /** An empty name, and no effort: what the environment or the backend says. */
    model: z.string().max(200).optional(),
    effort: Effort.or(z.literal('')).optional(),
    review: ReviewTarget.optional(),
  }),
  /** A picture for the next task. `thumbnail`: a small one, as an address that has the picture in it. */
  'composer.attach': z.object({
    id: RequestId,
    name: z.string().max(1000),
    data: z.string().max(Math.ceil(LIMITS.attachmentBytes.cap / 3) * 4),
    thumbnail: z.string().max(THUMBNAIL_MAX_CHARS),
  }),
  'composer.detach': z.object({ id: RequestId }),
  'composer.pickFolder': Empty,
  /** Another environment, or its internet access: asked natively. */
  'composer.pickEnvironment': Empty,
  'composer.act': z.object({
    action: z.enum(['openFolder', 'trust', 'trustRepository', 'installGit', 'showLogs']),
  }),

  'task.followUp': z.object({ requestId: RequestId, prompt: Prompt, mode: Mode }),
  /** Said to the turn that runs. */
  'task.steer': z.object({ requestId: RequestId, text: Prompt }),
  /** A new task of what the answer suggests; the same id is the same task, which is then shown. */
  'task.startFollowUp': z.object({ requestId: RequestId, prompt: Prompt }),
  'task.chooseAttempt': z.object({ attempt: Attempt }),
  'task.cancel': Empty,
  'task.retry': Empty,
  'task.apply': z.object({ attempt: Attempt.optional() }),
  /** Asks where to: a branch, a new one, a worktree. */
  'task.applyTo': Empty,
  'task.undo': Empty,
  /** A person's word on a command that waits. */
  'task.approve': z.object({ approvalId: z.string().min(1).max(200), answer: ApprovalAnswer }),
  'task.openLog': Turn,
  'task.openPatch': Turn.extend({ path: z.string().max(8000).optional() }),
  'task.openFile': z.object({
    path: z.string().max(8000),
    line: z.number().int().min(1).optional(),
    endLine: z.number().int().min(1).optional(),
  }),
  /** A picture that a person sent along; comes as a push of the same name. */
  'task.image': z.object({ image: Attachment }),
  'task.openLink': z.object({ href: z.url({ protocol: /^https?$/ }).max(8000) }),
  'task.copy': z.object({ text: z.string().max(LIMITS.rpcFrameBytes.cap) }),
  'task.act': z.object({ action: ErrorAction }),
  /** The internet access of the task's environment: changed in native dialogs, never by a page. */
  'task.internet': Empty,
  /** Asks the person whether this domain may be reached; with `retry`, the task then tries again. */
  'task.allow': z.object({ domain: z.string().min(1).max(512), retry: z.boolean() }),
  /** What the task asked the internet for after this entry; comes as a push of the same name. */
  'task.egress': z.object({ after: z.number().int().min(0) }),
  'task.exportEgress': Empty,
  /** The settings of the environment that the task runs in, on their page. */
  'task.environment': Empty,
  'task.openTerminal': Empty,
  /** Reads what a pull request of the task would be, and shows its form. `own`: with the person's own git. */
  'task.preparePullRequest': z.object({
    attempt: Attempt.optional(),
    localChanges: z.enum(['include', 'leaveOut']).optional(),
    own: z.boolean().default(false),
  }),
  /** Puts the form away, or stops waiting for what is under way. */
  'task.leavePullRequest': Empty,
  /** What was typed, as the page writes it: the holder has it when the page is closed. Empty: nothing. */
  'task.keepPullRequest': z.object({ kept: z.string().max(256 * 1024) }),
  'task.publishPullRequest': z.object({
    title: z.string().max(1_000),
    body: z.string().max(128 * 1024),
    branch: z.string().max(1_000),
    base: z.string().max(1_000),
    draft: z.boolean(),
    /** `delicateKey` of the preview: the second yes. */
    confirmed: z.string().max(100).optional(),
  }),
  'task.refreshPullRequest': Empty,
  /** In a browser. */
  'task.openPullRequest': Empty,
  /** Asks natively which of what others said. */
  'task.followUpPullRequest': Empty,
  'task.connectForge': Empty,
  /** Shows what a branch's environment file would run, and asks whether it may have the secrets. */
  'task.approveScript': z.object({ hash: z.string().regex(/^[0-9a-f]{64}$/), path: z.string().max(1000) }),

  'environment.select': OfEnvironment,
  /** Asks for its name; with `from`, a copy of that one without its secrets. */
  'environment.make': z.object({ from: EnvironmentName.optional() }),
  'environment.delete': OfEnvironment,
  /** `basis`: its `updatedAt` when it was read. Changed since, nothing is written, and it is told anew. */
  'environment.save': OfEnvironment.extend({ edit: EnvironmentEdit, basis: z.number() }),
  /** New tasks of this workspace run in it. */
  'environment.use': OfEnvironment,
  'environment.resetCache': OfEnvironment,
  'environment.test': OfEnvironment.extend({ requestId: RequestId }),
  /** The value is asked natively: a page never has it. Without `secret`, its name is asked too. */
  'environment.putSecret': OfEnvironment.extend({ secret: SecretName.optional() }),
  'environment.deleteSecret': OfEnvironment.extend({ secret: z.string().max(200) }),
  'environment.internet': OfEnvironment.extend({ phase: z.enum(['agent', 'setup']) }),
  /** A script in an editor of its own, as it stands on the page. */
  'environment.openScript': OfEnvironment.extend({
    script: z.enum(['setup', 'maintenance']),
    text: Script,
  }),
  /** What was typed and not saved, as the page writes it: the holder has it when the page is closed. */
  'environment.keep': z.object({ drafts: z.string().max(LIMITS.rpcFrameBytes.cap) }),
  'environment.learnMore': Empty,
  'environment.refresh': Empty,
} as const;

export type PageMethod = keyof typeof PAGE_METHODS;
export type PageParams<M extends PageMethod> = z.output<(typeof PAGE_METHODS)[M]>;
export type ComposerMethod = Extract<PageMethod, `composer.${string}`>;
export type TaskPageMethod = Extract<PageMethod, `task.${string}`>;
export type EnvironmentPageMethod = Extract<PageMethod, `environment.${string}`>;
export type PageHandlers<M extends PageMethod> = { [K in M]: (params: PageParams<K>) => Promise<void> };

/** The state of the folder that a task would be about. */
export interface ComposerFolder {
  id: string;
  name: string;
  /** Absent on a detached HEAD. */
  branch?: string;
  /** Shortened. */
  sha?: string;
  /** It has changes that are not committed, untracked files counted. */
  dirty: boolean;
  /** Why nothing can be sent from it; worded by the holder. */
  problem?: { sentence: string; action?: PageParams<'composer.act'>['action']; label?: string };
  /** Something to know that hinders nothing: a submodule, a detached HEAD. */
  hint?: string;
}

/** The internet access of an environment, worded by the holder. */
export interface InternetState {
  environment: string;
  level: AccessLevel;
  /** What can be reached. */
  sentence: string;
}

export interface ComposerState {
  mode: Mode;
  includeLocal: boolean;
  folder: ComposerFolder | null;
  /** More than one to choose from. */
  several: boolean;
  /** Of the environment that the task will run in; not there before a backend has answered. */
  internet?: InternetState & { several: boolean };
  problem?: ComposerFolder['problem'];
  attempts: number;
  review: ReviewTarget;
  /** Only when there is something to choose: the backend's models, with the efforts of each. */
  models?: { name: string; efforts: readonly Effort[] }[];
  /** Empty: what the environment or the backend says. */
  model: string;
  effort: Effort | '';
  images: { id: string; name: string; bytes: number; thumbnail: string }[];
}

export interface TaskHostState {
  connection: 'connected' | 'connecting' | 'lost';
  applied: boolean;
  canApply: boolean;
  busy: 'apply' | 'undo' | 'stop' | null;
  /** Of what is applied here, when a task has several. */
  appliedAttempt?: number;
  /** Request ids of the suggested tasks that were started. */
  started?: string[];
  /** A terminal in the sandbox can be opened here. */
  terminal?: boolean;
  /** Its folder's repository is at a forge, or not known here: a pull request may be possible. */
  pullRequests?: boolean;
  /** What the task's environment allows now; what the task had while it ran is told by its events. */
  internet?: InternetState | undefined;
}

/** A step that a person can take from a problem: connect the forge, use one's own git, try the same again. */
export type PullRequestOffer = 'connect' | 'own' | 'again';

/** The pull request that a page makes, as far as it has come. */
export interface PullRequestDesk {
  doing: 'nothing' | 'reading' | 'publishing' | 'refreshing';
  /** There until it is published or put away. */
  form?: {
    preview: PullRequestPreview;
    /** With the person's own git and session, not by the backend. */
    own: boolean;
    author?: Author;
    localChanges: 'include' | 'leaveOut';
    /** It is shown: false for an update in which there is nothing to decide. */
    asks: boolean;
    /** What an earlier page kept. */
    kept: string;
  };
  problem?: {
    /** Where it is told: of a form that could not be shown or sent, or of what was asked for since. */
    at: 'form' | 'card';
    sentence: string;
    /** What git or a hook printed. */
    output?: string;
    offers: PullRequestOffer[];
  };
}

/** All environments of the backend, and which one the page is about. */
export interface EnvironmentList {
  connection: TaskHostState['connection'];
  environments: { name: string; image?: string; level: AccessLevel }[];
  selected: string;
  /** New tasks of this workspace run in it. */
  forTasks: string;
  /** The open folder: a test of the setup is made with it. */
  folder: string | null;
}

/** One environment with everything that its page shows; of secrets names and times. */
export interface OpenedEnvironment {
  environment: StoredEnvironment;
  secrets: SecretView[];
  /** Of the backend, the default one first; empty while it is not known. */
  models: ResultOf<'model.list'>['models'];
  /** The environment file of the open folder, as it stands there. */
  file: { path: string; text: string } | null;
}

/** An event as a page gets it: known, or of a newer backend and only its name. */
export type PageEvent =
  | TaskEvent
  | { code: 'unknown'; name: string; taskId: string; turn: number; attempt: number; seq: number; at: number };

/** What a page is told. */
export interface PagePushes {
  'composer.state': ComposerState;
  'composer.focus': { prompt?: string; mode?: Mode };
  'task.summary': TaskSummary;
  /** Forget everything: what follows starts from the first event. */
  'task.reset': Record<string, never>;
  'task.events': PageEvent[];
  'task.delta': NotificationOf<'delta'>;
  /** The newest `seq` at subscription: up to it, events are the past. */
  'task.head': { head: number };
  'task.host': TaskHostState;
  'task.gone': { error: WireError };
  'task.focus': Record<string, never>;
  /** `src`: an address that has the picture in it; empty when it is not to be had. */
  'task.image': { sha256: string; src: string };
  'task.pullRequest': PullRequestDesk;
  'task.egress': { after: number; entries: EgressEntry[]; more: boolean };
  'environment.list': EnvironmentList;
  'environment.opened': OpenedEnvironment;
  /** What an earlier page kept. */
  'environment.kept': { drafts: string };
}
export type PagePush = keyof PagePushes;

/** From a page. */
export const PageMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('request'), id: z.number().int(), method: z.string(), params: z.unknown() }),
]);
export type PageMessage = z.infer<typeof PageMessage>;

/** To a page. */
export type HostMessage =
  | { kind: 'response'; id: number; ok: true }
  | { kind: 'response'; id: number; ok: false; sentence: string }
  | { [P in PagePush]: { kind: 'push'; name: P; data: PagePushes[P] } }[PagePush];

/** What a page gets with its HTML: its words in the person's language, and what it is about. */
export interface PageBoot {
  language: string;
  words: Record<string, string>;
  taskId?: string;
  mac: boolean;
}

/** Every code that a page words: a test holds the words against this. */
export type WordedEvent = EventCode;
