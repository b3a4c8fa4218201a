/**
 * What an answer of a forge means, to the backend and to a person's own session: one table from statuses and headers
 * to our errors. Pure.
 */
import { CodexError } from './errors.ts';
import { FORGE_REASON_CHARS } from './limits.ts';

export interface Asked {
  host: string;
  /** For the sentence: `owner/name`, `owner/name#12`. */
  about?: string;
  /** What the credential must be allowed, when the answer does not say: `contents: write`. */
  need?: string;
  /** What else it lacks then. */
  why?: 'installation' | 'personToken' | 'scopeOrRole';
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
}

export type Meaning =
  | { kind: 'good' }
  /** What is known by its ETag still holds. */
  | { kind: 'unchanged' }
  | { kind: 'moved'; to: string }
  /** Nothing was done: the same again after this time. */
  | { kind: 'limited'; waitMs: number; error: CodexError }
  | { kind: 'unauthorized'; error: CodexError }
  /** Nobody knows whether it was done. */
  | { kind: 'down'; error: CodexError }
  | { kind: 'refused'; error: CodexError };

export interface MeaningOptions {
  now: number;
  /** Takes out what must not be repeated. */
  hide: (text: string) => string;
}

export function meaningOf(reply: Reply, asked: Asked, options: MeaningOptions): Meaning {
  const { status, headers } = reply;
  const { host, about } = asked;
  const said = spoken(reply.text, options.hide);
  const reason = said.reason || `HTTP ${status}`;
  const detail = { detail: `${host}: HTTP ${status}` };
  const refused = (error: CodexError): Meaning => ({ kind: 'refused', error });
  if (status >= 200 && status < 300) return { kind: 'good' };
  switch (status) {
    case 304:
      return { kind: 'unchanged' };
    case 301:
    case 302:
    case 307:
    case 308:
      return { kind: 'moved', to: headers.get('location') ?? '' };
    case 401:
      return { kind: 'unauthorized', error: new CodexError('forgeUnauthorized', { host }, detail) };
    case 403:
    case 429: {
      const waitMs = waitOf(reply, said, options.now);
      if (waitMs !== null)
        return {
          kind: 'limited',
          waitMs,
          error: new CodexError('forgeRateLimited', { host, waitMs }, detail),
        };
      // No token may write there.
      if (/\barchived\b/i.test(said.reason))
        return refused(new CodexError('forgeRefused', { host, reason }, detail));
      const lacks = lackOf(headers, asked);
      return refused(new CodexError('forgeForbidden', defined({ host, repo: about, ...lacks }), detail));
    }
    case 404:
    case 410:
      return refused(new CodexError('forgeRepoUnknown', defined({ host, repo: about }), detail));
    default:
      return status >= 500
        ? {
            kind: 'down',
            error: new CodexError('forgeUnavailable', { host, reason: `HTTP ${status}` }, detail),
          }
        : refused(new CodexError('forgeRefused', { host, reason, ...whyOf(said) }, detail));
  }
}

const whyOf = ({ isHeadUnknown }: Spoken): { why?: string } => (isHeadUnknown ? { why: 'headUnknown' } : {});

const defined = (params: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).flatMap(([key, value]) => (value ? [[key, value]] : [])));

/** https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: at least one minute. */
const UNTOLD_WAIT_MS = 60_000;

/** Null when it is no limit of rate. */
function waitOf({ status, headers }: Reply, { isSecondary }: Spoken, now: number): number | null {
  const after = headers.get('retry-after');
  if (after !== null && /^\d{1,6}$/.test(after)) return Number(after) * 1_000;
  const reset = headers.get('x-ratelimit-reset');
  const isUsedUp = headers.get('x-ratelimit-remaining') === '0';
  if (isUsedUp && reset !== null && /^\d{1,12}$/.test(reset)) {
    // By the forge's own clock, where it tells it.
    const theirs = Date.parse(headers.get('date') ?? '');
    return Math.max(0, Number(reset) * 1_000 - (Number.isNaN(theirs) ? now : theirs));
  }
  return isUsedUp || status === 429 || isSecondary ? UNTOLD_WAIT_MS : null;
}

function lackOf(headers: Headers, { need, why }: Asked): { need?: string; why?: string } {
  if (headers.get('x-github-sso')?.startsWith('required')) return { why: 'singleSignOn' };
  const accepted = acceptedOf(headers);
  if (accepted !== undefined) return { need: accepted };
  return { ...(need === undefined ? {} : { need }), ...(why === undefined ? {} : { why }) };
}

/** `x-accepted-github-permissions: contents=write,pull_requests=write; …` */
function acceptedOf(headers: Headers): string | undefined {
  const accepted = headers.get('x-accepted-github-permissions')?.split(';')[0] ?? '';
  if (!/^[a-z_]{1,50}=[a-z]{1,20}(?:, ?[a-z_]{1,50}=[a-z]{1,20}){0,10}$/.test(accepted.trim()))
    return undefined;
  return accepted
    .trim()
    .split(/, ?/)
    .map((one) => one.replace('=', ': ').replaceAll('_', ' '))
    .join(', ');
}

interface Spoken {
  /** One line. */
  reason: string;
  isSecondary: boolean;
  /** GitHub takes a moment to know a branch that was pushed. */
  isHeadUnknown: boolean;
}

/**
 * GitHub: `{message, documentation_url, errors: [{message}]}`. GitLab: `{message}` that is a text, a list, or lists
 * by field; `{error, error_description}`. Or something else.
 */
function spoken(text: string, hide: (text: string) => string): Spoken {
  const lineOf = (value: unknown) => line(value, hide);
  const body = fieldsOf(jsonOf(text));
  const message = messageLine(body['message'], lineOf) || lineOf(body['error_description'] ?? body['error']);
  const problems: unknown[] = Array.isArray(body['errors']) ? body['errors'].slice(0, 5) : [];
  const errors = problems.map((error) => errorLine(error, lineOf));
  const reason = [message, ...errors.filter((one) => one !== '')].join(': ');
  return {
    reason: reason.length > FORGE_REASON_CHARS ? `${reason.slice(0, FORGE_REASON_CHARS - 1)}…` : reason,
    // Its page says which limit it is; Enterprise Servers of some age name no page.
    isSecondary:
      /secondary-rate-limits?\b/.test(lineOf(body['documentation_url'])) ||
      /secondary rate limit/i.test(message),
    isHeadUnknown: problems.map(fieldsOf).some(({ field, code }) => field === 'head' && code === 'invalid'),
  };
}

function messageLine(message: unknown, lineOf: (value: unknown) => string): string {
  const listed = (what: unknown) => [what].flat().slice(0, 5).map(lineOf).filter(Boolean).join(', ');
  if (Array.isArray(message)) return listed(message);
  const fields = Object.entries(fieldsOf(message)).slice(0, 5);
  const said = fields.map(([field, what]) => [lineOf(field), listed(what)]).filter(([, what]) => what !== '');
  return said.length === 0 ? lineOf(message) : said.map((one) => one.join(': ')).join(', ');
}

function errorLine(error: unknown, lineOf: (value: unknown) => string): string {
  if (typeof error === 'string') return lineOf(error);
  const { message, resource, field, code } = fieldsOf(error);
  return lineOf(message) || [resource, field, code].map(lineOf).filter(Boolean).join(' ');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu;
/** Hidden before it is cut: half a token is still too much of it. */
const line = (value: unknown, hide: (text: string) => string): string =>
  typeof value === 'string' ? hide(value).slice(0, 2_000).replace(UNPRINTABLE, ' ').trim() : '';
