/**
 * What can go wrong with a model request, and what is done about it: one row per class of failure.
 * Pure: no I/O, no clock.
 */
import OpenAI from 'openai';
import { CodexError, errorText, type ErrorCode, type ErrorParams } from '../../protocol/errors.ts';

export type FailureKind =
  | 'rateLimit'
  | 'serverError'
  | 'streamCut'
  | 'garbage'
  | 'timeout'
  | 'network'
  | 'quota'
  | 'unauthorized'
  | 'badRequest'
  | 'contextFull';

export interface RetryRule {
  /** Tries after the first one. */
  retries: number;
  /** Doubles with every try, up to `maxDelayMs`. */
  baseDelayMs: number;
  maxDelayMs: number;
  /** What the caller gets when the tries are used up. */
  code: ErrorCode;
}

const never = (code: ErrorCode): RetryRule => ({ retries: 0, baseDelayMs: 0, maxDelayMs: 0, code });

export const RETRIES: Readonly<Record<FailureKind, RetryRule>> = {
  // A limit per minute is over after a minute: 1 + 2 + 4 + … + 30 s outlasts it.
  rateLimit: { retries: 8, baseDelayMs: 1_000, maxDelayMs: 30_000, code: 'modelRateLimited' },
  serverError: { retries: 6, baseDelayMs: 500, maxDelayMs: 20_000, code: 'modelUnavailable' },
  streamCut: { retries: 5, baseDelayMs: 200, maxDelayMs: 10_000, code: 'modelUnavailable' },
  // A server that is not a Responses API stays one: three tries tell it from a broken proxy.
  garbage: { retries: 3, baseDelayMs: 500, maxDelayMs: 5_000, code: 'modelGarbage' },
  // Every try has cost the whole idle time already.
  timeout: { retries: 2, baseDelayMs: 500, maxDelayMs: 5_000, code: 'modelUnavailable' },
  // Waits in a loop of its own: `offlineDelay`.
  network: never('modelUnavailable'),
  quota: never('modelQuota'),
  unauthorized: never('modelUnauthorized'),
  badRequest: never('modelBadRequest'),
  contextFull: never('modelContextFull'),
};

/** A server that asks for more than this is not waited for: the person is told instead. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** Between two looks for a network that is away, doubling from the first to the last. */
export const OFFLINE_FIRST_MS = 5_000;
export const OFFLINE_LAST_MS = 60_000;
/** As long as a turn may ever take: the turn's own time ends the wait, or the person. */
export const MAX_OFFLINE_MS = 24 * 60 * 60_000;
/** An address that never answered is more likely wrong than away: its person is told soon. */
export const MAX_UNKNOWN_OFFLINE_MS = 60_000;
/** A connection that broke before an answer, once: mostly one that the server had closed meanwhile. */
export const RECONNECT_MS = 200;

/** How much of a server's own sentence is passed on. */
const MAX_MESSAGE_CHARS = 2_000;

export interface Failure {
  kind: FailureKind;
  params: ErrorParams;
  /** What the server asked for, in its headers. */
  retryAfterMs?: number;
  /** The parameter of the request that a 400 is about. */
  param?: string;
  /** The server's name for what is wrong, or the system's for why it can't be reached. */
  code?: string;
}

/** Thrown inside the client for what is no exception of the `openai` package. */
export class ModelFailure extends Error {
  readonly failure: Failure;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.failure = { kind, params: { message } };
  }
}

/** No connection, or one that broke before an answer. Its own words are kept out of what the package reads. */
export class Unreachable extends Error {
  readonly failure: Failure;

  constructor(cause: unknown) {
    super('The server can’t be reached.', { cause });
    const root = rootCause(cause);
    const code = root instanceof Error && 'code' in root ? root.code : undefined;
    this.failure = {
      kind: 'network',
      params: { message: messageOf(root) },
      ...(typeof code === 'string' ? { code } : {}),
    };
  }
}

const QUOTA_CODES = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'usage_limit_reached']);
const CONTEXT_CODES = new Set(['context_length_exceeded', 'string_above_max_length']);

/** By status and code only; never by the words of a message. */
export function classify(thrown: unknown, now: number): Failure {
  if (thrown instanceof ModelFailure || thrown instanceof Unreachable) return thrown.failure;
  if (thrown instanceof OpenAI.APIConnectionError && thrown.cause instanceof Unreachable) {
    return thrown.cause.failure;
  }
  if (thrown instanceof OpenAI.APIConnectionTimeoutError) return { kind: 'timeout', params: {} };
  if (thrown instanceof OpenAI.APIConnectionError) {
    return { kind: 'network', params: { message: messageOf(rootCause(thrown)) } };
  }
  if (thrown instanceof OpenAI.APIError) return classifyApiError(thrown as ApiError, now);
  if (thrown instanceof SyntaxError) return { kind: 'garbage', params: { message: messageOf(thrown) } };
  // What breaks while the body is read comes as a plain error of fetch.
  return { kind: 'streamCut', params: { message: messageOf(thrown) } };
}

type ApiError = Pick<InstanceType<typeof OpenAI.APIError>, 'code' | 'type' | 'param' | 'message'> & {
  status: unknown;
  headers: unknown;
};

function classifyApiError(error: ApiError, now: number): Failure {
  // Some servers put the status where the code belongs.
  const status = [error.status, error.code as unknown].find((value) => typeof value === 'number');
  const code = typeof error.code === 'string' ? error.code : null;
  const headers = error.headers instanceof Headers ? error.headers : undefined;
  const retryAfterMs = headers ? retryAfter(headers, now) : undefined;
  return {
    kind: kindOf(status, code, error.type),
    params: { message: error.message, ...(status === undefined ? {} : { status }) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(typeof error.param === 'string' ? { param: error.param } : {}),
    ...(code === null ? {} : { code }),
  };
}

/** Of an HTTP status, or of an error inside a stream, which has a code alone. */
export function kindOf(status: number | undefined, code: string | null, type?: string): FailureKind {
  if (code !== null && CONTEXT_CODES.has(code)) return 'contextFull';
  if ((code !== null && QUOTA_CODES.has(code)) || (type !== undefined && QUOTA_CODES.has(type)))
    return 'quota';
  if (status === undefined) {
    if (code === 'rate_limit_exceeded') return 'rateLimit';
    if (code?.startsWith('invalid_') || type === 'invalid_request_error') return 'badRequest';
    return 'serverError';
  }
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 429) return 'rateLimit';
  if (status === 408 || status === 409 || status >= 500) return 'serverError';
  if (status >= 400) return 'badRequest';
  return 'garbage';
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? NaN);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const value = headers.get('retry-after');
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  const wait = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(value) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/**
 * How long to wait before try number `tried` + 1 of this class, or null to give up.
 * `random` in [0, 1) spreads clients that failed together by ±10 %.
 */
export function retryDelay(failure: Failure, tried: number, random: number): number | null {
  const rule = RETRIES[failure.kind];
  if (tried >= rule.retries) return null;
  if (failure.retryAfterMs !== undefined) {
    return failure.retryAfterMs > MAX_RETRY_AFTER_MS ? null : failure.retryAfterMs;
  }
  return Math.round(Math.min(rule.baseDelayMs * 2 ** tried, rule.maxDelayMs) * (0.9 + random * 0.2));
}

/** The system says that there is no network at all: nothing is known against the address. */
const NO_NETWORK = new Set(['EAI_AGAIN', 'ENETUNREACH', 'ENETDOWN', 'EHOSTUNREACH']);
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

export interface OfflineSoFar {
  tries: number;
  waitedMs: number;
  /** Whether anything ever answered at this address. */
  known: boolean;
}

/**
 * How long to wait for a server that can't be reached, or null to give up. `told` says whether the wait
 * is worth a word.
 */
export function offlineDelay(
  failure: Failure,
  { tries, waitedMs, known }: OfflineSoFar,
): { delayMs: number; told: boolean } | null {
  if (tries === 0 && BROKEN.has(failure.code ?? '')) return { delayMs: RECONNECT_MS, told: false };
  const trusted = known || NO_NETWORK.has(failure.code ?? '');
  if (waitedMs >= (trusted ? MAX_OFFLINE_MS : MAX_UNKNOWN_OFFLINE_MS)) return null;
  return { delayMs: Math.min(OFFLINE_FIRST_MS * 2 ** tries, OFFLINE_LAST_MS), told: true };
}

/** The error that leaves the client. The key never does, whatever a server echoes. */
export function failureError(failure: Failure, apiKey: string): CodexError {
  const { code } = RETRIES[failure.kind];
  const params: ErrorParams = {};
  for (const [name, value] of Object.entries(failure.params)) {
    // What a server says about a wrong key quotes the key.
    if (name === 'message' && failure.kind === 'unauthorized') continue;
    params[name] = typeof value === 'string' ? withoutKey(value, apiKey).slice(0, MAX_MESSAGE_CHARS) : value;
  }
  if (failure.retryAfterMs !== undefined) params['retryAfterMs'] = failure.retryAfterMs;
  return new CodexError(code, params);
}

function withoutKey(text: string, apiKey: string): string {
  return apiKey.length > 0 ? text.replaceAll(apiKey, '…') : text;
}

function messageOf(error: unknown): string {
  return errorText(error);
}

function rootCause(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause !== undefined) at = at.cause;
  return at;
}
