/**
 * An environment: how a repository is run. So far it says which internet access the setup and the
 * agent have; what else belongs to it comes as further fields with defaults.
 */
import { z } from 'zod';
import { AccessPolicy, DEFAULT_AGENT_ACCESS, DEFAULT_SETUP_ACCESS } from './egress.ts';
import { Phase } from './states.ts';

export const EnvironmentName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

/** A task that names none runs in this one; it exists even when nobody has stored it. */
export const DEFAULT_ENVIRONMENT_NAME = 'default';

export const Internet = z.object({ agent: AccessPolicy, setup: AccessPolicy });
export type Internet = z.infer<typeof Internet>;

export const Environment = z.object({
  name: EnvironmentName,
  internet: Internet,
});
export type Environment = z.infer<typeof Environment>;

export const StoredEnvironment = Environment.extend({
  updatedAt: z.number(),
  updatedBy: z.string(),
});
export type StoredEnvironment = z.infer<typeof StoredEnvironment>;

export function defaultEnvironment(name = DEFAULT_ENVIRONMENT_NAME): Environment {
  return { name, internet: { agent: DEFAULT_AGENT_ACCESS, setup: DEFAULT_SETUP_ACCESS } };
}

/** One request or tunnel that a sandbox asked for. No path, no query string: they may hold secrets. */
export const EgressEntry = z.object({
  /** Counts per backend: the cursor of the next page. */
  id: z.number().int(),
  taskId: z.string(),
  turn: z.number().int(),
  attempt: z.number().int(),
  at: z.number(),
  phase: Phase,
  /** As it was asked for; empty when that could not be read. */
  host: z.string(),
  port: z.number().int().nullable(),
  /** `CONNECT` for a tunnel that was not looked into. */
  method: z.string(),
  /** `failed`: it was allowed, and then something broke. */
  verdict: z.enum(['allowed', 'denied', 'failed']),
  /** A `DenyReason`, or why an allowed one failed. */
  reason: z.string().nullable(),
  /** The address that was dialled. */
  address: z.string().nullable(),
  bytesIn: z.number(),
  bytesOut: z.number(),
  durationMs: z.number(),
});
export type EgressEntry = z.infer<typeof EgressEntry>;
