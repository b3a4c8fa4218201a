/** What a turn needs of the rooms next door, beside its own context. */
import type { AccessPolicy } from '../../protocol/egress.ts';
import type { Environment } from '../../protocol/environment.ts';
import type { NewEgressEntry } from '../environments/egress-rows.ts';
import type { PreparedEnvironments } from '../environments/prepared.ts';
import type { Scripts } from '../environments/scripts.ts';
import type { EgressPhase } from '../egress/proxy/index.ts';
import type { Forges } from '../forge/forge.ts';
import type { Vault } from '../secrets/types.ts';

export interface Rooms {
  environments: {
    /** Throws `CodexError` environmentUnknown. */
    get(name: string): Promise<Environment>;
    policyOf(environment: string | null, phase: EgressPhase): Promise<AccessPolicy>;
    /** Calls back when any environment was changed; returns how to stop that. */
    onChange(listener: () => void): () => void;
  };
  egressLog: {
    append(entry: NewEgressEntry): void;
    /** Calls back when a task's log can take no more; returns how to stop that. */
    onFull(listener: (task: { taskId: string; limit: number }) => void): () => void;
  };
  vault: Pick<Vault, 'open'>;
  prepared: Pick<PreparedEnvironments, 'find' | 'keep' | 'forget' | 'alone'>;
  scripts: Pick<Scripts, 'trust'>;
  /** Absent: links in prompts stay text. */
  forges?: Pick<Forges, 'linksIn'>;
}
