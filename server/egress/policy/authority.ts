/**
 * How a host and a port may be written. One strict grammar for CONNECT, `http://…`, Host, `:authority`
 * and the server name of TLS; what two parsers could read as two hosts is refused, never mended:
 * user information, percent signs, zones, empty ports, leading zeros, addresses in unusual spellings.
 *
 * On the wire a name is ASCII (programs send IDNA as `xn--`); people write Unicode in rules, and
 * `asciiName` brings that into the same form.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import type { AbsoluteTarget, Authority, AuthorityKind, Denial, Parsed, Target } from './types.ts';

/** RFC 1035: 253 characters without the last dot. */
const MAX_NAME_CHARS = 253;
/** What was asked for stands in logs and answers; a long one is cut. */
const MAX_SHOWN_CHARS = 80;

/** RFC 1123 with the underscore, which real hosts have; at most 63 characters, no dash at an end. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** What WHATWG calls a number: such a last label makes the whole name an address for many parsers. */
const NUMBER_LABEL = /^(?:\d+|0x[0-9a-f]*)$/;
const PORT = /^[1-9]\d{0,4}$/;

export interface Host {
  host: string;
  ip: 0 | 4 | 6;
}

export function deny(reason: Denial['reason'], params: Denial['params'] = {}): Denial {
  return { verdict: 'deny', reason, params };
}

export function shown(text: string): string {
  const clean = text.replace(/[^\x21-\x7e]/g, '?');
  return clean.length > MAX_SHOWN_CHARS ? `${clean.slice(0, MAX_SHOWN_CHARS)}…` : clean;
}

const refused = (text: string): { ok: false; denial: Denial } => ({
  ok: false,
  denial: deny('badAuthority', { text: shown(text) }),
});

const address = (text: string): { ok: false; denial: Denial } => ({
  ok: false,
  denial: deny('ipLiteral', { host: shown(text) }),
});

/** One host without a port; IPv6 in brackets. */
export function canonicalHost(text: string): Parsed<Host> {
  if (text.startsWith('[')) {
    const inside = /^\[([0-9a-f:.]+)\]$/i.exec(text)?.[1];
    if (inside === undefined || !isIPv6(inside)) return refused(text);
    return { ok: true, value: { host: new URL(`http://[${inside}]/`).hostname.slice(1, -1), ip: 6 } };
  }
  // Before the case is folded: U+212A would become a plain k.
  if (!/^[\x21-\x7e]+$/.test(text)) return refused(text);
  const lower = text.toLowerCase();
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower;
  if (name.length > MAX_NAME_CHARS) return refused(text);
  const labels = name.split('.');
  if (!labels.every((label) => LABEL.test(label))) return refused(text);
  if (NUMBER_LABEL.test(labels.at(-1) ?? '')) {
    return isIPv4(lower) ? { ok: true, value: { host: lower, ip: 4 } } : address(text);
  }
  // A label that starts with xn-- must be what IDNA itself would have written.
  if (labels.some((label) => label.startsWith('xn--')) && !isIdna(name)) return refused(text);
  return { ok: true, value: { host: name, ip: 0 } };
}

function isIdna(name: string): boolean {
  const unicode = domainToUnicode(name);
  return domainToASCII(unicode) === name && !unicode.split('.').some((label) => label.startsWith('xn--'));
}

/** A name as a person writes it in a rule, in the form of the wire; null when IDNA refuses it. */
export function asciiName(text: string): string | null {
  // domainToASCII reads a whole authority: without these it would silently cut or decode.
  if (/[\s/?#@%\\:[\]\p{Cc}\p{Cf}]/u.test(text)) return null;
  return domainToASCII(text) || null;
}

export function parseAuthority(text: string, kind: AuthorityKind): Parsed<Authority> {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(text);
  const written = match?.[1];
  if (!match || written === undefined) return refused(text);
  const port = match[2] === undefined ? null : parsePort(match[2]);
  if (match[2] !== undefined && port === null) return refused(text);
  if (kind === 'connect' && port === null) return refused(text);
  const host = canonicalHost(written);
  return host.ok ? { ok: true, value: { ...host.value, port } } : host;
}

/** 1 to 65535 without leading zeros; null for everything else. */
export function parsePort(text: string): number | null {
  const port = PORT.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

export function defaultPort(scheme: Target['scheme']): number {
  return scheme === 'https' ? 443 : 80;
}

/** `http://host[:port]/path` of either scheme; `parseAbsolute` is the one for a proxy's request line. */
export function parseAbsoluteForm(text: string): Parsed<AbsoluteTarget> {
  const match = /^(https?):\/\/([^/?#\\]*)([/?][^#]*)?$/is.exec(text);
  if (!match || !isPath(match[3] ?? '')) return refused(text);
  const scheme = match[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  const authority = parseAuthority(match[2] ?? '', 'host');
  if (!authority.ok) return authority;
  const { host, ip, port } = authority.value;
  const rest = match[3] ?? '';
  return {
    ok: true,
    value: {
      scheme,
      host,
      ip,
      port: port ?? defaultPort(scheme),
      path: rest.startsWith('/') ? rest : `/${rest}`,
    },
  };
}

/** Plain `http://` only: for TLS a program opens a tunnel, and a proxy that would do it for it could not be checked by it. */
export function parseAbsolute(text: string): Parsed<AbsoluteTarget> {
  const parsed = parseAbsoluteForm(text);
  return parsed.ok && parsed.value.scheme !== 'http' ? refused(text) : parsed;
}

/** Nothing that could end a request line early. */
export function isPath(text: string): boolean {
  return /^[\x21-\x7e\x80-\xff]*$/.test(text);
}
