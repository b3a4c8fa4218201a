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
import type { Places } from '../../protocol/places.ts';

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
  /** `base` and `universal` are our own, built on first use; absent: `base`. */
  image?: string;
  /** What to start from in place of the image: made by `snapshot`, and still there. */
  snapshot?: string;
  /** Default: `agent`. */
  role?: SandboxRole;
  limits: LimitValues;
}

/**
 * - `agent`: the one that a turn's agent works in; kept for follow-ups.
 * - `setup`: runs the setup script with its secrets. It is ended before an agent's is made from its
 *   snapshot, so that nothing that ever knew a secret is alive then.
 * - `ask`: the repository can't be written by what runs inside.
 */
export type SandboxRole = 'agent' | 'setup' | 'ask';

/** What an environment was prepared as: an image, or a copy of folders. */
export interface SnapshotRef {
  id: string;
  /** As given to `snapshot`. */
  labels: Record<string, string>;
  createdAt: number;
}

/** A file that differs from the image, or a link or folder (without content), by its absolute path. */
export interface ChangedFile {
  path: Buffer;
  /** Of a symbolic link. */
  target?: Buffer;
  content?: Readable;
}

/** A sandbox that exists, running or stopped, by the labels it was made with. */
export interface SandboxRef {
  name: string;
  taskId: string;
  attempt: number;
  running: boolean;
  role: SandboxRole;
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
  /**
   * Ends everything in the sandbox, its runner too, and returns once it is dead. Its files stay, for
   * `changedFiles`, `snapshot` and `open` (which starts it again with a new runner).
   */
  stop(name: string): Promise<void>;
  /** Every file of a stopped sandbox that differs from what it was made from; each content is read or destroyed. */
  changedFiles(name: string): AsyncIterable<ChangedFile>;
  /** Keeps the files of a stopped sandbox as what others can start from. Returns its id and size. */
  snapshot(name: string, labels: Record<string, string>): Promise<{ id: string; bytes: number }>;
  /** Those made by this backend. */
  snapshots(): Promise<SnapshotRef[]>;
  /** Not an error when it is gone already; false when a sandbox still needs it. */
  removeSnapshot(id: string): Promise<boolean>;
  /**
   * Stands for the image as it is now: its content's digest, so that a changed image is another key.
   * Pulls or builds it when it is missing.
   */
  imageIdentity(
    image: string | undefined,
    progress?: (line: string) => void,
    signal?: AbortSignal,
  ): Promise<string>;
  list(): Promise<SandboxRef[]>;
  /** Removes it with everything that belongs to it. Not an error when it is gone already. */
  remove(name: string): Promise<void>;
  /** Removes what is ours and belongs to no sandbox any more; says what it was. Idempotent. */
  sweep?(): Promise<string[]>;
  /** Ends what is kept ready for sandboxes to come; those that exist stay. */
  close?(): Promise<void>;
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
  /** Absent: it has no input. `open`: `input` reaches it through a pipe. */
  stdin?: 'open';
  /** In place of pipes: a terminal of its own, of this size. */
  tty?: { columns: number; rows: number };
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

export interface CheckoutOptions {
  sha: string;
  branch: string;
  asUncommitted?: string;
  /**
   * The repository that is there was made by a setup and no agent has run since: it is brought to this
   * commit, and ignored files (what the setup installed) are kept.
   */
  keep?: boolean;
  /**
   * With `keep`, at the end of a setup, when nothing else runs any more: what starts from its files need
   * not look at each of them again.
   */
  last?: boolean;
}

/** A program on a terminal of its own. */
export interface Terminal {
  /** Resolves once the sandbox has taken them: whoever waits for it before the next keeps memory small. */
  write(bytes: Uint8Array): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Ends the program and all that it started. */
  close(): void;
  /** Resolves when it has ended: its exit code, or null when it was closed or its door was lost. */
  readonly ended: Promise<number | null>;
}

export interface Sandbox {
  readonly kind: SandboxKind;
  readonly name: string;
  /** How `open` came by it; `restarted`: it had stopped and its files are kept. */
  readonly how: 'new' | 'parked' | 'restarted' | 'prepared';
  /** `/workspace/<repoName>` as commands see it. */
  readonly workdir: string;
  /** Where its other things stand; absent: where they usually do. */
  readonly places?: Places;
  /** Where the image's user is at home. */
  readonly home: string;
  /** What commands need in their environment here, beside what their caller gives them. */
  readonly extraEnv: Readonly<Record<string, string>>;
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
  /**
   * Types into a command that takes input, once for each `inputId`, however often it is asked to; false when
   * the command has ended. Through a pipe, Ctrl+C interrupts its processes and Ctrl+D ends its input.
   * Throws `CodexError` notFound (unknown, or it takes no input) | conflict (it does not read what it has).
   */
  input(callId: string, inputId: string, bytes: Uint8Array): Promise<boolean>;
  /** What became of a callId: after a restart of the backend. */
  find(callId: string): Promise<'unknown' | 'running' | CommandResult>;
  /** Ends every process in the sandbox but the runner's own. */
  stopAll(): Promise<void>;

  /**
   * Ends with the door. More output comes only once what `onOutput` returned has resolved; a slow reader
   * holds the program up. Throws `CodexError` terminalUnavailable when the image has none to offer.
   */
  terminal(
    spec: {
      terminalId: string;
      argv: string[];
      cwd: string;
      env: Record<string, string>;
      columns: number;
      rows: number;
    },
    onOutput: (bytes: Buffer) => void | Promise<void>,
  ): Promise<Terminal>;

  put(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** A file's first `maxBytes`, or null when there is no regular file. */
  get(path: string, maxBytes: number): Promise<Buffer | null>;

  /**
   * Puts the commit in `workdir` from `origin` (see `serve`): a repository with `origin` as its
   * remote, on `branch`, clean. With `asUncommitted` (a commit's sha) HEAD is that commit and the
   * difference to `sha` lies uncommitted in the working tree, as it did in the person's folder.
   * Idempotent; replaces what is there.
   */
  checkout(options: CheckoutOptions): Promise<void>;
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
