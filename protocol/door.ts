/**
 * The door: what the backend and the runner inside a sandbox say to each other over one byte channel.
 *
 * First one JSON line each way (`DoorHello`, `DoorWelcome`), then HTTP/2 with the runner as server:
 *   POST   /commands/:callId?after=N   body `DoorCommand`: starts it, or joins it when the id is known;
 *                                      answers its merged output from byte N on, then trailers with
 *                                      its `DoorCommandResult` (see `RESULT_TRAILER`)
 *   GET    /commands/:callId           `DoorCommandState`
 *   PUT    /commands/:callId/input?id=I  types the body into it; the same I again is typed once. Answers
 *                                      `DoorInput`; 404 when it takes no input, 409 when it reads none
 *   DELETE /commands/:callId           kills it and all that it started
 *   POST   /terminals/:id              a program on a terminal of its own: the body is one line of JSON
 *                                      (`DoorTerminal`), then what is typed, to the end; answers what it
 *                                      prints, then trailers with its exit code. Closing the stream ends
 *                                      the program and all that it started
 *   PUT    /terminals/:id?columns=C&rows=R   its size
 *   PUT    /terminals/:id?taken=N      how much of its output the backend is done with
 *   DELETE /processes                  ends every process but the runner's own
 *   PUT    /file?path=P&mode=M         the body's bytes (M in octal)
 *   GET    /file?path=P&max=N          the first N bytes, or 404 when there is no regular file
 *   POST   /checkout                   body `DoorCheckout`
 *   POST   /capture                    body `DoorCapture`; answers the pack, with tree and count in headers
 *   POST   /accept?for=W               held open; answered when a process inside connects to the way
 *                                      out W (`origin`, `egress`), and from then on that connection's
 *                                      bytes, both ways
 *   PUT    /egress                     the internet proxy listens (`DELETE`: nothing listens there)
 *   PUT    /generation?to=N            doors of a lower generation are refused from now on
 * A refusal is a status of 400 or more with a `DoorFailure`.
 *
 * Only types and plain constants: the runner's bundle stays small and free of a schema library, it
 * checks by hand; the backend checks what comes out with the schemas of `server/sandbox/answers.ts`.
 */
import type { CommandEnd } from './items.ts';

/** Raised with every change that an older runner or backend would misread. */
export const DOOR_VERSION = 4;

/** Where a sandbox keeps what is ours. */
export const RUN_DIR = '/run/codex';
export const DOOR_SOCKET = `${RUN_DIR}/door.sock`;
/** Below `/opt/codex`, so that what an image has there (codex-universal: its version script) stays in sight. */
export const CODEX_DIR = '/opt/codex/tasks';
export const WORKSPACE_DIR = '/workspace';
export const SANDBOX_HOME = '/root';

/** Inside a sandbox `origin` is `http://127.0.0.1:<this>/<repoName>.git`; its bytes go to the backend. */
export const ORIGIN_PORT = 9419;

/** The internet proxy, `http://proxy:8080`: listens only while a policy allows something. */
export const EGRESS_HOST = '127.0.0.2';
export const EGRESS_PORT = 8080;
export const EGRESS_URL = `http://proxy:${EGRESS_PORT}`;

/** Every process of a command inherits it: what escaped the process group is found by it. */
export const CALL_ID_VARIABLE = 'CODEX_CALL_ID';

/** The longest line of the handshake, in bytes. */
export const HELLO_LINE_BYTES = 1024;
/** The longest JSON body either side takes: a command with a script inside. */
export const DOOR_JSON_BYTES = 4 * 1024 * 1024;
/** The longest text that is typed into a command at once. */
export const DOOR_INPUT_BYTES = 256 * 1024;
/** The longest `reason` or `detail` that is sent: it has to fit a header. */
export const DOOR_TEXT_BYTES = 2_000;
/** A caller chooses its ids from this alphabet: they are file names inside the sandbox. */
export const CALL_ID_PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/** Measured: with these and without Nagle one stream carries over 150 MB/s, by default half of that. */
export const DOOR_STREAM_WINDOW_BYTES = 16 * 1024 * 1024;
export const DOOR_SESSION_WINDOW_BYTES = 64 * 1024 * 1024;
/** How much one HTTP/2 session may hold in memory, in the megabytes that `node:http2` counts in. */
export const DOOR_SESSION_MEMORY_MB = 256;

export type WayOut = 'origin' | 'egress';

/** How many connections the backend can be handed at once before the next waits a round trip. */
export const ACCEPT_STREAMS = { origin: 4, egress: 32 } as const satisfies Record<WayOut, number>;

/** A terminal stays at most this far ahead of its reader: what Ctrl+C ends is soon off the screen. */
export const TERMINAL_AHEAD_BYTES = 256 * 1024;
/** The longest side of a terminal: the kernel would take 65,535, and a screen has a few hundred. */
export const TERMINAL_MOST_CELLS = 1_000;
/** A trailer with a terminal's exit code. */
export const EXIT_TRAILER = 'x-exit-code';
/** A trailer with the `DoorCommandResult` as JSON, percent-encoded. */
export const RESULT_TRAILER = 'x-result';
/** The last words of a session that another attach took the place of: its backend must not come back. */
export const REPLACED = 'replaced';
export const TREE_HEADER = 'x-tree';
export const IGNORED_HEADER = 'x-ignored';

export interface DoorHello {
  door: number;
  generation: number;
  /** The byte pump's process, spared by `DELETE /processes`; absent when there is none. */
  pump?: number;
}

export type DoorWelcome =
  | { ok: true; door: number; generation: number }
  | { ok: false; reason: 'superseded' | 'version' | 'malformed'; door: number; generation: number };

export interface DoorCommand {
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  maxOutputBytes: number;
  /** Absent: it has no input. `open`: what is typed into it comes through a pipe. */
  stdin?: 'open';
  /** In place of pipes: a terminal of its own, of this size. */
  tty?: { columns: number; rows: number };
}

export interface DoorInput {
  /** Whether it still runs. */
  running: boolean;
}

export interface DoorCommandResult {
  end: CommandEnd;
  exitCode: number;
  durationMs: number;
  outputBytes: number;
  droppedBytes: number;
  reason?: string;
}

export type DoorCommandState =
  { state: 'unknown' } | { state: 'running' } | { state: 'ended'; result: DoorCommandResult };

export interface DoorCheckout {
  workdir: string;
  sha: string;
  branch: string;
  asUncommitted?: string;
  /** What is there was prepared and is brought to the commit; ignored files are kept. */
  keep?: boolean;
  /** With `keep`: nothing runs after it, so that the next one may rely on what it leaves. */
  last?: boolean;
}

export interface DoorCapture {
  workdir: string;
  base: string;
}

export interface DoorTerminal {
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  columns: number;
  rows: number;
}

export interface DoorFailure {
  /** `noTerminal`: nothing in the image can make one. */
  reason: 'badRequest' | 'notFound' | 'busy' | 'gitFailed' | 'unreadable' | 'noTerminal' | 'io';
  detail: string;
}

/** A repository's remote has the usual port wherever it stands; who fetches may be given another. */
export function originUrl(repoName: string, port: number = ORIGIN_PORT): string {
  return `http://127.0.0.1:${port}/${encodeURIComponent(repoName)}.git`;
}
