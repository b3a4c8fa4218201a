/** Header fields on their way through (RFC 9110 §7.6.1): flat lists, in order, as they were sent. Pure. */

/** What concerns one connection only; `te` and `upgrade` are set anew where they go on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** `Connection` may name any field; taking these away would change whom or what a message is for. */
const NEVER_DROPPED = new Set(['host', 'content-length', 'content-type', 'authorization', 'cookie']);

type Values = readonly string[];

export function valuesOf(raw: Values, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() === name) values.push(raw[at + 1] ?? '');
  }
  return values;
}

/** Without the fields of this connection and those it names; `also` goes too. */
export function endToEnd(raw: Values, also: ReadonlySet<string> = new Set()): string[] {
  const named = new Set(
    valuesOf(raw, 'connection')
      .flatMap((value) => value.split(','))
      .map((name) => name.trim().toLowerCase())
      .filter((name) => !NEVER_DROPPED.has(name)),
  );
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || named.has(lower) || also.has(lower)) continue;
    kept.push(name, raw[at + 1] ?? '');
  }
  return kept;
}

export type Framing = 'none' | 'length' | 'chunked';

/** How a checked HTTP/1 request says where it ends. */
export function framingOf(raw: Values): Framing {
  if (valuesOf(raw, 'transfer-encoding').length > 0) return 'chunked';
  const [length] = valuesOf(raw, 'content-length');
  return length === undefined || /^0+$/.test(length) ? 'none' : 'length';
}

/** A request's fields for an HTTP/1 server: one `Host`, our own, and a framing that says what it is. */
export function requestHeaders(
  method: string,
  raw: Values,
  host: string,
  options: { upgrade: boolean },
): string[] {
  const headers = ['Host', host, ...endToEnd(raw, new Set(['host']))];
  if (valuesOf(raw, 'te').some((value) => /(^|,)\s*trailers\s*(,|$)/i.test(value))) {
    headers.push('TE', 'trailers');
    if (!options.upgrade) headers.push('Connection', 'TE');
  }
  if (options.upgrade) headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  if (framingOf(raw) === 'chunked') headers.push('Transfer-Encoding', 'chunked');
  else if (/^(POST|PUT|PATCH)$/.test(method) && valuesOf(raw, 'content-length').length === 0)
    headers.push('Content-Length', '0');
  return headers;
}

/** About as many bytes as it took on the wire. */
export function headBytes(raw: Values): number {
  return raw.reduce((sum, text) => sum + text.length + 2, 0);
}
