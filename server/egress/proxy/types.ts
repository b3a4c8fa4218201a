/** The words of the proxy: what it is given, and what it tells. */
import type { AccessPolicy, DenyReason } from '../../../protocol/egress.ts';
import type { Socket } from 'node:net';

/** Which part of a turn asks; each has a policy of its own. */
export type EgressPhase = 'setup' | 'agent';

/** What went wrong with something that was allowed. */
export type FailReason =
  'clientTls' | 'connectFailed' | 'upstreamProxyFailed' | 'upstreamCertificate' | 'upstreamBroke' | 'timeout';

/** One request, or one tunnel whose inside was not looked into. Never a path, a query or a header. */
export interface EgressLogEntry {
  /** When it began, in ms since 1970. */
  at: number;
  taskId: string;
  attempt: number;
  phase: EgressPhase;
  /** As it was asked for, cut; empty when that could not be read. */
  host: string;
  port: number | null;
  method: string;
  verdict: 'allowed' | 'denied' | 'failed';
  reason: DenyReason | FailReason | null;
  /** What was dialled; null when nothing was, or when the company's proxy resolved the name. */
  address: string | null;
  bytesIn: number;
  bytesOut: number;
  durationMs: number;
}

export interface EgressCaps {
  connections: number;
  bytes: number;
  bytesPerSecond: number;
}

/** The names of `LIMITS`, for `limit.reached`. */
export type EgressLimit = 'egressConnections' | 'egressBytes' | 'egressBytesPerSecond';

export interface TaskOptions {
  taskId: string;
  attempt: number;
  policy: AccessPolicy;
  phase: EgressPhase;
  caps: EgressCaps;
  /** Called once per limit and phase. */
  onLimit?: (limit: EgressLimit, value: number) => void;
}

/** Every address of a name; throws when there is none. */
export type Resolve = (host: string) => Promise<string[]>;
/** Begins a TCP connection to an address (never a name). */
export type Dial = (address: string, port: number) => Socket;

/** How long the proxy waits; a server that never listens has no timeouts of its own. */
export interface EgressTimes {
  /** For the head of a request, a ClientHello or a handshake, and between two requests. */
  headMs: number;
  /** Without a byte in either direction of a request or a tunnel. */
  idleMs: number;
  /** For the answers of the name servers. */
  resolveMs: number;
  /** For one address to accept. */
  connectMs: number;
}

export const EGRESS_TIMES: EgressTimes = {
  // A slow client sends its head within seconds; pooled connections of package managers live a minute.
  headMs: 60_000,
  // Servers that think for long (builds, models) answer within this.
  idleMs: 10 * 60_000,
  resolveMs: 5_000,
  connectMs: 10_000,
};
