/**
 * The connection's state as a pure reducer: state and event in, state out. Opening sockets and
 * waiting is `connection.ts`. Never: a retry after a refusal, a refusal without an error that says why.
 */
import type { ErrorCode, WireError } from '../../protocol/errors.ts';
import type { ConnectionState, Hello } from './types.ts';

/** First wait after a loss: a backend that restarts is back before a person sees it. */
export const BACKOFF_FIRST_MS = 250;
/** Longest wait: a laptop that wakes up is connected again within it. */
export const BACKOFF_LONGEST_MS = 30_000;
/** Each wait is up to this part longer, so that many clients do not come back in the same instant. */
export const BACKOFF_JITTER = 0.2;

export type ConnectionEvent =
  | { kind: 'connect' }
  | { kind: 'greeted'; hello: Hello }
  /** `random` in [0, 1) */
  | { kind: 'lost'; reason: WireError; random: number }
  | { kind: 'refused'; error: WireError }
  | { kind: 'close' };

/** The wait before try number `failures + 1`. */
export function backoffMs(failures: number, random: number): number {
  const exponent = Math.min(Math.max(failures - 1, 0), 30);
  const plain = Math.min(BACKOFF_FIRST_MS * 2 ** exponent, BACKOFF_LONGEST_MS);
  return Math.min(Math.round(plain * (1 + BACKOFF_JITTER * random)), BACKOFF_LONGEST_MS);
}

export function next(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  if (state.kind === 'closed') return state;
  switch (event.kind) {
    case 'close':
      return { kind: 'closed' };
    case 'connect':
      switch (state.kind) {
        case 'idle':
        case 'refused':
          return { kind: 'connecting', failures: 0 };
        case 'awaitingRetry':
          return { kind: 'connecting', failures: state.failures };
        case 'connecting':
        case 'connected':
          return state;
      }
      break;
    case 'greeted':
      return state.kind === 'connecting' ? { kind: 'connected', hello: event.hello } : state;
    case 'refused':
      return state.kind === 'connecting' || state.kind === 'connected'
        ? { kind: 'refused', error: event.error }
        : state;
    case 'lost': {
      if (state.kind !== 'connecting' && state.kind !== 'connected') return state;
      const failures = state.kind === 'connecting' ? state.failures + 1 : 1;
      return {
        kind: 'awaitingRetry',
        failures,
        delayMs: backoffMs(failures, event.random),
        reason: event.reason,
      };
    }
  }
  return state;
}

/** Codes after which trying again by itself can't help. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'unauthorized',
  'forbiddenOrigin',
  'protocolTooOld',
  'protocolTooNew',
]);

export function isFinal(error: WireError): boolean {
  return FINAL.has(error.code);
}
