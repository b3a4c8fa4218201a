/**
 * What is handed to macOS (`sandbox-exec -f`) for one local sandbox, as text: everything is denied that
 * is not named; written only below the sandbox's own folders; the person's home and the data folder
 * can't be read; of the network two ports on loopback, `origin` and the internet proxy. The last rule
 * that matches decides, so what is narrower stands later.
 *
 * Pure, and tested as text; macOS itself was not there to try it.
 */
import { isAbsolute, normalize } from 'node:path';

export interface SeatbeltOf {
  /** All as the system itself names them (`realpath`): Seatbelt knows `/private/tmp`, not `/tmp`. */
  workspace: string;
  home: string;
  tmp: string;
  run: string;
  codex: string;
  node: string;
  personHome: string;
  dataDir: string;
  /** A folder in the workspace that can't be written. */
  readOnly?: string;
  /** The only ones that may be listened on and connected to. */
  ports: number[];
}

const SYSTEM = [
  ...['/usr', '/bin', '/sbin', '/System', '/Library/Apple', '/Library/Developer/CommandLineTools'],
  ...['/Library/Java', '/Library/Frameworks', '/Library/Preferences/Logging'],
  ...['/Applications/Xcode.app/Contents/Developer', '/opt/homebrew', '/opt/local', '/nix'],
  ...['/private/var/db/dyld', '/private/var/db/timezone', '/private/etc/ssl', '/private/var/select'],
  ...['/private/var/db/xcode_select_link'],
];
const SYSTEM_FILES = [
  ...['/', '/private', '/private/var', '/private/var/db', '/private/etc', '/private/tmp'],
  ...['/etc', '/var', '/tmp', '/opt', '/Library', '/dev', '/dev/fd'],
  ...['/private/etc/hosts', '/private/etc/passwd', '/private/etc/group', '/private/etc/shells'],
  ...['/private/etc/protocols', '/private/etc/services', '/private/etc/localtime'],
  ...['/private/etc/profile', '/private/etc/bashrc', '/private/etc/paths', '/private/etc/manpaths'],
];
const DEVICES_READ = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom', '/dev/autofs_nowait'];
const DEVICES_WRITE = ['/dev/null', '/dev/zero', '/dev/dtracehelper'];
/** Who am I, where is my temporary folder, is it about to sleep: without these `git`, shells and Node don't start. */
const MACH_SERVICES = [
  'com.apple.system.opendirectoryd.libinfo',
  'com.apple.system.opendirectoryd.membership',
  'com.apple.bsd.dirhelper',
  'com.apple.PowerManagement.control',
];
/** Not all: `kern.procargs` tells the arguments and the environment of the person's other programs. */
const SYSCTLS = [
  ...['kern.argmax', 'kern.hostname', 'kern.maxfiles', 'kern.maxfilesperproc', 'kern.maxproc'],
  ...['kern.ngroups', 'kern.osproductversion', 'kern.osrelease', 'kern.ostype', 'kern.osversion'],
  ...['kern.osvariant_status', 'kern.secure_kernel', 'kern.usrstack64', 'kern.version', 'kern.boottime'],
  ...['kern.tcsm_available', 'kern.tcsm_enable', 'kern.willshutdown', 'security.mac.lockdown_mode_state'],
  ...['sysctl.proc_cputype', 'vm.loadavg', 'vm.swapusage', 'kern.bootsessionuuid'],
];
const SYSCTL_PREFIXES = ['hw.', 'machdep.', 'kern.proc.', 'net.routetable.'];
/** The mark that macOS puts on a terminal that was made inside: the person's own have none. */
const OWN_TERMINAL = '(require-all (regex #"^/dev/ttys[0-9]+$") (extension "com.apple.sandbox.pty"))';

export function seatbeltProfile(of: SeatbeltOf): string {
  for (const port of of.ports) {
    if (!Number.isInteger(port) || port < 1024 || port > 65_535) throw new RangeError(`no port: ${port}`);
  }
  const own = [of.workspace, of.home, of.tmp, of.run];
  const programs = [...SYSTEM.map(below), below(of.codex), exactly(of.node), ...own.map(below)];
  return [
    '(version 1)',
    '(deny default)',
    rule('allow', 'process-exec', []),
    rule('allow', 'process-fork', []),
    '(allow signal process-info* (target same-sandbox))',
    rule('allow', 'sysctl-read', [
      ...SYSCTLS.map((name) => `(sysctl-name ${quoted(name)})`),
      ...SYSCTL_PREFIXES.map((name) => `(sysctl-name-prefix ${quoted(name)})`),
    ]),
    // Java and V8 ask for a processor's grade by what counts as writing.
    '(allow sysctl-write (sysctl-name "kern.grade_cputype") (sysctl-name "kern.tcsm_enable"))',
    rule('allow', 'ipc-posix-sem', []),
    '(allow iokit-open (iokit-registry-entry-class "RootDomainUserClient"))',
    rule(
      'allow',
      'mach-lookup',
      MACH_SERVICES.map((name) => `(global-name ${quoted(name)})`),
    ),
    rule('allow', 'file-read*', [...SYSTEM.map(below), ...[...SYSTEM_FILES, ...DEVICES_READ].map(exactly)]),
    rule('allow', 'file-write-data', DEVICES_WRITE.map(exactly)),
    rule('allow', 'file-read* file-write-data', [below('/dev/fd')]),
    rule('allow', 'pseudo-tty', []),
    rule('allow', 'file-read* file-write* file-ioctl', [exactly('/dev/ptmx'), OWN_TERMINAL]),
    // After the system's folders: a home or a data folder may stand below one of them.
    rule('deny', 'file*', [below(of.personHome), below(of.dataDir)]),
    // To walk to its own folders, their parents' names are enough.
    rule('allow', 'file-read-metadata', parentsOf([...own, of.codex, of.node]).map(exactly)),
    rule('allow', 'file-read*', [below(of.codex), exactly(of.node)]),
    rule('allow', 'file-read* file-write*', own.map(below)),
    rule('allow', 'file-map-executable', programs),
    // A folder that were renamed would take the rules' names from what is in it.
    rule('deny', 'file-write-unlink', own.map(exactly)),
    ...(of.readOnly === undefined
      ? []
      : [rule('deny', 'file-write*', [below(`${of.workspace}/${of.readOnly}`)])]),
    // A second name for a file would be one that no rule here means; nothing is told apart by user.
    rule('deny', 'file-link file-write-setugid', []),
    rule('deny', 'network*', []),
    '(allow system-socket (socket-domain AF_UNIX))',
    ...of.ports.flatMap((port) => [
      `(allow network-bind network-inbound (local ip "localhost:${port}"))`,
      `(allow network-outbound (remote ip "localhost:${port}"))`,
    ]),
    ...own.flatMap((path) => [
      `(allow network-bind network-inbound (local unix-socket ${below(path)}))`,
      `(allow network-outbound (remote unix-socket ${below(path)}))`,
    ]),
    '',
  ].join('\n');
}

function rule(verdict: 'allow' | 'deny', operations: string, filters: string[]): string {
  return `(${verdict} ${[operations, ...filters].join('\n  ')})`;
}

function below(path: string): string {
  return `(subpath ${quoted(checked(path))})`;
}

function exactly(path: string): string {
  return `(literal ${quoted(checked(path))})`;
}

/** A relative or roundabout path would name another place than the one meant. */
function checked(path: string): string {
  if (!isAbsolute(path) || normalize(path) !== path || (path !== '/' && path.endsWith('/')))
    throw new RangeError(`not a plain absolute path: ${path}`);
  return path;
}

/** Only a quote and a backslash mean something between quotes; a line's end is no part of a name we take. */
function quoted(text: string): string {
  if (/[\0-\x1f\x7f]/.test(text)) throw new RangeError('a name with control characters');
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function parentsOf(paths: string[]): string[] {
  const parents = new Set<string>();
  for (const path of paths) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      parents.add(path.slice(0, at));
  }
  return [...parents].sort();
}
