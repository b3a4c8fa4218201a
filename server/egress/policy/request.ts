/**
 * May this request go to where its connection leads? Asked for every request, also the hundredth on
 * one connection: framing first (what two servers could split differently is refused), then the host
 * in all its places, then method, body and upgrade.
 *
 * Node has parsed the head already; what is checked here is what its parser lets pass.
 */
import { deny, defaultPort, isPath, parseAbsoluteForm, parseAuthority, shown } from './authority.ts';
import type { Rules } from './rules.ts';
import type { Denial, RequestHead, RequestVerdict, Target } from './types.ts';

const READ_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Fifteen digits are a petabyte, and still exact in a double. */
const LENGTH = /^\d{1,15}$/;
/** Named in `Connection` these would be dropped on the way, and the next server would see another request. */
const NOT_HOP_BY_HOP: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'cookie',
  'authorization',
]);

/** The headers that decide where a request goes and where it ends, each with all its values. */
interface Facts {
  hosts: string[];
  authorities: string[];
  schemes: string[];
  lengths: string[];
  encodings: string[];
  upgrades: string[];
  connection: string[];
  protocols: string[];
}

const COLLECTED: Readonly<Record<string, keyof Facts>> = {
  host: 'hosts',
  ':authority': 'authorities',
  ':scheme': 'schemes',
  ':protocol': 'protocols',
  'content-length': 'lengths',
  'transfer-encoding': 'encodings',
  upgrade: 'upgrades',
  connection: 'connection',
};

const malformed = (problem: string): Denial => deny('badRequest', { problem });

export function checkRequest(rules: Rules, target: Target, head: RequestHead): RequestVerdict {
  const http2 = head.httpVersion === '2.0';
  const facts = collect(head, http2);
  if ('verdict' in facts) return facts;
  const wrong =
    (http2 ? checkHttp2(facts, head) : checkHttp1(facts, head.httpVersion)) ??
    checkHost(target, facts, http2);
  if (wrong) return wrong;
  const path = checkPath(target, head);
  if (typeof path !== 'string') return path;

  if (rules.policy.methods === 'read') {
    if (!READ_METHODS.has(head.method)) return deny('method', { method: shown(head.method) });
    if (hasBody(facts, head, http2)) return deny('body', { method: head.method });
  }
  const protocol = facts.protocols[0] ?? facts.upgrades[0];
  if (protocol !== undefined) {
    const webSocket =
      facts.protocols.length === 0 && protocol.toLowerCase() === 'websocket' && head.method === 'GET';
    if (!webSocket || rules.policy.methods === 'read' || hasBody(facts, head, http2)) {
      return deny('upgrade', { protocol: shown(protocol) });
    }
  }
  return { verdict: 'allow', path, upgrade: protocol !== undefined };
}

function collect(head: RequestHead, http2: boolean): Facts | Denial {
  if (!http2 && head.httpVersion !== '1.1' && head.httpVersion !== '1.0') return malformed('version');
  if (!TOKEN.test(head.method)) return malformed('method');
  const facts: Facts = {
    hosts: [],
    authorities: [],
    schemes: [],
    lengths: [],
    encodings: [],
    upgrades: [],
    connection: [],
    protocols: [],
  };
  for (let index = 0; index < head.rawHeaders.length; index += 2) {
    const name = (head.rawHeaders[index] ?? '').toLowerCase();
    const value = head.rawHeaders[index + 1] ?? '';
    const pseudo = http2 && name.startsWith(':');
    if (!TOKEN.test(pseudo ? name.slice(1) : name)) return malformed('headerName');
    if (/[\0\r\n]/.test(value)) return malformed('headerValue');
    if (Object.hasOwn(COLLECTED, name)) facts[COLLECTED[name] ?? 'hosts'].push(value);
  }
  return facts;
}

function checkHttp1(facts: Facts, version: string): Denial | null {
  if (facts.lengths.length + facts.encodings.length > 1) return malformed('twoLengths');
  if (facts.lengths.some((length) => !LENGTH.test(length))) return malformed('contentLength');
  if (facts.encodings.some((encoding) => encoding.toLowerCase() !== 'chunked' || version === '1.0')) {
    return malformed('transferEncoding');
  }
  if (facts.upgrades.length > 1) return malformed('upgrade');
  const dropped = facts.connection
    .flatMap((value) => value.split(','))
    .map((name) => name.trim().toLowerCase());
  if (dropped.some((name) => NOT_HOP_BY_HOP.has(name))) return malformed('connection');
  if (facts.hosts.length > 1 || (facts.hosts.length === 0 && version !== '1.0')) return malformed('host');
  return null;
}

function checkHttp2(facts: Facts, head: RequestHead): Denial | null {
  if (facts.encodings.length + facts.upgrades.length + facts.connection.length > 0)
    return malformed('connection');
  if (facts.lengths.length > 1 || facts.lengths.some((length) => !LENGTH.test(length)))
    return malformed('contentLength');
  // Sent on as HTTP/1.1 it would make the server take the next request for this one's body.
  if (head.endsWithHeaders === true && facts.lengths.some((length) => Number(length) > 0)) {
    return malformed('contentLength');
  }
  if (facts.authorities.length > 1 || facts.hosts.length > 1) return malformed('host');
  if (facts.authorities.length + facts.hosts.length === 0) return malformed('host');
  if (facts.schemes.length !== 1) return malformed('scheme');
  return null;
}

function checkHost(target: Target, facts: Facts, http2: boolean): Denial | null {
  const mismatch = (asked: string): Denial =>
    deny('authorityMismatch', { host: target.host, port: target.port, asked: shown(asked) });
  const [scheme] = facts.schemes;
  if (http2 && scheme !== target.scheme) return mismatch(`${scheme ?? ''}://`);
  for (const [text, kind] of [
    ...facts.authorities.map((value) => [value, 'authority'] as const),
    ...facts.hosts.map((value) => [value, 'host'] as const),
  ]) {
    const named = parseAuthority(text, kind);
    if (!named.ok) return named.denial;
    if (!isTarget(target, named.value.host, named.value.port ?? defaultPort(target.scheme)))
      return mismatch(text);
  }
  return null;
}

function isTarget(target: Target, host: string, port: number): boolean {
  return host === target.host && port === target.port;
}

/** The request target in origin form. */
function checkPath(target: Target, head: RequestHead): string | Denial {
  const { url, method } = head;
  if (method === 'CONNECT') return malformed('connectInside');
  if (url === '*') return method === 'OPTIONS' ? url : malformed('target');
  if (url.startsWith('/')) return isPath(url) && !url.includes('#') ? url : malformed('target');
  const absolute = parseAbsoluteForm(url);
  if (!absolute.ok) return absolute.denial;
  const { scheme, host, port, path } = absolute.value;
  if (scheme !== target.scheme || !isTarget(target, host, port)) {
    return deny('authorityMismatch', {
      host: target.host,
      port: target.port,
      asked: shown(`${host}:${port}`),
    });
  }
  return path;
}

function hasBody(facts: Facts, head: RequestHead, http2: boolean): boolean {
  if (http2) return head.endsWithHeaders !== true;
  return facts.encodings.length > 0 || facts.lengths.some((length) => Number(length) > 0);
}
