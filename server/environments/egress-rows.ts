/** Entries of the egress log as rows and back, and their counts. Pure. */
import type { Insertable, Selectable } from 'kysely';
import type { EgressEntry } from '../../protocol/environment.ts';
import type { Schema } from '../store/schema.ts';

export type NewEgressEntry = Omit<EgressEntry, 'id'>;

export interface Counts {
  allowed: number;
  denied: number;
  failed: number;
  bytesIn: number;
  bytesOut: number;
}

/** Whatever a sandbox asks for: a name has at most 253 characters. */
const HOST_CHARS = 256;
const WORD_CHARS = 64;

// PostgreSQL's text holds no NUL, and what else moves a cursor or breaks a line has no place in a log.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function tidy(text: string, chars: number): string {
  return text.slice(0, chars).replace(CONTROL, '\uFFFD').toWellFormed();
}

export function rowOf(entry: NewEgressEntry): Insertable<Schema['egress_log']> {
  return {
    task_id: entry.taskId,
    turn: entry.turn,
    attempt: entry.attempt,
    at: entry.at,
    phase: entry.phase,
    host: tidy(entry.host, HOST_CHARS),
    port: entry.port,
    method: tidy(entry.method, WORD_CHARS),
    verdict: entry.verdict,
    reason: entry.reason === null ? null : tidy(entry.reason, WORD_CHARS),
    address: entry.address === null ? null : tidy(entry.address, WORD_CHARS),
    bytes_in: entry.bytesIn,
    bytes_out: entry.bytesOut,
    duration_ms: entry.durationMs,
  };
}

export function entryOf(row: Selectable<Schema['egress_log']>): EgressEntry {
  return {
    id: Number(row.id),
    taskId: row.task_id,
    turn: row.turn,
    attempt: row.attempt,
    at: row.at,
    phase: row.phase,
    host: row.host,
    port: row.port,
    method: row.method,
    verdict: row.verdict,
    reason: row.reason,
    address: row.address,
    bytesIn: row.bytes_in,
    bytesOut: row.bytes_out,
    durationMs: row.duration_ms,
  };
}

export function noCounts(): Counts {
  return { allowed: 0, denied: 0, failed: 0, bytesIn: 0, bytesOut: 0 };
}

export function countsOf({ verdict, bytesIn, bytesOut }: NewEgressEntry): Counts {
  return { ...noCounts(), [verdict]: 1, bytesIn, bytesOut };
}

export function plus(a: Counts, b: Counts): Counts {
  return {
    allowed: a.allowed + b.allowed,
    denied: a.denied + b.denied,
    failed: a.failed + b.failed,
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
  };
}
