import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import {
  classify,
  failureError,
  kindOf,
  MAX_OFFLINE_MS,
  MAX_RETRY_AFTER_MS,
  MAX_UNKNOWN_OFFLINE_MS,
  ModelFailure,
  offlineDelay,
  RECONNECT_MS,
  RETRIES,
  retryAfter,
  retryDelay,
  Unreachable,
} from '../../../server/model/retries.ts';

test('every status and code has its class', () => {
  assert.equal(kindOf(429, 'rate_limit_exceeded'), 'rateLimit');
  assert.equal(kindOf(429, 'insufficient_quota'), 'quota');
  assert.equal(kindOf(429, null, 'insufficient_quota'), 'quota');
  for (const status of [500, 502, 503, 529, 408]) assert.equal(kindOf(status, null), 'serverError');
  for (const status of [401, 403]) assert.equal(kindOf(status, null), 'unauthorized');
  for (const status of [400, 404, 422]) assert.equal(kindOf(status, null), 'badRequest');
  assert.equal(kindOf(400, 'context_length_exceeded'), 'contextFull');
  assert.equal(kindOf(undefined, 'context_length_exceeded'), 'contextFull');
  assert.equal(kindOf(undefined, 'rate_limit_exceeded'), 'rateLimit');
  assert.equal(kindOf(undefined, 'server_error'), 'serverError');
  assert.equal(kindOf(undefined, 'invalid_prompt'), 'badRequest');
});

test('what the package throws has its class', () => {
  const headers = new Headers({ 'retry-after': '3' });
  const limited = OpenAI.APIError.generate(429, { error: { message: 'slow' } }, undefined, headers);
  assert.deepEqual(classify(limited, 0), {
    kind: 'rateLimit',
    params: { message: '429 slow', status: 429 },
    retryAfterMs: 3_000,
  });
  assert.equal(classify(new OpenAI.APIConnectionTimeoutError(), 0).kind, 'timeout');
  assert.equal(classify(new OpenAI.APIConnectionError({ message: 'x' }), 0).kind, 'network');
  assert.equal(classify(new SyntaxError('json'), 0).kind, 'garbage');
  assert.equal(classify(new TypeError('terminated'), 0).kind, 'streamCut');
  assert.equal(classify(new ModelFailure('timeout', 'x'), 0).kind, 'timeout');
});

test('Retry-After is read in milliseconds, seconds and as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const read = (headers: Record<string, string>) => retryAfter(new Headers(headers), now);
  assert.equal(read({ 'retry-after-ms': '250', 'retry-after': '9' }), 250);
  assert.equal(read({ 'retry-after': '1.5' }), 1_500);
  assert.equal(read({ 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' }), 10_000);
  assert.equal(read({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }), 0);
  assert.equal(read({ 'retry-after': 'soon' }), undefined);
  assert.equal(read({}), undefined);
});

test('the wait doubles up to its cap and ends after the tries of its class', () => {
  const failure = { kind: 'serverError', params: {} } as const;
  const delays = Array.from({ length: 7 }, (_, tried) => retryDelay(failure, tried, 0.5));
  assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, null]);
  assert.equal(retryDelay({ kind: 'rateLimit', params: {} }, 7, 0.5), RETRIES.rateLimit.maxDelayMs);
  assert.equal(retryDelay(failure, 0, 0), 450);
});

test('what a retry cannot help is not retried', () => {
  for (const kind of ['quota', 'unauthorized', 'badRequest', 'contextFull'] as const) {
    assert.equal(retryDelay({ kind, params: {} }, 0, 0.5), null);
  }
});

test('a server may ask for a longer wait, within reason', () => {
  const asked = (retryAfterMs: number) => retryDelay({ kind: 'rateLimit', params: {}, retryAfterMs }, 0, 0.5);
  assert.equal(asked(60_000), 60_000);
  assert.equal(asked(MAX_RETRY_AFTER_MS + 1), null);
});

test('the error never holds the key, and a wrong key quotes nothing', () => {
  const told = failureError({ kind: 'badRequest', params: { message: 'key sk-1234 is odd' } }, 'sk-1234');
  assert.equal(told.wire.params['message'], 'key … is odd');
  const wrong = failureError(
    { kind: 'unauthorized', params: { message: 'sk-12**34', status: 401 } },
    'sk-1234',
  );
  assert.deepEqual(wrong.wire.params, { status: 401 });
});

test('a server that puts its status where the code belongs is understood', () => {
  const told = new OpenAI.APIError(undefined, { message: 'x', code: 503 }, undefined, undefined);
  assert.equal(classify(told, 0).kind, 'serverError');
});

test('what can’t be reached says why, by the system’s own code, however the package wraps it', () => {
  const cause = Object.assign(new Error('connect ETIMEDOUT 10.0.0.1:443'), { code: 'ETIMEDOUT' });
  const wrapped = new OpenAI.APIConnectionError({
    cause: new Unreachable(new TypeError('fetch failed', { cause })),
  });
  assert.deepEqual(classify(wrapped, 0), {
    kind: 'network',
    params: { message: 'connect ETIMEDOUT 10.0.0.1:443' },
    code: 'ETIMEDOUT',
  });
});

test('the wait for a network doubles up to a minute and ends late at a known address, soon at another', () => {
  const failure = (code: string) => ({ kind: 'network' as const, params: {}, code });
  const at = (tries: number, waitedMs: number, known: boolean, code = 'ENOTFOUND') =>
    offlineDelay(failure(code), { tries, waitedMs, known })?.delayMs ?? null;
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((tries) => at(tries, 0, true)),
    [5_000, 10_000, 20_000, 40_000, 60_000, 60_000],
  );
  assert.equal(at(9, MAX_UNKNOWN_OFFLINE_MS, false), null);
  assert.equal(at(9, MAX_UNKNOWN_OFFLINE_MS, true), 60_000);
  assert.equal(at(9, MAX_OFFLINE_MS, true), null);
  // No network at all says nothing against the address.
  assert.equal(at(9, MAX_UNKNOWN_OFFLINE_MS, false, 'EAI_AGAIN'), 60_000);
});

test('a connection that broke before an answer is opened anew at once, one time', () => {
  const broken = { kind: 'network' as const, params: {}, code: 'ECONNRESET' };
  const soFar = { waitedMs: 0, known: true };
  assert.deepEqual(offlineDelay(broken, { ...soFar, tries: 0 }), { delayMs: RECONNECT_MS, told: false });
  assert.equal(offlineDelay(broken, { ...soFar, tries: 1 })?.told, true);
});
