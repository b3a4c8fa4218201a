/** What the local sandbox takes from the machine: programs, top-level folders, what stands for its state. */
import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync, readlinkSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const TOP_LEVEL = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];
/** Every package manager touches at least one of these when it changes what is installed. */
const INSTALLED = [
  '/etc/os-release',
  '/usr',
  '/usr/bin',
  '/usr/lib',
  '/usr/local/bin',
  '/usr/local/lib',
  '/var/lib/dpkg/status',
  '/var/lib/rpm/rpmdb.sqlite',
  '/usr/lib/sysimage/rpm/rpmdb.sqlite',
  '/var/lib/pacman/local',
  '/lib/apk/db/installed',
  '/nix/var/nix/profiles/system',
];
/** Raised when what a sandbox sees of the machine changes: what was prepared before is prepared anew. */
const LAYOUT_VERSION = 1;

export function findProgram(name: string): string | null {
  for (const dir of (process.env.PATH ?? '').split(':')) {
    const path = join(dir || '.', name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** Names and where they point, or null where they are real folders. */
export function topLevel(): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  for (const name of TOP_LEVEL) {
    const at = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (at?.isSymbolicLink()) found[name] = readlinkSync(`/${name}`);
    else if (at?.isDirectory()) found[name] = null;
  }
  return found;
}

/** Changes with what is installed, as far as that can be told without reading all of it. */
export async function machineIdentity(installed = INSTALLED): Promise<string> {
  const hash = createHash('sha256').update(`${LAYOUT_VERSION} ${process.platform} ${process.arch}\n`);
  hash.update(await readFile('/etc/os-release').catch(() => ''));
  for (const path of installed) {
    const at = await stat(path, { bigint: true }).catch(() => null);
    hash.update(at === null ? `\n${path} -` : `\n${path} ${at.ino} ${at.size} ${at.mtimeNs}`);
  }
  return `local-${hash.digest('hex').slice(0, 32)}`;
}
