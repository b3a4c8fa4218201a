/**
 * Who asks, and what they may: tokens of people and of apps, and what an app signs itself.
 *
 * As GitHub has it: what one may not see is not there (404), what one may see and not do is forbidden (403), and
 * a credential that is none is refused even where nobody would have needed one (401).
 */
import { createVerify, timingSafeEqual } from 'node:crypto';
import { Refusal, badCredentials, notFound, requiresAuthentication } from './answer.ts';
import { atLeast, roleOf, type App, type Level, type Repo, type Token, type World } from './state.ts';

export type Caller =
  | { kind: 'nobody' }
  | { kind: 'token'; token: Token }
  /** An app by its own signature: may ask for itself and its installations only. */
  | { kind: 'app'; app: App };

/** An app's assertion is good for ten minutes at most; clocks may differ by one. */
const MAX_ASSERTION_S = 600;
const CLOCK_SKEW_S = 60;

/** For the API: `Bearer <token>`, `token <token>`, or an app's JSON web token. */
export function callerOf(world: World, authorization: string | undefined): Caller {
  if (authorization === undefined) return { kind: 'nobody' };
  const match = /^(?:bearer|token) +(\S+)$/i.exec(authorization);
  const value = match?.[1];
  if (value === undefined) throw badCredentials();
  if (value.split('.').length === 3 && !world.tokens.has(value)) {
    return { kind: 'app', app: verifyAssertion(world, value) };
  }
  return { kind: 'token', token: goodToken(world, value) };
}

/** For git: the token is the password, whatever the name; or the name with no password. */
export function gitCallerOf(world: World, authorization: string | undefined): Caller {
  if (authorization === undefined) return { kind: 'nobody' };
  const encoded = /^basic +(\S+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) throw badCredentials();
  const [name = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  const password = rest.join(':');
  const value = password === '' || password === 'x-oauth-basic' ? name : password;
  return { kind: 'token', token: goodToken(world, value) };
}

function goodToken(world: World, value: string): Token {
  const token = world.tokens.get(value);
  if (!token || (token.expiresAt !== null && token.expiresAt <= world.now())) throw badCredentials();
  if (token.installation?.installation.suspended) {
    throw new Refusal(403, 'This installation has been suspended');
  }
  return token;
}

function verifyAssertion(world: World, value: string): App {
  const undecodable = () => new Refusal(401, 'A JSON web token could not be decoded');
  const [head = '', body = '', signature = ''] = value.split('.');
  let header: { alg?: unknown };
  let claims: { iss?: unknown; iat?: unknown; exp?: unknown };
  try {
    header = JSON.parse(Buffer.from(head, 'base64url').toString('utf8')) as typeof header;
    claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as typeof claims;
  } catch {
    throw undecodable();
  }
  if (header.alg !== 'RS256') throw undecodable();
  const issuer = String(claims.iss);
  const app = world.apps.find((one) => String(one.id) === issuer || one.clientId === issuer);
  if (!app) throw new Refusal(404, 'Integration not found');
  const verified = createVerify('RSA-SHA256')
    .update(`${head}.${body}`)
    .verify(app.publicKey, Buffer.from(signature, 'base64url'));
  if (!verified) throw undecodable();

  const now = world.now() / 1000;
  const { iat, exp } = claims;
  if (typeof iat !== 'number' || !Number.isInteger(iat) || iat > now + CLOCK_SKEW_S) {
    throw new Refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  if (typeof exp !== 'number' || !Number.isInteger(exp) || exp <= now) {
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + MAX_ASSERTION_S + CLOCK_SKEW_S || exp - iat > MAX_ASSERTION_S + CLOCK_SKEW_S) {
    throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  return app;
}

/** What an operation wants; of several, one is enough. */
export type Needs = readonly { permission: string; level: Level }[];

export function maySee(caller: Caller, repo: Repo): boolean {
  if (!repo.private) return true;
  if (caller.kind !== 'token') return false;
  const { token } = caller;
  if (token.kind === 'installation') return installedOn(token, repo);
  if (!atLeast(roleOf(repo, token.account), 'read')) return false;
  if (token.kind === 'classic') return token.scopes.includes('repo');
  return token.repos === null || token.repos.has(repo);
}

/** Throws what GitHub answers when the caller may not do this here. */
export function authorize(caller: Caller, repo: Repo, needs: Needs): void {
  if (!maySee(caller, repo)) throw notFound();
  const writes = needs.some(({ level }) => level !== 'read');
  if (writes && caller.kind === 'nobody') throw requiresAuthentication();
  if (caller.kind === 'app') {
    throw new Refusal(
      403,
      'Resource not accessible by integration',
      {},
      { 'x-accepted-github-permissions': accepted(needs) },
    );
  }
  if (caller.kind === 'token' && !needs.some((need) => grants(caller.token, repo, need))) {
    const by = caller.token.kind === 'installation' ? 'integration' : 'personal access token';
    const headers = { 'x-accepted-github-permissions': accepted(needs) };
    throw new Refusal(403, `Resource not accessible by ${by}`, {}, headers);
  }
  if (writes && repo.archived) {
    throw new Refusal(403, 'Repository was archived so is read-only.');
  }
}

function accepted(needs: Needs): string {
  return needs.map(({ permission, level }) => `${permission}=${level}`).join('; ');
}

const LEVELS: readonly Level[] = ['read', 'write', 'admin'];
/** What anyone who may read a repository may write there: pull requests (of a fork) and comments. */
const READERS_WRITE = new Set(['pull_requests', 'issues']);

export function grants(token: Token, repo: Repo, need: { permission: string; level: Level }): boolean {
  const granted = token.permissions[need.permission];
  const byPermission = granted !== undefined && LEVELS.indexOf(granted) >= LEVELS.indexOf(need.level);
  if (token.kind === 'installation') {
    if (!installedOn(token, repo)) return !repo.private && need.level === 'read';
    return byPermission || (need.permission === 'metadata' && need.level === 'read');
  }
  const role = roleOf(repo, token.account);
  const wanted = need.level === 'read' || READERS_WRITE.has(need.permission) ? 'read' : need.level;
  if (!atLeast(role, wanted)) return false;
  if (token.kind === 'classic') {
    const scoped = token.scopes.includes('repo') || (!repo.private && token.scopes.includes('public_repo'));
    return scoped || (!repo.private && need.level === 'read');
  }
  const covers = token.repos === null || token.repos.has(repo);
  if (!repo.private && need.level === 'read') return true;
  return covers && (byPermission || (need.permission === 'metadata' && need.level === 'read'));
}

function installedOn(token: Token, repo: Repo): boolean {
  const installed = token.installation?.installation;
  if (!installed || installed.account !== repo.owner) return false;
  if (installed.repos !== null && !installed.repos.has(repo)) return false;
  return token.repos === null || token.repos.has(repo);
}

export function sameSecret(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
