/**
 * The tables, as Kysely sees them. One SQL dialect: PostgreSQL, embedded (PGlite) or a server.
 *
 * Times are milliseconds since 1970 in `double precision`, which both drivers return as a number.
 * JSON is kept as text: what a sandbox printed may hold a NUL or half a surrogate pair, which `jsonb`
 * refuses, and nothing here is ever searched by its inside.
 */
import type { Generated, GeneratedAlways } from 'kysely';
import type { ApprovalAnswer } from '../../protocol/approval.ts';
import type { ForgeKind } from '../../protocol/forge.ts';
import type { ImageMediaType } from '../../protocol/images.ts';
import type { PullRequestState } from '../../protocol/pull-request.ts';
import type { Effort, Mode, Phase, PhaseOutcome, ReviewState, TurnState } from '../../protocol/states.ts';

export interface Schema {
  repos: {
    id: string;
    name: string;
    remote: string | null;
    created_by: string;
    created_at: number;
  };
  tasks: {
    id: string;
    request_id: string;
    created_by: string;
    title: string;
    mode: Mode;
    repo_id: string;
    /** JSON of `RepoAtCommit`. */
    repo: string;
    environment: string | null;
    model: string | null;
    effort: Effort | null;
    attempts: number;
    /** Whose result is the task's; null while nobody chose. */
    chosen_attempt: number | null;
    /** Of several at the newest turn, how many have ended. */
    attempts_done: number | null;
    /** How many turns; the state, phase and error are the newest one's. */
    turns: number;
    state: TurnState;
    phase: Phase | null;
    review: ReviewState;
    archived: boolean;
    /** JSON of `PatchSummary`: the newest result's. */
    patch: string | null;
    /** JSON of `PullRequestView`: what the task's row of `pull_requests` shows. */
    pull_request: string | null;
    /** JSON of what started it, when that was a comment on a forge (`server/forge/triggers`). */
    trigger: string | null;
    /** JSON of `WireError`. */
    error: string | null;
    /** The seq of the newest event; the only place where seq is given. */
    last_seq: number;
    created_at: number;
    updated_at: number;
  };
  turns: {
    task_id: string;
    turn: number;
    request_id: string;
    mode: Mode;
    prompt: string;
    state: TurnState;
    /** Counts owners. Every write of a turn's owner carries it. */
    generation: number;
    cancel_requested: boolean;
    job_id: string | null;
    answer: string | null;
    error: string | null;
    usage: string | null;
    /** JSON of `Report`. */
    report: string | null;
    /** JSON of `Attachment[]`. */
    images: string | null;
    /** Of this turn, where it was asked for; else the task's. */
    model: string | null;
    effort: Effort | null;
    /** False once the agent is about to end, so that nothing is said to nobody. */
    steerable: Generated<boolean>;
    base_sha: string | null;
    /** A try of the environment: it ends after the setup. */
    only_setup: boolean;
    created_by: string;
    created_at: number;
    started_at: number | null;
    finished_at: number | null;
  };
  /** How each of several attempts at a turn ended. */
  attempts: {
    task_id: string;
    turn: number;
    attempt: number;
    state: 'running' | 'completed' | 'failed' | 'cancelled';
    answer: string | null;
    error: string | null;
    usage: string | null;
    report: string | null;
    started_at: number;
    finished_at: number | null;
  };
  /** What a person said while a turn ran; `position` orders them within a turn. */
  steers: {
    task_id: string;
    request_id: string;
    turn: number;
    position: number;
    text: string;
    created_by: string;
    created_at: number;
  };
  /** What clients sent along with prompts, and what the model was shown. */
  blobs: {
    sha256: string;
    media_type: ImageMediaType | 'application/octet-stream';
    length: number;
    created_by: string;
    created_at: number;
  };
  blob_pieces: {
    sha256: string;
    position: number;
    bytes: Uint8Array;
  };
  /** Which of them a task needs, for its prompts or its history; the others go after a while. */
  task_blobs: {
    task_id: string;
    sha256: string;
  };
  results: {
    task_id: string;
    turn: number;
    attempt: number;
    result_sha: string;
    /** JSON of `PatchSummary`. */
    summary: string;
    /** JSON of `FileChange[]`. */
    files: string;
    created_at: number;
  };
  /** Which chunks, in which order, are a result's patch. */
  result_chunks: {
    task_id: string;
    turn: number;
    attempt: number;
    position: number;
    sha256: string;
  };
  chunks: {
    sha256: string;
    bytes: Uint8Array;
  };
  phases: {
    task_id: string;
    turn: number;
    /** 0: of all attempts together; with one attempt, 1. */
    attempt: number;
    phase: Phase;
    started_at: number;
    duration_ms: number | null;
    outcome: PhaseOutcome | null;
  };
  events: {
    task_id: string;
    seq: number;
    turn: number;
    attempt: number;
    at: number;
    v: number;
    code: string;
    params: string;
  };
  history: {
    task_id: string;
    attempt: number;
    position: number;
    turn: number;
    item: string;
    created_at: number;
  };
  environments: {
    name: string;
    /** JSON of `Environment` without its name. */
    definition: string;
    updated_at: number;
    /** Empty while it is the default one and nobody has changed it. */
    updated_by: string;
  };
  egress_log: {
    /** Grows with time. PostgreSQL's driver hands a bigint over as text: read it with `Number`. */
    id: GeneratedAlways<number | string>;
    task_id: string;
    turn: number;
    attempt: number;
    at: number;
    phase: Phase;
    host: string;
    port: number | null;
    method: string;
    verdict: 'allowed' | 'denied' | 'failed';
    reason: string | null;
    address: string | null;
    bytes_in: number;
    bytes_out: number;
    duration_ms: number;
  };
  /** Values are sealed with a key of their own each, which is wrapped by the backend's. */
  secrets: {
    environment: string;
    name: string;
    /** Never the same for two values: part of a prepared environment's key in the value's place. */
    id: string;
    /** Of the sealed form. */
    version: number;
    kek_id: string;
    /** Base64. */
    wrapped_key: string;
    sealed: string;
    updated_at: number;
    updated_by: string;
  };
  /** Environments after their setup, kept as snapshots of the sandbox engine. */
  prepared: {
    key: string;
    environment: string;
    repo_id: string;
    /** The commit that its repository stands at. */
    sha: string;
    snapshot: string;
    bytes: number;
    /** What the setup took. */
    setup_ms: number;
    created_at: number;
    used_at: number;
    expires_at: number;
  };
  approved_scripts: {
    repo_id: string;
    hash: string;
    approved_by: string;
    approved_at: number;
  };
  approvals: {
    task_id: string;
    id: string;
    turn: number;
    attempt: number;
    kind: string;
    /** What was asked about, as JSON of `server/tasks/approvals.ts`: the same text is the same question. */
    subject: string;
    answer: ApprovalAnswer | null;
    answered_by: string | null;
    answered_at: number | null;
    created_at: number;
  };
  /** Counts everything, also what is no longer listed since a task's log is full. */
  egress_totals: {
    task_id: string;
    stored: number;
    allowed: number;
    denied: number;
    failed: number;
    bytes_in: number;
    bytes_out: number;
  };
  /** Tokens and apps' keys, each sealed as secrets are. */
  forge_connections: {
    host: string;
    kind: ForgeKind;
    how: 'token' | 'app';
    api_url: string;
    account: string | null;
    /** JSON of what of an app is no secret. */
    public: string | null;
    version: number;
    kek_id: string;
    wrapped_key: string;
    sealed: string;
    connected_by: string;
    connected_at: number;
  };
  pull_requests: {
    task_id: string;
    host: string;
    kind: ForgeKind;
    /** `owner/name`. */
    repo: string;
    made_by: 'backend' | 'client';
    number: number | null;
    url: string | null;
    title: string;
    body: string;
    draft: boolean;
    branch: string;
    base: string;
    state: PullRequestState;
    turn: number;
    attempt: number;
    local_changes: 'include' | 'leaveOut';
    /** JSON of `Author`. */
    author: string | null;
    /** What the branch is known to have had from us last. */
    pushed_sha: string | null;
    /** The commit of our own line that is in it: differs where others' commits lie between. */
    pushed_line: string | null;
    /** What it is to have: written before the push, so that a try that broke off goes on. */
    wanted_sha: string | null;
    wanted_line: string | null;
    /** JSON of what the forge last said of it. */
    seen: string | null;
    seen_at: number | null;
    /** JSON of `WireError`. */
    error: string | null;
    created_by: string;
    created_at: number;
    updated_by: string;
    updated_at: number;
  };
  /** Repositories in which a comment starts a task. */
  forge_triggers: {
    host: string;
    repo: string;
    environment: string | null;
    enabled_by: string;
    enabled_at: number;
  };
  /** Webhooks that were taken, so that none counts twice; the old ones go. */
  forge_deliveries: {
    host: string;
    id: string;
    at: number;
  };
  /** Webhooks that ask for a task and were not worked on yet. */
  forge_wishes: {
    host: string;
    id: string;
    told: string;
    at: number;
  };
}
