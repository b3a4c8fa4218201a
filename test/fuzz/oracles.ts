/**
 * How other programs read an authority: Node's three URL parsers, a proxy that splits at a colon, and
 * the C library's idea of an address. None of them shares a line with the policy.
 */
import { isIP } from 'node:net';
import { parse as legacyParse } from 'node:url';

export interface Reading {
  by: string;
  host: string;
  port: number | null;
  /** What it takes where no port is written. */
  usual: number | null;
}

/** Every component's reading of `text` as the authority of an `http` URL; null where one refuses it. */
export function readings(text: string): (Reading | null)[] {
  return [special('http', text), special('https', text), opaque(text), legacy(text), splitAtColon(text)];
}

function special(scheme: 'http' | 'https', text: string): Reading | null {
  const url = URL.parse(`${scheme}://${text}/`);
  if (!url || url.username || url.password || url.pathname !== '/' || url.search || url.hash) return null;
  const usual = scheme === 'http' ? 80 : 443;
  return { by: `WHATWG ${scheme}`, host: plain(url.hostname), port: Number(url.port || usual), usual };
}

/** A scheme that WHATWG does not know: the host is left as it is. */
function opaque(text: string): Reading | null {
  const url = URL.parse(`foo://${text}/`);
  if (!url || url.username || url.password || url.pathname !== '/' || url.search || url.hash) return null;
  return { by: 'WHATWG opaque', host: plain(url.hostname), port: portOf(url.port), usual: null };
}

function legacy(text: string): Reading | null {
  try {
    const url = legacyParse(`http://${text}/`);
    if (url.auth !== null || url.pathname !== '/' || url.search !== null || url.hash !== null) return null;
    return { by: 'url.parse', host: plain(url.hostname ?? ''), port: portOf(url.port), usual: null };
  } catch {
    return null;
  }
}

function splitAtColon(text: string): Reading | null {
  const bracket = text.lastIndexOf(']');
  const colon = text.indexOf(':', bracket + 1);
  const host = colon === -1 ? text : text.slice(0, colon);
  if (colon === -1) return { by: 'split', host: plain(host), port: null, usual: null };
  return { by: 'split', host: plain(host), port: portOf(text.slice(colon + 1)), usual: null };
}

const portOf = (text: string | null) => (text === null || text === '' ? null : Number(text));

/** Lower case, one dot less, no brackets, and IPv6 in one spelling. */
function plain(host: string): string {
  const lower = host
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  return isIP(lower) === 6 ? (URL.parse(`http://[${lower}]/`)?.hostname.slice(1, -1) ?? lower) : lower;
}

/** inet_aton: one to four numbers, decimal, octal or hexadecimal, the last one filling what is left. */
export function isCAddress(text: string): boolean {
  const parts = text.split('.');
  if (parts.length > 4) return false;
  const values = parts.map((part) =>
    /^0x[0-9a-f]*$/i.test(part)
      ? parseInt(part.slice(2) || '0', 16)
      : /^0[0-7]*$/.test(part)
        ? parseInt(part, 8)
        : /^[1-9]\d*$/.test(part)
          ? Number(part)
          : NaN,
  );
  const last = values.pop() ?? NaN;
  return values.every((value) => value <= 255) && last < 256 ** (4 - values.length);
}
