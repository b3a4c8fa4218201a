/**
 * Where commands run, as the rest of the backend sees it: a driver makes sandboxes (Docker, a
 * confined local process), a sandbox runs commands through its door.
 *
 * A sandbox has no network at all. The runner inside is its main process; the backend reaches it by
 * one byte channel, the door, and everything here travels through that. What comes out is hostile:
 * it is size-capped and schema-checked before anything here returns it.
 */
import type { Duplex, Readable } from 'node:stream';
import type { WayOut } from '../../protocol/door.ts';
import type { CommandEnd } from '../../protocol/items.ts';
import type { LimitValues } from '../../protocol/limits.ts';

export type SandboxKind = 'docker' | 'local';

export interface SandboxHealth {
  ok: boolean;
  /** One sentence: the engine and its version, or what is missing and what to do. */
  detail: string;
}

export interface SandboxSpec {
  taskId: string;
  attempt: number;
  /** The turn's generation: a door with a lower one is refused, a higher one closes the old. */
  generation: number;
  /** The repository stands at `/workspace/<repoName>`. */
  repoName: string;
  /** Absent: the default image, built on first use. */
  image?: string;
  limits: LimitValues;
}

/** A sandbox that exists, running or stopped, by the labels it was made with. */
export interface SandboxRef {
  name: string;
  taskId: string;
  attempt: number;
  running: boolean;
  /** Set by `park`: remove it after this time (ms since 1970). */
  expiresAt?: number;
}

export interface SandboxDriver {
  readonly kind: SandboxKind;
  check(): Promise<SandboxHealth>;
  /**
   * The sandbox of this task and attempt, with its door open: adopts the one that is there, starts
   * one that stopped, or makes it. `progress` gets what takes long on first use (building the image).
   * Throws `CodexError` sandboxUnavailable | sandboxStartFailed | imageBuildFailed | generationSuperseded.
   */
  open(spec: SandboxSpec, progress?: (line: string) => void, signal?: AbortSignal): Promise<Sandbox>;
  list(): Promise<SandboxRef[]>;
  /** Removes it with everything that belongs to it. Not an error when it is gone already. */
  remove(name: string): Promise<void>;
}

export interface CommandSpec {
  /** Chosen by the caller; starting the same id twice runs it once. */
  callId: string;
  /** Run directly, without a shell. For a script: `['bash', '-c', script]`. */
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  /** How much of the output is kept (and can be followed); the rest is counted and dropped. */
  maxOutputBytes: number;
}

export interface CommandResult {
  end: CommandEnd;
  /** 128 + signal when it was signalled; 124 when it timed out; 127 when it could not be started. */
  exitCode: number;
  durationMs: number;
  outputBytes: number;
  droppedBytes: number;
  /** Why it could not be started. */
  reason?: string;
}

export interface Sandbox {
  readonly kind: SandboxKind;
  readonly name: string;
  /** How `open` came by it; `restarted`: it had stopped and its files are kept. */
  readonly how: 'new' | 'parked' | 'restarted';
  /** `/workspace/<repoName>` as commands see it. */
  readonly workdir: string;
  /** Aborted when the door is lost for good (sandbox gone, or a higher generation attached). */
  readonly lost: AbortSignal;

  /**
   * Starts the command, or joins it when this callId was started before, and follows it to its end.
   * `onOutput` gets standard output and standard error merged, in order, from byte `after` on.
   * Aborting `signal` kills the command's whole group and what escaped it; the result is `cancelled`.
   * When the sandbox is lost meanwhile it throws `CodexError` sandboxLost.
   */
  run(
    spec: CommandSpec,
    options?: { after?: number; onOutput?: (bytes: Buffer, offset: number) => void; signal?: AbortSignal },
  ): Promise<CommandResult>;
  /** What became of a callId: after a restart of the backend. */
  find(callId: string): Promise<'unknown' | 'running' | CommandResult>;
  /** Ends every process in the sandbox but the runner's own. */
  stopAll(): Promise<void>;

  put(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** A file's first `maxBytes`, or null when there is no regular file. */
  get(path: string, maxBytes: number): Promise<Buffer | null>;

  /**
   * Puts the commit in `workdir` from `origin` (see `serve`): a repository with `origin` as its
   * remote, on `branch`, clean. With `asUncommitted` (a commit's sha) HEAD is that commit and the
   * difference to `sha` lies uncommitted in the working tree, as it did in the person's folder.
   * Idempotent; replaces what is there.
   */
  checkout(options: { sha: string; branch: string; asUncommitted?: string }): Promise<void>;
  /** Every connection that a process inside makes to this way out comes here as a byte stream. */
  serve(way: WayOut, onConnection: (stream: Duplex) => void): void;
  /** Whether anything listens on the internet proxy's port; off until told, and off cuts what is open. */
  setEgress(on: boolean): Promise<void>;
  /**
   * Writes the working tree as a git tree with a git folder of the runner's own, whatever the agent
   * did to `.git`, and sends it as a thin pack against `base`. Call `stopAll` first.
   */
  capture(base: string): Promise<{ tree: string; pack: Readable; ignored: number }>;

  /** Keeps it for follow-ups until then. */
  park(expiresAt: number): Promise<void>;
  /** Closes the door and leaves everything inside running. */
  detach(): Promise<void>;
}
