/**
 * Who may speak with the backend: the one place for every check of rights.
 *
 * In order: `Host` is one of ours (a page that rebinds its name to loopback has another) → `Origin`,
 * if there is one, is our own (any other page's script is refused) → the token. A token is compared in
 * constant time and never written anywhere.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { CodexError } from '../../protocol/errors.ts';

export interface Access {
  token: string;
  /** Names and addresses under which clients may call this backend, without port. */
  hosts: readonly string[];
}

/** Who asks. One owner for now; every row already says who. */
export interface Who {
  id: string;
}

export const OWNER: Who = { id: 'owner' };

export const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'] as const;

/** Throws `CodexError` forbiddenOrigin | unauthorized. */
export function authorize(headers: IncomingHttpHeaders, access: Access): Who {
  checkPlace(headers, access);
  const token = bearerToken(headers.authorization);
  if (token === null || !sameSecret(token, access.token)) throw new CodexError('unauthorized');
  return OWNER;
}

/** `Host` and `Origin` alone: for what needs no token. */
export function checkPlace(headers: IncomingHttpHeaders, access: Access): void {
  const host = hostName(headers.host);
  if (host === null || !access.hosts.includes(host)) {
    throw new CodexError('forbiddenOrigin', { host: shown(headers.host) });
  }
  const { origin } = headers;
  if (origin !== undefined && !isOwnOrigin(origin, headers.host)) {
    throw new CodexError('forbiddenOrigin', { origin: shown(origin) });
  }
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** Lower case, without port; brackets of an IPv6 address stay. Null for anything that is no plain host. */
export function hostName(header: string | undefined): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '');
  return match?.[1]?.toLowerCase() ?? null;
}

function bearerToken(header: string | undefined): string | null {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1] ?? null;
}

export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** What proves to a client that found us by the port file that we know the token, before it sends it. */
export function proofOf(token: string, nonce: string): string {
  return createHmac('sha256', token).update(nonce).digest('hex');
}

/** A header of a stranger's, in an answer or a log: short and printable. */
function shown(header: string | undefined): string {
  return (header ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
