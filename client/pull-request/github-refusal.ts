/** What GitHub's refusals mean for a person's own session, by status and headers as the backend has it. Pure. */
import { z } from 'zod';
import { CodexError, type ErrorParams } from '../../protocol/errors.ts';
import { FORGE_REASON_CHARS } from '../../protocol/limits.ts';
import type { AtForge } from './forge-address.ts';

export interface Refused {
  status: number;
  headers: Headers;
  /** Of the body, where that is JSON. */
  said: unknown;
}

export function refusal({ host, repo }: AtForge, { status, headers, said }: Refused): CodexError {
  const { reason, isSecondary, isHeadUnknown } = spoken(said);
  const refused = () =>
    new CodexError('forgeRefused', {
      ...{ host, reason: reason || `HTTP ${status}` },
      ...(isHeadUnknown ? { why: 'headUnknown' } : {}),
    });
  if (status === 401) return new CodexError('forgeUnauthorized', { host });
  if (status === 403 || status === 429) {
    const waitMs = waitOf(headers);
    if (waitMs !== null || status === 429 || isSecondary) {
      const params: ErrorParams = waitMs === null ? { host } : { host, waitMs };
      return new CodexError('forgeRateLimited', params);
    }
    // Nobody may write there.
    if (/\barchived\b/i.test(reason)) return refused();
    const lacks = headers.get('x-github-sso')?.startsWith('required')
      ? { why: 'singleSignOn' }
      : { need: 'pull_requests: write' };
    return new CodexError('forgeForbidden', { host, repo, ...lacks });
  }
  if (status === 404 || status === 410 || (status >= 300 && status < 400))
    return new CodexError('forgeRepoUnknown', { host, repo });
  if (status >= 500) return new CodexError('forgeUnavailable', { host, reason: `HTTP ${status}` });
  return refused();
}

/** Null when no header tells. */
function waitOf(headers: Headers): number | null {
  const after = headers.get('retry-after');
  if (after !== null && /^\d{1,6}$/.test(after)) return Number(after) * 1_000;
  const reset = headers.get('x-ratelimit-reset');
  if (headers.get('x-ratelimit-remaining') !== '0') return null;
  if (reset === null || !/^\d{1,12}$/.test(reset)) return UNTOLD_WAIT_MS;
  // By the forge's own clock, where it tells it.
  const theirs = Date.parse(headers.get('date') ?? '');
  return Math.max(0, Number(reset) * 1_000 - (Number.isNaN(theirs) ? Date.now() : theirs));
}

/** https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: at least one minute. */
const UNTOLD_WAIT_MS = 60_000;

const Problem = z.object({
  message: z.string().optional(),
  resource: z.string().optional(),
  field: z.string().optional(),
  code: z.string().optional(),
});
const Body = z.object({
  message: z.string().optional(),
  documentation_url: z.string().optional(),
  errors: z.array(Problem.or(z.string())).optional(),
});

interface Spoken {
  /** One line. */
  reason: string;
  /** A limit that no header tells; its page says which one it is. */
  isSecondary: boolean;
  /** GitHub takes a moment to know a branch that was pushed. */
  isHeadUnknown: boolean;
}

function spoken(said: unknown): Spoken {
  const { message = '', documentation_url: page = '', errors = [] } = Body.safeParse(said).data ?? {};
  const parts = [message, ...errors.slice(0, 5).map(problemLine)].filter((part) => part !== '');
  return {
    reason: parts.join(': ').slice(0, FORGE_REASON_CHARS),
    isSecondary: /secondary-rate-limits?\b/.test(page) || /secondary rate limit/i.test(message),
    isHeadUnknown: errors.some(
      (problem) => typeof problem !== 'string' && problem.field === 'head' && problem.code === 'invalid',
    ),
  };
}

/** Without a message it is named by what it is about: `PullRequest base invalid`. */
function problemLine(problem: string | z.infer<typeof Problem>): string {
  if (typeof problem === 'string') return problem;
  const { message, resource, field, code } = problem;
  return message || [resource, field, code].filter(Boolean).join(' ');
}
