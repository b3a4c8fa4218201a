/**
 * Where things stand in a sandbox that has no file system and no network of its own: on macOS paths stay
 * what they are on the machine, and `origin` and the internet proxy are ports of the machine's loopback.
 * Everywhere else they stand where `door.ts` says.
 */
import {
  CODEX_DIR,
  EGRESS_HOST,
  EGRESS_PORT,
  EGRESS_URL,
  ORIGIN_PORT,
  RUN_DIR,
  WORKSPACE_DIR,
} from './door.ts';

/** What the backend says of a sandbox's places to whoever runs something in it. */
export interface Places {
  run: string;
  workspace: string;
  codex: string;
  /** How commands reach the internet proxy. */
  egress: { host: string; port: number; url: string };
  /** Where the system's programs are. */
  systemPath: string;
  /** What programs need to find these places; goes into every command's environment. */
  env: Readonly<Record<string, string>>;
}

export const USUAL_PLACES: Places = {
  run: RUN_DIR,
  workspace: WORKSPACE_DIR,
  codex: CODEX_DIR,
  egress: { host: 'proxy', port: EGRESS_PORT, url: EGRESS_URL },
  systemPath: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  env: {},
};

/** The variable that a runner is told its places by, as JSON; absent: the usual ones. */
export const PLACES_VARIABLE = 'CODEX_TASKS_PLACES';

export interface RunnerPlaces {
  run: string;
  originPort: number;
  egress: { host: string; port: number };
  /**
   * Set where there is no /proc and no process namespace: the program that lists processes. A process of
   * the sandbox is then one that the kernel lets the runner signal.
   */
  pgrep?: string;
  /** With it: a process outside. A runner that may signal this one is not confined, and does not start. */
  outsider?: number;
}

export const USUAL_RUNNER_PLACES: RunnerPlaces = {
  run: RUN_DIR,
  originPort: ORIGIN_PORT,
  egress: { host: EGRESS_HOST, port: EGRESS_PORT },
};

/** The last line of a runner that has ended all of its sandbox before itself; nobody else can write where it goes. */
export const ENDED_WHOLE = 'all of the sandbox has ended';
