/** The rooms that a turn needs, in memory: an environment that tests change, secrets, prepared environments. */
import { DEFAULT_AGENT_ACCESS, type AccessPolicy } from '../../../protocol/egress.ts';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import type { NewEgressEntry } from '../../../server/environments/egress-rows.ts';
import type { Prepared } from '../../../server/environments/prepared.ts';
import type { Rooms } from '../../../server/pipeline/rooms.ts';
import type { OpenSecret } from '../../../server/secrets/types.ts';

export interface MemoryRooms {
  rooms: Rooms;
  environment: Environment;
  secrets: OpenSecret[];
  /** Hashes that a person approved. */
  approved: Set<string>;
  prepared: Map<string, Prepared>;
  entries: NewEgressEntry[];
  /** Changes the agent's policy, as a person would while a turn runs. */
  setAgentAccess(policy: AccessPolicy): void;
}

export function memoryRooms(environment: Environment = defaultEnvironment()): MemoryRooms {
  const listeners = new Set<() => void>();
  const underWay = new Map<string, Promise<unknown>>();
  const memory: MemoryRooms = {
    environment,
    secrets: [],
    approved: new Set(),
    prepared: new Map(),
    entries: [],
    setAgentAccess(policy) {
      memory.environment = {
        ...memory.environment,
        internet: { ...memory.environment.internet, agent: policy },
      };
      for (const listener of listeners) listener();
    },
    rooms: {
      environments: {
        get: async () => memory.environment,
        policyOf: async (_name, phase) => memory.environment.internet[phase] ?? DEFAULT_AGENT_ACCESS,
        onChange: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      egressLog: { append: (entry) => memory.entries.push(entry), onFull: () => () => {} },
      vault: { open: async () => memory.secrets },
      prepared: {
        find: async (key) => memory.prepared.get(key) ?? null,
        keep: async (prepared) => void memory.prepared.set(prepared.key, prepared),
        forget: async ({ key, snapshot }) => {
          if (memory.prepared.get(key)?.snapshot === snapshot) memory.prepared.delete(key);
        },
        async alone(key, work) {
          const others = underWay.get(key);
          if (others) {
            await others.catch(() => undefined);
            return null;
          }
          const mine = work().finally(() => underWay.delete(key));
          underWay.set(key, mine);
          return mine;
        },
      },
      scripts: {
        trust: async ({ file }) => {
          const hash = Buffer.from(JSON.stringify(file)).toString('hex');
          const trusted = memory.approved.has(hash);
          return { hash, trusted, why: trusted ? 'approved' : 'changed' };
        },
      },
    },
  };
  return memory;
}
