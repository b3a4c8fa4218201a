/**
 * The internet proxy of one backend, as the pipeline uses it: its certificate authority in the data
 * folder, the owner's rules, and whose entries go where.
 */
import { join } from 'node:path';
import { openAuthority } from './egress/authority/index.ts';
import type { OwnerRules } from './egress/policy/index.ts';
import { createEgress, type EgressLogEntry, type Resolve } from './egress/proxy/index.ts';
import type { InternetProxy } from './pipeline/internet.ts';

export interface InternetOptions {
  dataDir: string;
  owner: OwnerRules;
  /** How names are resolved; by default as the machine does. */
  resolve?: Resolve;
}

export async function openInternetProxy(options: InternetOptions): Promise<InternetProxy> {
  const { dataDir, owner } = options;
  const authority = await openAuthority(join(dataDir, 'authority'));
  const listeners = new Map<string, (entry: EgressLogEntry) => void>();
  const keyOf = (of: { taskId: string; attempt: number }) => `${of.taskId}/${of.attempt}`;
  const egress = createEgress({
    authority,
    owner,
    log: (entry) => listeners.get(keyOf(entry))?.(entry),
    ...(options.resolve ? { resolve: options.resolve } : {}),
  });
  return {
    certificatePem: authority.certificatePem,
    openTask(of, onEntry) {
      const task = egress.openTask(of);
      // Kept after the end: what was under way is logged when it is cut. The task's next turn replaces it.
      listeners.set(keyOf(of), onEntry);
      return task;
    },
  };
}
