/**
 * The environment of the agent's commands: built from empty, never from the backend's own, plus what
 * the image's profile and ~/.bashrc set (PATH of installed toolchains). A login shell and an interactive
 * one in it are asked once, since neither reads both by itself; the commands then run without either.
 */
import { basename } from 'node:path/posix';
import { SANDBOX_HOME } from '../../protocol/door.ts';
import { CodexError } from '../../protocol/errors.ts';
import { USUAL_PLACES } from '../../protocol/places.ts';
import type { Places } from '../../protocol/places.ts';
import type { Sandbox } from './sandbox.ts';

const PRINT = String.raw`printf "%s\0" "$0-begin"; env -0`;
const ASK_TIMEOUT_MS = 10_000;
const ASK_MAX_BYTES = 256 * 1024;

/** Tools behave as in a pipe: no colour that only a terminal can show, no pager, no question. */
const FIXED: Record<string, string> = {
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
  NO_COLOR: '1',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  GIT_EDITOR: 'true',
  DEBIAN_FRONTEND: 'noninteractive',
  CI: '1',
  NO_PROXY: 'localhost,127.0.0.1,::1',
  no_proxy: 'localhost,127.0.0.1,::1',
};

const START: Record<string, string> = {
  ...FIXED,
  SHELL: '/bin/bash',
  // So that a commit of the agent's works; results are committed by the backend in any case.
  GIT_AUTHOR_NAME: 'Codex',
  GIT_AUTHOR_EMAIL: 'codex@localhost',
  GIT_COMMITTER_NAME: 'Codex',
  GIT_COMMITTER_EMAIL: 'codex@localhost',
};

function startOf(home: string, places: Places): Record<string, string> {
  const user = home === SANDBOX_HOME ? 'root' : basename(home);
  const PATH = withOurs(places.systemPath, places);
  return { ...START, PATH, HOME: home, USER: user, LOGNAME: user, ...places.env };
}

/** A login shell sets PATH anew: `apply_patch` is found all the same, and before anything else. */
function withOurs(path: string, { codex }: Places): string {
  return path === '' ? `${codex}/bin` : `${codex}/bin:${path}`;
}

/** Set by the shell about itself: of no use to a command. */
const OF_THE_SHELL = new Set(['_', 'SHLVL', 'PWD', 'OLDPWD', 'PS1', 'PS2']);

/**
 * A person's shell on a terminal: where the agent's commands begin, without what makes tools behave as in
 * a pipe. The shell itself reads the profile and ~/.bashrc.
 */
export function terminalEnvironment(home: string, places: Places = USUAL_PLACES): Record<string, string> {
  const kept = Object.entries(startOf(home, places)).filter(([name]) => !OF_A_PIPE.has(name));
  return { ...Object.fromEntries(kept), TERM: 'xterm-256color', COLORTERM: 'truecolor' };
}

const OF_A_PIPE = new Set(['NO_COLOR', 'PAGER', 'GIT_PAGER', 'GIT_EDITOR', 'CI']);

/** A login shell and an interactive one in it: neither reads both the profile and ~/.bashrc by itself. */
export const TERMINAL_SHELL = ['bash', '-lc', 'exec bash -i'];

export async function shellEnvironment(
  sandbox: Pick<Sandbox, 'run' | 'workdir' | 'home' | 'places'>,
  callId: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  const { places = USUAL_PLACES } = sandbox;
  const start = startOf(sandbox.home, places);
  const result = await sandbox.run(
    {
      callId,
      argv: ['bash', '-lc', `exec bash -ic '${PRINT}' "$0"`, callId],
      cwd: sandbox.workdir,
      env: start,
      timeoutMs: ASK_TIMEOUT_MS,
      maxOutputBytes: ASK_MAX_BYTES,
    },
    { onOutput: (bytes) => chunks.push(bytes), signal },
  );
  if (result.end === 'cancelled') throw new CodexError('cancelled');
  if (result.exitCode !== 0) return start;
  const asked = parseEnvironment(Buffer.concat(chunks).toString('utf8'), `${callId}-begin`);
  return {
    ...start,
    ...asked,
    ...FIXED,
    ...places.env,
    PATH: withOurs(asked['PATH'] ?? places.systemPath, places),
  };
}

/** What `env -0` printed after the mark; what a start-up file printed before it is not ours. */
export function parseEnvironment(printed: string, mark: string): Record<string, string> {
  const begin = printed.indexOf(`${mark}\0`);
  if (begin < 0) return {};
  const environment: Record<string, string> = {};
  for (const entry of printed.slice(begin + mark.length + 1).split('\0')) {
    const equals = entry.indexOf('=');
    const name = entry.slice(0, equals);
    if (equals > 0 && !OF_THE_SHELL.has(name) && !name.startsWith('BASH_FUNC_')) {
      environment[name] = entry.slice(equals + 1);
    }
  }
  return environment;
}
