/**
 * macOS: Seatbelt, through `sandbox-exec`. No namespaces and no mounts: paths are the machine's own, two
 * ports of its loopback are the sandbox's, and processes are kept together by nothing but the rule that
 * they may signal one another and nobody else.
 *
 * No Mac was there to run it on: what is handed to macOS is tested as text, and all the rest with another
 * program in `sandbox-exec`'s place.
 */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { machineIdentity } from '../machine.ts';
import type { Platform } from '../platform.ts';
import { checkMac } from './check.ts';
import { copyOnMac, diskBytesOnMac } from './folders.ts';
import { launchOnMac, logOf, placesOnMac } from './launch.ts';
import { INSTALLED_ON_A_MAC } from './machine.ts';
import type { Machine } from './machine.ts';
import { freePorts } from './ports.ts';
import { Processes } from './processes.ts';
import { connectByPath } from './socket.ts';

export { ON_A_MAC } from './machine.ts';

export function macOS(machine: Machine): Platform {
  const processes = new Processes(machine.ps, diskBytesOnMac);
  return {
    check: () => checkMac(machine),
    choosePorts: freePorts,
    async launch(of, known) {
      const ports = of.ports ?? (await freePorts(undefined));
      return launchOnMac(machine, { ...of, ports }, (pid) => processes.find(pid), known);
    },
    isAlive: (process) => processes.isAlive(process),
    end: (process, dir) => processes.end(process, logOf(dir)),
    connect: (runDir) => connectByPath(runDir),
    async placesOf(dir, ports, dataDir) {
      return ports && placesOnMac(machine, dir, ports, dataDir);
    },
    keptFolders(dir) {
      const real = realpathSync(dir);
      return { workspace: join(real, 'workspace'), home: join(real, 'home'), tmp: join(real, 'tmp') };
    },
    copyFolders: copyOnMac,
    identity: () => machineIdentity(INSTALLED_ON_A_MAC),
    bootId: thisBoot,
    syncCommand: () => ['sync'],
    usage: processes.usage,
  };
}

function thisBoot(): string {
  try {
    return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], {
      encoding: 'latin1',
      stdio: 'pipe',
    }).trim();
  } catch {
    return '';
  }
}
