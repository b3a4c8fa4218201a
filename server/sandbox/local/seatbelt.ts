/**
 * What would be handed to macOS (`sandbox-exec -p`) for one local sandbox, as text: everything is
 * denied that is not named; written only below the sandbox's own folders; the person's home and the
 * data folder can't be read; of the network one port on loopback, which carries `origin` and the
 * internet proxy. The last rule that matches decides, so what is narrower stands later.
 *
 * Pure, and tested as text. It was not run on macOS yet, so the driver refuses there.
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
  /** The only one that may be listened on and connected to. */
  port: number;
}

const SYSTEM = [
  ...['/usr', '/bin', '/sbin', '/System', '/Library/Apple', '/Library/Developer/CommandLineTools'],
  ...['/Applications/Xcode.app/Contents/Developer', '/opt/homebrew', '/private/var/db/dyld'],
  ...['/private/var/db/timezone', '/private/etc/ssl', '/private/var/select'],
];
const SYSTEM_FILES = [
  ...['/', '/private', '/private/var', '/private/etc', '/private/tmp', '/etc', '/var', '/tmp'],
  ...['/private/etc/hosts', '/private/etc/passwd', '/private/etc/group', '/private/etc/shells'],
  ...['/private/etc/protocols', '/private/etc/services', '/private/etc/profile', '/private/etc/bashrc'],
];
const DEVICES_READ = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom', '/dev/autofs_nowait'];
const DEVICES_WRITE = ['/dev/null', '/dev/zero', '/dev/dtracehelper'];
/** Who am I, and where is my temporary folder: without these `git` and shells don't start. */
const MACH_SERVICES = [
  'com.apple.system.opendirectoryd.libinfo',
  'com.apple.system.opendirectoryd.membership',
  'com.apple.bsd.dirhelper',
];

export function seatbeltProfile(of: SeatbeltOf): string {
  if (!Number.isInteger(of.port) || of.port < 1024 || of.port > 65_535)
    throw new RangeError(`no port: ${of.port}`);
  const own = [of.workspace, of.home, of.tmp, of.run];
  const endpoint = `"localhost:${of.port}"`;
  return [
    '(version 1)',
    '(deny default)',
    rule('allow', 'process-exec', []),
    rule('allow', 'process-fork', []),
    '(allow signal process-info* (target same-sandbox))',
    rule('allow', 'sysctl-read', []),
    rule(
      'allow',
      'mach-lookup',
      MACH_SERVICES.map((name) => `(global-name ${quoted(name)})`),
    ),
    rule('allow', 'file-read*', [...SYSTEM.map(below), ...[...SYSTEM_FILES, ...DEVICES_READ].map(exactly)]),
    rule('allow', 'file-write-data', DEVICES_WRITE.map(exactly)),
    // After the system's folders: a home or a data folder may stand below one of them.
    rule('deny', 'file*', [below(of.personHome), below(of.dataDir)]),
    // To walk to its own folders, their parents' names are enough.
    rule('allow', 'file-read-metadata', parentsOf([...own, of.codex, of.node]).map(exactly)),
    rule('allow', 'file-read*', [below(of.codex), exactly(of.node)]),
    rule('allow', 'file-read* file-write*', own.map(below)),
    ...(of.readOnly === undefined
      ? []
      : [rule('deny', 'file-write*', [below(`${of.workspace}/${of.readOnly}`)])]),
    // Nothing is told apart by user here, as all processes are the person's.
    rule('deny', 'file-link file-write-setugid file-mknod', []),
    rule('deny', 'network*', []),
    `(allow network-bind network-inbound (local ip ${endpoint}))`,
    `(allow network-outbound (remote ip ${endpoint}))`,
    `(allow network-bind network-inbound (local unix-socket ${below(of.run)}))`,
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
