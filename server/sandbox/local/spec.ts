/**
 * What a confined local process is made of, as plain data: the arguments of bubblewrap. A file
 * system of its own with the system's programs read-only, its own workspace, home and /tmp, none of
 * the person's files; every namespace its own, so no network but its own loopback and no process
 * but its own; no capability, and no way to gain one.
 *
 * Of /etc only what programs need to start: the rest may tell secrets.
 */
import { CODEX_DIR, RUN_DIR, WORKSPACE_DIR } from '../../../protocol/door.ts';

export const HOME_DIR = '/root';

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

export const COMMAND = [`${CODEX_DIR}/node`, `${CODEX_DIR}/runner.cjs`, 'serve'];

/** Written for each sandbox: nothing of the machine's own users and names. */
export const ETC_FILES: Record<string, string> = {
  passwd: `root:x:0:0:root:${HOME_DIR}:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
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
  /** With the runner's files and an empty `node` to mount on. */
  codex: string;
  node: string;
  /** Top-level names (`bin`, `lib64`) and where they point, or null where they are real folders. */
  topLevel: Record<string, string | null>;
  infoFd: number;
}

export function bwrapArguments(of: LocalOf): string[] {
  return [
    ...['--unshare-user', '--unshare-all', '--uid', '0', '--gid', '0', '--hostname', 'sandbox'],
    ...['--new-session', '--cap-drop', 'ALL', '--info-fd', String(of.infoFd)],
    ...['--ro-bind', '/usr', '/usr', '--ro-bind-try', '/nix', '/nix'],
    ...Object.entries(of.topLevel).flatMap(([name, target]) =>
      target === null ? ['--ro-bind', `/${name}`, `/${name}`] : ['--symlink', target, `/${name}`],
    ),
    ...ETC.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ...Object.keys(ETC_FILES).flatMap((name) => ['--ro-bind', `${of.etc}/${name}`, `/etc/${name}`]),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/dev/shm', '--dir', '/var/tmp'],
    ...['--bind', of.tmp, '/tmp', '--bind', of.home, HOME_DIR, '--bind', of.workspace, WORKSPACE_DIR],
    ...['--bind', of.run, RUN_DIR],
    ...['--ro-bind', of.codex, CODEX_DIR, '--ro-bind', of.node, `${CODEX_DIR}/node`],
    ...['--clearenv', '--setenv', 'HOME', HOME_DIR, '--setenv', 'LANG', 'C.UTF-8'],
    ...['--setenv', 'PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ...['--chdir', '/'],
  ];
}
