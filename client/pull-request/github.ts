/**
 * The two requests that a client makes of GitHub's REST API with the person's own session: is there such a pull
 * request, and make one. What comes back is capped and checked; the token goes to this one address only.
 */
import { z } from 'zod';
import { CodexError, type ErrorParams } from '../../protocol/errors.ts';
import { isPageOf } from '../../protocol/forge-address.ts';
import type { AtForge } from './forge-address.ts';

/** A pull request with everything in it has some 30 KiB. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
/** A forge that takes longer is not there. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface GitHubSession extends AtForge {
  apiUrl: string;
  token: string;
  fetch?: typeof fetch;
  signal?: AbortSignal;
}

export interface NewPullRequest {
  title: string;
  body: string;
  head: string;
  base: string;
  draft: boolean;
}

const Made = z.object({
  number: z.number().int().positive(),
  html_url: z.string().max(2_000),
  draft: z.boolean().optional(),
  title: z.string(),
  base: z.object({ ref: z.string() }),
});

export interface MadePullRequest {
  number: number;
  url: string;
  title: string;
  draft: boolean;
  base: string;
}

/** The open one of this branch where there is one: asked twice, none is made twice. */
export async function createPullRequest(
  session: GitHubSession,
  wanted: NewPullRequest,
): Promise<MadePullRequest> {
  const path = `/repos/${session.repo}/pulls`;
  const head = `${session.repo.split('/')[0] ?? ''}:${wanted.head}`;
  const known = await call(
    session,
    'GET',
    `${path}?${new URLSearchParams({ head, state: 'open' }).toString()}`,
  );
  const [first] = checked(session, z.array(Made), known);
  return made(session, first ?? checked(session, Made, await call(session, 'POST', path, wanted)));
}

function made(session: GitHubSession, answer: z.infer<typeof Made>): MadePullRequest {
  const { number, html_url: url, title, draft = false, base } = answer;
  if (!isPageOf(session.host, url)) throw new CodexError('forgeGarbage', { host: session.host });
  return { number, url, title, draft, base: base.ref };
}

function checked<T>({ host }: GitHubSession, schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) throw new CodexError('forgeGarbage', { host });
  return parsed.data;
}

async function call(
  session: GitHubSession,
  method: 'GET' | 'POST',
  path: string,
  body?: NewPullRequest,
): Promise<unknown> {
  const { host, apiUrl, token, signal } = session;
  const late = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  try {
    const response = await (session.fetch ?? fetch)(`${apiUrl}${path}`, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'user-agent': 'codex-tasks',
        'x-github-api-version': '2022-11-28',
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      // The token would go along to wherever it leads.
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    const text = await capped(response, host);
    if (!response.ok) throw refusal(session, response, text);
    return json(text) ?? null;
  } catch (thrown) {
    if (thrown instanceof CodexError) throw thrown;
    if (signal?.aborted) throw new CodexError('cancelled');
    const reason = late.aborted ? 'no answer' : reasonOf(thrown);
    throw new CodexError('forgeUnavailable', { host, reason }, { cause: thrown });
  }
}

async function capped(response: Response, host: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > ANSWER_MAX_BYTES) throw new CodexError('forgeGarbage', { host });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Decided by status and headers; what GitHub says is only told. */
function refusal({ host, repo }: GitHubSession, response: Response, text: string): CodexError {
  const { status, headers } = response;
  const reason = sayingOf(json(text));
  const wait = Number(headers.get('retry-after') ?? Number.NaN);
  const limited = headers.get('x-ratelimit-remaining') === '0' || Number.isFinite(wait);
  if (status === 401) return new CodexError('forgeUnauthorized', { host });
  if (status === 429 || (status === 403 && limited)) {
    const params: ErrorParams = Number.isFinite(wait) ? { host, waitMs: wait * 1000 } : { host };
    return new CodexError('forgeRateLimited', params);
  }
  if (status === 403) return new CodexError('forgeForbidden', { host, repo, need: 'pull_requests: write' });
  if (status === 404 || (status >= 300 && status < 400))
    return new CodexError('forgeRepoUnknown', { host, repo });
  if (status >= 500) return new CodexError('forgeUnavailable', { host, reason: String(status) });
  return new CodexError('forgeRefused', { host, reason: reason || String(status) });
}

const Refusal = z.object({
  message: z.string().optional(),
  errors: z.array(z.object({ message: z.string().optional() }).or(z.string())).optional(),
});

function sayingOf(answer: unknown): string {
  const { data } = Refusal.safeParse(answer);
  const details = (data?.errors ?? []).flatMap((one) =>
    typeof one === 'string' ? [one] : one.message === undefined ? [] : [one.message],
  );
  return [data?.message, ...details].filter(Boolean).join(': ');
}

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'network';
}
