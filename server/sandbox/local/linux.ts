/** Linux: bubblewrap, namespaces and a filter of system calls. */
import { readFileSync } from 'node:fs';
import { SANDBOX_HOME, WORKSPACE_DIR } from '../../../protocol/door.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { checkMachine } from './check.ts';
import type { Facts } from './facts.ts';
import { copyFolders } from './files.ts';
import { launch } from './launch.ts';
import { machineIdentity } from './machine.ts';
import type { Platform } from './platform.ts';
import { endProcess, isAlive } from './process.ts';
import { connectIn } from './socket.ts';
import { linuxUsage } from './usage.ts';

export function linux(): Platform {
  let facts: Facts | undefined;
  return {
    async check() {
      const checked = await checkMachine();
      facts = checked.health.ok ? checked.facts : undefined;
      return checked.health;
    },
    async launch(of, known) {
      if (!facts) throw new CodexError('sandboxUnavailable');
      return launch(of, facts, known);
    },
    isAlive: async (process) => isAlive(process),
    /** The kernel ends all with the first process of their namespace, whoever ended that. */
    async end(process) {
      await endProcess(process);
      return true;
    },
    connect: connectIn,
    placesOf: async () => undefined,
    keptFolders: () => ({ workspace: WORKSPACE_DIR, home: SANDBOX_HOME, tmp: '/tmp' }),
    copyFolders,
    identity: () => machineIdentity(),
    bootId: thisBoot,
    syncCommand: (path) => ['sync', '-f', path],
    usage: linuxUsage,
  };
}

function thisBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
