/**
 * What a confined local process is made of, as plain data: the arguments of bubblewrap. A file
 * system of its own with the system's programs read-only, its own workspace, home and /tmp, none of
 * the person's files; every namespace its own, so no network but its own loopback and no process
 * but its own; no capability, and no way to gain one.
 *
 * Of /etc only what programs need to start: the rest may tell secrets.
 */
import { CODEX_DIR, RUN_DIR, SANDBOX_HOME, WORKSPACE_DIR } from '../../../protocol/door.ts';
import type { LimitValues } from '../../../protocol/limits.ts';

/** As a container's: counted as memory, so not without end. */
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;

const ETC = [
  'alternatives',
  'bash.bashrc',
  'ca-certificates',
  'ca-certificates.conf',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'pki/ca-trust',
  'pki/tls/certs',
  'profile',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
];

/** Out of memory ends a task before anything else on the machine. */
const OOM_SCORE = 500;
const RUNNER = [`${CODEX_DIR}/node`, `${CODEX_DIR}/runner.cjs`, 'serve'];

/**
 * The runner, with the limits that a process hands on to all that it starts: no core dump (it would
 * hold what the process knew), no single file over the disk limit, and no more threads in this user
 * namespace than the limit. The kernel counts these by namespace, so they are set inside. A limit that
 * the machine already holds lower stays.
 */
export function runnerCommand(limits: Pick<LimitValues, 'sandboxDiskBytes' | 'sandboxPids'>): string[] {
  const kib = Math.max(1, Math.floor(limits.sandboxDiskBytes / 1024));
  const script = `echo ${OOM_SCORE} > /proc/self/oom_score_adj; ulimit -c 0; ulimit -f ${kib} 2>/dev/null; ulimit -u ${limits.sandboxPids} 2>/dev/null; exec "$@"`;
  return ['bash', '-c', script, 'bash', ...RUNNER];
}

/**
 * Of /proc: settings and switches of the whole machine, which root's own processes could write there
 * without any capability; and what tells of the machine and helps no build.
 */
export const PROC_READ_ONLY = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'acpi', 'scsi', 'mtrr', 'driver'];
export const PROC_HIDDEN = ['kcore', 'keys', 'kmsg', 'timer_list', 'sched_debug', 'latency_stats'];

/** Written for each sandbox: nothing of the machine's own users and names. */
export const ETC_FILES: Record<string, string> = {
  passwd: `root:x:0:0:root:${SANDBOX_HOME}:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
  group: 'root:x:0:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost sandbox\n127.0.0.2 proxy\n::1 localhost\n',
};

export interface LocalOf {
  /** Folders on this machine. */
  workspace: string;
  home: string;
  tmp: string;
  run: string;
  etc: string;
  /** A folder in `workspace` that can't be written from inside. */
  readOnly?: string;
  /** With the runner's files and an empty `node` to mount on. */
  codex: string;
  node: string;
  /** Top-level names (`bin`, `lib64`) and where they point, or null where they are real folders. */
  topLevel: Record<string, string | null>;
  /** Names of `PROC_READ_ONLY` and `PROC_HIDDEN` that this kernel has. */
  proc: string[];
  infoFd: number;
  /** Where bubblewrap reads the system call filter. */
  seccompFd: number;
}

export function bwrapArguments(of: LocalOf): string[] {
  return [
    ...['--unshare-user', '--unshare-all', '--uid', '0', '--gid', '0', '--hostname', 'sandbox'],
    ...['--new-session', '--cap-drop', 'ALL', '--info-fd', String(of.infoFd)],
    ...['--seccomp', String(of.seccompFd)],
    ...['--ro-bind', '/usr', '/usr', '--ro-bind-try', '/nix', '/nix'],
    ...Object.entries(of.topLevel).flatMap(([name, target]) =>
      target === null ? ['--ro-bind', `/${name}`, `/${name}`] : ['--symlink', target, `/${name}`],
    ),
    ...ETC.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ...Object.keys(ETC_FILES).flatMap((name) => ['--ro-bind', `${of.etc}/${name}`, `/etc/${name}`]),
    ...['--proc', '/proc', '--dev', '/dev', '--size', String(SHARED_MEMORY_BYTES), '--tmpfs', '/dev/shm'],
    ...of.proc.flatMap((name) => [
      ...['--ro-bind', PROC_HIDDEN.includes(name) ? '/dev/null' : `/proc/${name}`, `/proc/${name}`],
    ]),
    ...['--symlink', '/tmp', '/var/tmp'],
    ...['--bind', of.tmp, '/tmp', '--bind', of.home, SANDBOX_HOME, '--bind', of.workspace, WORKSPACE_DIR],
    ...(of.readOnly === undefined
      ? []
      : ['--ro-bind', `${of.workspace}/${of.readOnly}`, `${WORKSPACE_DIR}/${of.readOnly}`]),
    ...['--bind', of.run, RUN_DIR],
    ...['--ro-bind', of.codex, CODEX_DIR, '--ro-bind', of.node, `${CODEX_DIR}/node`],
    // Both are kept in memory that nobody counts.
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--clearenv', '--setenv', 'HOME', SANDBOX_HOME, '--setenv', 'LANG', 'C.UTF-8'],
    ...['--setenv', 'PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ...['--chdir', '/'],
  ];
}
