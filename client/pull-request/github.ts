/**
 * The requests that a client makes of GitHub's REST API with the person's own session: is there such a pull request,
 * make one, how does it stand. What comes back is capped and checked; the token goes to this one server only.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';
import { isPageOf } from '../../protocol/forge-address.ts';
import { meaningOf, type Reply } from '../../protocol/forge-meaning.ts';
import { ForgeRepoName } from '../../protocol/forge.ts';
import { HEAD_UNKNOWN_PAUSES_MS } from '../../protocol/limits.ts';
import type { AtForge } from './forge-address.ts';

/** A pull request with everything in it has some 30 KiB. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;
/** A forge that takes longer is not there. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A repository that was renamed, and then again. */
const MOVES_FOLLOWED = 3;

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
  /** `owner/name`, where the branch is in another repository: a fork. */
  from?: string;
  base: string;
  draft: boolean;
}

const Made = z.object({
  number: z.number().int().positive(),
  html_url: z.string().max(2_000),
  draft: z.boolean().optional(),
  title: z.string(),
  base: z.object({ ref: z.string(), repo: z.object({ full_name: ForgeRepoName }).optional() }),
});
const Standing = Made.extend({
  state: z.enum(['open', 'closed']),
  merged: z.boolean().optional(),
  /** Null: its repository was deleted. */
  head: z.object({ repo: z.object({ full_name: ForgeRepoName }).nullable() }),
});

export interface MadePullRequest {
  /** Its repository as it is called now. */
  repo: string;
  number: number;
  url: string;
  title: string;
  draft: boolean;
  base: string;
}

/** The open one of this branch where there is one: asked twice, none is made twice. */
export async function createPullRequest(
  session: GitHubSession,
  { from, ...wanted }: NewPullRequest,
): Promise<MadePullRequest> {
  const path = `/repos/${session.repo}/pulls`;
  const [toOwner = ''] = session.repo.split('/');
  const [owner = '', name = ''] = (from ?? session.repo).split('/');
  const head = `${owner}:${wanted.head}`;
  const isFork = from !== undefined && from.toLowerCase() !== session.repo.toLowerCase();
  const asked = {
    ...wanted,
    ...(isFork ? { head } : {}),
    // Two of one owner's are told apart by name alone.
    ...(isFork && owner.toLowerCase() === toOwner.toLowerCase() ? { head_repo: name } : {}),
  };
  const known = await call(
    session,
    'GET',
    `${path}?${new URLSearchParams({ head, state: 'open' }).toString()}`,
  );
  const [first] = checked(session, z.array(Made), known);
  return made(session, first ?? checked(session, Made, await post(session, path, asked)));
}

/** A server that does not know yet what was pushed a moment ago is asked again. */
async function post(session: GitHubSession, path: string, asked: object): Promise<unknown> {
  for (let tries = 0; ; tries++) {
    try {
      return await call(session, 'POST', path, asked);
    } catch (thrown) {
      const isUnknown = thrown instanceof CodexError && thrown.wire.params['why'] === 'headUnknown';
      const pause = isUnknown ? HEAD_UNKNOWN_PAUSES_MS[tries] : undefined;
      if (pause === undefined) throw thrown;
      const { signal } = session;
      await wait(pause, undefined, signal ? { signal } : {}).catch(() => {
        throw new CodexError('cancelled');
      });
    }
  }
}

export interface PullRequestNow extends MadePullRequest {
  state: 'open' | 'merged' | 'closed';
  /** `owner/name` of where its branch is; null: that is gone. */
  from: string | null;
}

export async function pullRequestNow(session: GitHubSession, number: number): Promise<PullRequestNow> {
  const answer = checked(
    session,
    Standing,
    await call(session, 'GET', `/repos/${session.repo}/pulls/${number}`),
  );
  const state = answer.merged ? 'merged' : answer.state;
  return { ...made(session, answer), state, from: answer.head.repo?.full_name ?? null };
}

function made(session: GitHubSession, answer: z.infer<typeof Made>): MadePullRequest {
  const { number, html_url: url, title, draft = false, base } = answer;
  if (!isPageOf(session.host, url)) throw new CodexError('forgeGarbage', { host: session.host });
  return { repo: base.repo?.full_name ?? session.repo, number, url, title, draft, base: base.ref };
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
  body?: object,
): Promise<unknown> {
  const { host, apiUrl, signal } = session;
  const late = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const until = signal ? AbortSignal.any([signal, late]) : late;
  try {
    let url = `${apiUrl}${path}`;
    for (let moves = 0; ; moves++) {
      const response = await send(session, { method, url, body, until });
      const text = await capped(response, host);
      if (response.ok) return json(text) ?? null;
      const next = movedTo(response, method, url);
      if (next === null || moves === MOVES_FOLLOWED)
        throw refusal(session, { status: response.status, headers: response.headers, text });
      url = next;
    }
  } catch (thrown) {
    if (thrown instanceof CodexError) throw thrown;
    if (signal?.aborted) throw new CodexError('cancelled');
    const reason = late.aborted ? 'no answer' : reasonOf(thrown);
    throw new CodexError('forgeUnavailable', { host, reason }, { cause: thrown });
  }
}

function refusal({ host, repo, token }: GitHubSession, reply: Reply): CodexError {
  const asked = { host, about: repo, need: 'pull requests: write' };
  const hide = (said: string) => said.replaceAll(token, '…');
  const meaning = meaningOf(reply, asked, { now: Date.now(), hide });
  // It leads elsewhere, and was followed as far as it may be.
  return 'error' in meaning ? meaning.error : new CodexError('forgeRepoUnknown', { host, repo });
}

interface Sent {
  method: 'GET' | 'POST';
  url: string;
  body: object | undefined;
  until: AbortSignal;
}

function send({ token, ...session }: GitHubSession, { method, url, body, until }: Sent): Promise<Response> {
  return (session.fetch ?? fetch)(url, {
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
    signal: until,
  });
}

/** A renamed repository answers so. Only within the same server, and only where the same is asked again there. */
function movedTo({ status, headers }: Response, method: 'GET' | 'POST', url: string): string | null {
  const isSame = status === 307 || status === 308;
  const location = headers.get('location');
  if (!(isSame || (method === 'GET' && (status === 301 || status === 302))) || location === null) return null;
  if (!URL.canParse(location, url)) return null;
  const next = new URL(location, url);
  return next.origin === new URL(url).origin ? next.href : null;
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

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'network';
}
