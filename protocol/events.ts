/**
 * Events: numbered facts about a task, kept as long as the task, the only thing that is streamed.
 *
 * `seq` counts per task from 1 over all turns and attempts and is given in the transaction that
 * changes the state. Events carry codes and parameters, never prose: the client words them. `v` is
 * the version of the code's parameters; stored events of every version must load for ever, so a
 * parameter is only ever added as optional, or `v` goes up and the old shape stays here.
 */
import { z } from 'zod';
import { ApprovalReason } from './approval.ts';
import { WireError } from './errors.ts';
import { Item } from './items.ts';
import { Report } from './report.ts';
import { Effort, Mode, Phase, PhaseOutcome, TurnState } from './states.ts';

export const Usage = z.object({
  requests: z.number().int(),
  inputTokens: z.number().int(),
  cachedInputTokens: z.number().int(),
  outputTokens: z.number().int(),
  reasoningTokens: z.number().int(),
});
export type Usage = z.infer<typeof Usage>;

export const NO_USAGE: Usage = {
  requests: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/** A path of the result. `bytes` (base64) is there when the name is not UTF-8. */
export const WirePath = z.object({ path: z.string(), bytes: z.string().optional() });
export type WirePath = z.infer<typeof WirePath>;

export const FileChange = z.object({
  path: WirePath,
  from: WirePath.optional(),
  kind: z.enum(['added', 'deleted', 'modified', 'renamed', 'copied', 'modeChanged', 'typeChanged']),
  /** Lines; absent for a binary file. */
  added: z.number().int().optional(),
  removed: z.number().int().optional(),
  binary: z.boolean(),
  oldMode: z.string(),
  newMode: z.string(),
  oldBytes: z.number().int().optional(),
  newBytes: z.number().int().optional(),
});
export type FileChange = z.infer<typeof FileChange>;

export const PatchSummary = z.object({
  bytes: z.number().int(),
  sha256: z.string(),
  files: z.number().int(),
  added: z.number().int(),
  removed: z.number().int(),
  binaries: z.number().int(),
});
export type PatchSummary = z.infer<typeof PatchSummary>;

/** A picture that a person sent along; its bytes are a blob of the backend's. */
export const Attachment = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  mediaType: z.enum(['image/png', 'image/jpeg', 'image/gif', 'image/webp']),
  name: z.string().min(1).max(200),
  bytes: z.number().int().positive(),
});
export type Attachment = z.infer<typeof Attachment>;

export const EVENT_PARAMS = {
  'task.created': z.object({ title: z.string(), mode: Mode }),
  /** `by`: the model found a title, or a person gave one. */
  'task.renamed': z.object({ title: z.string(), by: z.enum(['model', 'person']) }),
  'turn.started': z.object({
    prompt: z.string(),
    mode: Mode,
    generation: z.number().int(),
    images: z.array(Attachment).optional(),
  }),
  /** Said while the turn runs. It is an item (`message`, `user`, the same id) once the model gets it. */
  'turn.steered': z.object({ id: z.string(), text: z.string() }),
  'turn.finished': z.object({
    state: TurnState,
    answer: z.string().optional(),
    error: WireError.optional(),
    usage: Usage.optional(),
    report: Report.optional(),
    durationMs: z.number(),
  }),
  /** One of several attempts has ended; the turn ends with its last one. */
  'attempt.finished': z.object({
    state: z.enum(['completed', 'failed', 'cancelled']),
    answer: z.string().optional(),
    error: WireError.optional(),
    usage: Usage.optional(),
    report: Report.optional(),
    durationMs: z.number(),
  }),
  /** The result of this attempt is the task's from now on. */
  'attempt.chosen': z.object({ attempt: z.number().int() }),
  /** After a model request: what the attempt's turn has used so far. */
  'usage.changed': z.object({
    usage: Usage,
    /** How full the model's window is. */
    contextTokens: z.number().int().optional(),
    windowTokens: z.number().int().optional(),
    /** By the prices of the model connection; absent where these are not known. */
    costUsd: z.number().optional(),
  }),
  'phase.started': z.object({ phase: Phase }),
  'phase.finished': z.object({ phase: Phase, outcome: PhaseOutcome, durationMs: z.number() }),
  'item.started': z.object({ item: Item }),
  'item.completed': z.object({ item: Item }),
  /**
   * What a command printed. `offset` and `bytes` (how many this text stands for) count the command's
   * bytes before redaction; text is UTF-8. Without `bytes`: as many as the text has.
   */
  output: z.object({
    itemId: z.string(),
    offset: z.number().int(),
    text: z.string(),
    bytes: z.number().int().optional(),
  }),
  'limit.reached': z.object({
    limit: z.string(),
    value: z.number(),
    itemId: z.string().optional(),
  }),
  /** A budget is nearly used up; at the limit the turn ends in order with what is there. */
  'limit.near': z.object({ limit: z.string(), used: z.number(), value: z.number() }),
  'patch.ready': z.object({
    patch: PatchSummary,
    /** The first files, so that an event stays small; the whole list comes with `task.get`. */
    files: z.array(FileChange),
    filesCut: z.boolean(),
  }),
  'policy.changed': z.object({ access: z.enum(['off', 'limited', 'on']), phase: Phase }),
  /** Told once per host and reason in a turn; every denial is in the task's egress log. */
  'policy.denied': z.object({
    host: z.string(),
    port: z.number().int(),
    reason: z.string(),
    method: z.string().optional(),
    /** What to add to the allowed domains, when that would help. */
    domain: z.string().optional(),
  }),
  'approval.requested': z.object({
    approvalId: z.string(),
    kind: z.string(),
    /** Of the kind `command`. */
    command: z.string().optional(),
    cwd: z.string().optional(),
    reason: ApprovalReason.optional(),
  }),
  'approval.answered': z.object({ approvalId: z.string(), answer: z.string() }),
  'sandbox.started': z.object({
    kind: z.enum(['docker', 'local']),
    name: z.string(),
    /** `prepared`: from the environment's cache. `restored`: the newest result on a new sandbox. */
    how: z.enum(['new', 'parked', 'restarted', 'restored', 'prepared']),
    durationMs: z.number(),
  }),
  /** How this turn is run: what holds, and where it was said; what is the default is not in `from`. */
  'environment.applied': z.object({
    name: z.string(),
    image: z.string(),
    versions: z.record(z.string(), z.string()),
    workdir: z.string(),
    setup: z.enum(['script', 'automatic', 'none']),
    maintenance: z.enum(['script', 'automatic', 'none']),
    /** Names only. */
    variables: z.array(z.string()),
    secrets: z.array(z.string()),
    from: z.record(z.string(), z.enum(['stored', 'file'])),
    /** With which the agent works; absent where none is asked, or from an older backend. */
    model: z.string().optional(),
    /** Absent: the model's own. */
    effort: Effort.optional(),
  }),
  /** Whether a prepared environment was there; `reason` says why one was not used or not kept. */
  'environment.cache': z.object({
    outcome: z.enum(['hit', 'miss', 'stored', 'off', 'refused']),
    ageMs: z.number().optional(),
    /** What the setup took when it was prepared. */
    savedMs: z.number().optional(),
    bytes: z.number().optional(),
    reason: z.string().optional(),
  }),
  'sandbox.lost': z.object({ reason: z.string() }),
  'sandbox.parked': z.object({ untilMs: z.number() }),
  'secret.found': z.object({ name: z.string(), path: z.string() }),
  /** Made, updated, merged, closed; or its checks or comments changed. */
  'pullRequest.changed': z.object({
    url: z.string(),
    state: z.string(),
    number: z.number().int().optional(),
    title: z.string().optional(),
    draft: z.boolean().optional(),
    checks: z
      .object({ passed: z.number().int(), failed: z.number().int(), running: z.number().int() })
      .optional(),
    comments: z.number().int().optional(),
  }),
  /** `code` is one of ours, worded by the client: `modelRetry`, `agentsFileCut`, `ignoredFiles`, … */
  warning: z.object({ code: z.string(), params: z.record(z.string(), z.union([z.string(), z.number()])) }),
} as const;

export type EventCode = keyof typeof EVENT_PARAMS;
export type EventParams<C extends EventCode> = z.infer<(typeof EVENT_PARAMS)[C]>;
export const EVENT_CODES = Object.keys(EVENT_PARAMS) as EventCode[];

/** The newest version of every code's parameters. */
export const EVENT_VERSION = 1;

/** An event as a writer makes it: the store adds seq and time. */
export type NewEvent = {
  [C in EventCode]: { code: C; attempt?: number; params: EventParams<C> };
}[EventCode];

const Envelope = z.object({
  taskId: z.string(),
  attempt: z.number().int(),
  turn: z.number().int(),
  seq: z.number().int().positive(),
  /** Milliseconds since 1970. */
  at: z.number(),
  v: z.number().int(),
});

/** On the wire any code passes, so that an older client shows a newer server's event generically. */
export const WireEvent = Envelope.extend({ code: z.string(), params: z.record(z.string(), z.unknown()) });
export type WireEvent = z.infer<typeof WireEvent>;

export type TaskEvent = z.infer<typeof Envelope> &
  { [C in EventCode]: { code: C; params: EventParams<C> } }[EventCode];

/** The event with its parameters checked, or null when the code is unknown or the shape is not ours. */
export function knownEvent(event: WireEvent): TaskEvent | null {
  if (!Object.hasOwn(EVENT_PARAMS, event.code)) return null;
  const parsed = EVENT_PARAMS[event.code as EventCode].safeParse(event.params);
  return parsed.success ? ({ ...event, params: parsed.data } as TaskEvent) : null;
}

/** Throws when a writer made an event whose parameters are not of its code. */
export function checkNewEvent(event: NewEvent): void {
  EVENT_PARAMS[event.code].parse(event.params);
}
