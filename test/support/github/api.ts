/** The REST API: a request that was understood, held to the description, answered, and the answer held to it. */
import { createHash, randomUUID } from 'node:crypto';
import { callerOf, type Caller } from './access.ts';
import { Refusal, type Answer } from './answer.ts';
import { words, type Description, type Operation } from './openapi.ts';
import { APP_ROUTES } from './routes/apps.ts';
import { type Call, type Route } from './routes/call.ts';
import { ISSUE_ROUTES } from './routes/issues.ts';
import { PULL_ROUTES } from './routes/pulls.ts';
import { REPO_ROUTES } from './routes/repos.ts';
import type { Asked } from './server.ts';
import type { World } from './state.ts';

const ROUTES: Readonly<Record<string, Route>> = {
  ...APP_ROUTES,
  ...REPO_ROUTES,
  ...PULL_ROUTES,
  ...ISSUE_ROUTES,
};
const ENTERPRISE_VERSION = '3.17.0';

export interface ApiRequest extends Asked {
  found: { operation: Operation; path: Record<string, string> };
}

export interface ApiAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export async function answerApi(
  world: World,
  description: Description,
  request: ApiRequest,
  problem: (text: string) => void,
): Promise<ApiAnswer> {
  const { operation } = request.found;
  let caller: Caller = { kind: 'nobody' };
  let answer: Answer;
  try {
    caller = callerOf(world, request.headers.authorization);
    const call = understood(world, caller, request, problem);
    countRequest(world, caller);
    const route = ROUTES[operation.name];
    if (!route) throw new Error('no route serves it');
    answer = await route(call);
  } catch (thrown) {
    if (thrown instanceof Refusal) answer = thrown.answer;
    else {
      problem(`${operation.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      answer = { status: 500, body: { message: 'Server Error' } };
    }
  }
  if (!Buffer.isBuffer(answer.body)) {
    const wrong = description.answerProblem(operation, answer.status, answer.body);
    if (wrong !== null) problem(`${operation.name} was answered wrongly, ${wrong}`);
  }
  return finish(world, caller, request, answer);
}

/** Throws what GitHub answers to a request that its description does not have. */
function understood(
  world: World,
  caller: Caller,
  request: ApiRequest,
  problem: (text: string) => void,
): Call {
  const { method, url, headers, found } = request;
  const { operation } = found;
  const wrong = (status: number, text: string): Refusal => {
    problem(`${operation.name}: ${text}`);
    return new Refusal(status, status === 400 ? 'Problems parsing JSON' : `Invalid request.\n\n${text}`);
  };
  if (headers['x-github-api-version'] === undefined) problem(`${operation.name}: no X-GitHub-Api-Version`);
  const accept = headers.accept ?? '';
  if (!/\bapplication\/vnd\.github\b/.test(accept))
    problem(`${operation.name}: accepts ${accept || 'nothing'}`);

  const params: Record<string, unknown> = { ...Object.fromEntries(url.searchParams), ...found.path };
  if (!operation.checkParameters(params)) throw wrong(422, words(operation.checkParameters, 'parameters'));
  const { checkBody, bodyRequired } = operation;
  if (request.body.length === 0) {
    if (bodyRequired) throw wrong(422, 'no body');
    return { world, caller, method, url, params, body: {}, accept };
  }
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) {
    problem(`${operation.name}: its body is ${headers['content-type'] ?? 'of no type'}`);
  }
  let body: unknown;
  try {
    body = JSON.parse(request.body.toString('utf8'));
  } catch {
    throw wrong(400, 'its body is no JSON');
  }
  if (!checkBody) throw wrong(422, 'it takes no body');
  if (!checkBody(body)) throw wrong(422, words(checkBody, 'body'));
  return { world, caller, method, url, params, body: body as Record<string, unknown>, accept };
}

function countRequest(world: World, caller: Caller): void {
  if (caller.kind !== 'token') return;
  caller.token.used += 1;
  if (caller.token.used <= world.limits.requestsPerHour) return;
  throw new Refusal(403, `API rate limit exceeded for user ID ${caller.token.account.id}.`);
}

function finish(world: World, caller: Caller, request: ApiRequest, answer: Answer): ApiAnswer {
  const isBytes = Buffer.isBuffer(answer.body);
  const body = isBytes
    ? (answer.body as Buffer)
    : Buffer.from(answer.body === undefined ? '' : JSON.stringify(answer.body));
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'x-github-media-type': isBytes ? 'github.v3; param=diff' : 'github.v3; format=json',
    'x-github-request-id': randomUUID(),
    'x-github-enterprise-version': ENTERPRISE_VERSION,
    ...rateHeaders(world, caller),
    ...answer.headers,
  };
  const version = request.headers['x-github-api-version'];
  if (typeof version === 'string') headers['x-github-api-version-selected'] = version;
  if (request.method !== 'GET' || answer.status !== 200) return { status: answer.status, headers, body };

  headers['cache-control'] = 'private, max-age=60, s-maxage=60';
  headers['etag'] = `W/"${createHash('sha256').update(body).digest('hex')}"`;
  if (request.headers['if-none-match'] !== headers['etag']) return { status: 200, headers, body };
  // An answer that did not change costs nothing.
  if (caller.kind === 'token') caller.token.used -= 1;
  return { status: 304, headers: { ...headers, ...rateHeaders(world, caller) }, body: Buffer.alloc(0) };
}

function rateHeaders(world: World, caller: Caller): Record<string, string> {
  const limit = world.limits.requestsPerHour;
  const used = caller.kind === 'token' ? caller.token.used : 0;
  const headers: Record<string, string> = {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(Math.max(limit - used, 0)),
    'x-ratelimit-used': String(used),
    'x-ratelimit-reset': String(Math.ceil(world.now() / 1000) + 3600),
    'x-ratelimit-resource': 'core',
  };
  if (caller.kind !== 'token') return headers;
  const { token } = caller;
  if (token.kind === 'classic') headers['x-oauth-scopes'] = token.scopes.join(', ');
  if (token.kind === 'fineGrained' && token.expiresAt !== null) {
    const at = new Date(token.expiresAt).toISOString();
    headers['github-authentication-token-expiration'] = `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
  }
  return headers;
}
