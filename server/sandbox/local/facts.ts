/** What this machine can confine with: looked up here, judged in `refusal.ts` and `limits.ts`. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { errorText } from '../../../protocol/errors.ts';
import { findProgram, topLevel } from './machine.ts';
import { seccompFilter } from './seccomp/filter.ts';

const TRIAL_TIMEOUT_MS = 10_000;
/** `mkfifo`: the runner's pipes; `cp`, `rm`, `du`: looking after a stopped sandbox's folders. */
const NEEDED = ['bash', 'git', 'mkfifo', 'cp', 'rm', 'chmod', 'du'];
const SECCOMP_FD = 3;
const SCOPE_FD = 3;

export interface Facts {
  platform: string;
  arch: string;
  /** As `uname -r` says. */
  kernel: string;
  /** Not root in the namespace that the machine started with, who is exempt from some limits. */
  unprivileged: boolean;
  /** Of `NEEDED`, by the package's name. */
  missing: string[];
  /** `bubblewrap 0.8.0`; null: there is none. */
  bubblewrap: string | null;
  seccomp: boolean;
  /** What may forbid user namespaces: sysctls, null where the kernel has none. */
  usernsClone: string | null;
  maxUserNamespaces: string | null;
  apparmorRestricts: string | null;
  /** Whose systemd can put a sandbox into a scope with limits; null: none can. */
  scope: 'user' | 'system' | null;
  nice: string | null;
  taskset: string | null;
  /** The processors that we may use ourselves: `0-3,8`. */
  cpus: string;
}

export async function gatherFacts(): Promise<Facts> {
  const bwrap = findProgram('bwrap');
  const linux = process.platform === 'linux';
  return {
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    unprivileged: process.getuid?.() !== 0,
    missing: NEEDED.filter((name) => findProgram(name) === null),
    bubblewrap: bwrap === null ? null : await version(bwrap),
    seccomp: linux && /^Seccomp_filters:/m.test(readText('/proc/self/status') ?? ''),
    usernsClone: readText('/proc/sys/kernel/unprivileged_userns_clone'),
    maxUserNamespaces: readText('/proc/sys/user/max_user_namespaces'),
    apparmorRestricts: readText('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    scope: linux ? await findScope() : null,
    nice: findProgram('nice'),
    taskset: findProgram('taskset'),
    cpus: /^Cpus_allowed_list:\s*(\S+)/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '',
  };
}

/** Makes every namespace, mounts and filters as a sandbox will; null when it worked, else what was said. */
export async function tryBubblewrap(): Promise<string | null> {
  const filter = seccompFilter(process.arch);
  if (!filter) return 'no system call filter for this processor';
  const root = Object.entries(topLevel()).flatMap(([name, target]) =>
    target === null ? ['--ro-bind', `/${name}`, `/${name}`] : ['--symlink', target, `/${name}`],
  );
  const options = [
    ...['--unshare-user', '--unshare-all', '--uid', '0', '--gid', '0', '--cap-drop', 'ALL'],
    ...[
      '--seccomp',
      String(SECCOMP_FD),
      '--ro-bind',
      '/usr',
      '/usr',
      '--ro-bind-try',
      '/nix',
      '/nix',
      ...root,
    ],
    ...['--proc', '/proc', '--dev', '/dev', '--size', '4096', '--tmpfs', '/dev/shm', '--remount-ro', '/'],
  ];
  const { code, said } = await trial(findProgram('bwrap') ?? 'bwrap', [...options, 'bash', '-c', 'exit 0'], {
    env: {},
    give: filter,
  });
  return code === 0 ? null : said.trim() || `bubblewrap ended with ${code}`;
}

/** A scope that holds: `systemd-run` answered, and hands on what is open. */
async function findScope(): Promise<Facts['scope']> {
  const systemdRun = findProgram('systemd-run');
  if (systemdRun === null || !existsSync('/run/systemd/system')) return null;
  const whose = process.getuid?.() === 0 ? 'system' : 'user';
  if (whose === 'user' && process.env.XDG_RUNTIME_DIR === undefined) return null;
  const limits = ['-p', 'MemoryMax=256M', '-p', 'TasksMax=64', '-p', 'CPUQuota=100%'];
  const { code, heard } = await trial(
    systemdRun,
    [`--${whose}`, '--scope', '--quiet', '--collect', ...limits, '--', 'sh', '-c', `echo open >&${SCOPE_FD}`],
    { env: scopeEnvironment() },
  );
  return code === 0 && heard.trim() === 'open' ? whose : null;
}

/** What `systemd-run` needs to find the person's own systemd. */
export function scopeEnvironment(): Record<string, string> {
  const { XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = process.env;
  return {
    ...(XDG_RUNTIME_DIR === undefined ? {} : { XDG_RUNTIME_DIR }),
    ...(DBUS_SESSION_BUS_ADDRESS === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS }),
  };
}

interface Tried {
  code: number;
  said: string;
  heard: string;
}

/** Runs it with one more descriptor, 3: written to when there is something to give, else read from. */
function trial(
  program: string,
  args: string[],
  { env, give }: { env: Record<string, string>; give?: Buffer },
): Promise<Tried> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      timeout: TRIAL_TIMEOUT_MS,
    });
    let said = '';
    let heard = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const pipe = child.stdio[3] as Readable & Writable;
    pipe.on('error', () => {});
    if (give) pipe.end(give);
    else pipe.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    child.once('error', (error) => resolve({ code: 127, said: errorText(error), heard }));
    child.once('close', (code) => resolve({ code: code ?? 128, said: said.slice(0, 500), heard }));
  });
}

async function version(bwrap: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(bwrap, ['--version'], { timeout: TRIAL_TIMEOUT_MS });
    return stdout.trim();
  } catch {
    return 'bubblewrap';
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return null;
  }
}
