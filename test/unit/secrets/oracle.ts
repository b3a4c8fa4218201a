/** What redaction must come to, found the slow way: one regular expression per pattern, at every place. */
import { type Pattern, patternsOf } from '../../../server/secrets/patterns.ts';
import type { OpenSecret } from '../../../server/secrets/types.ts';

const GAP = '(?:(?:\\r?\\n|(?:\\\\r)?\\\\n)[ \\t]{0,32}(?![\\r\\n\\\\ \\t]))?';
const LINE_ENDS = /\r?\n|(?:\\r)?\\n/g;

const literal = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
const oneOf = (bytes: Uint8Array) =>
  `[${[...bytes.keys()]
    .filter((byte) => bytes[byte] === 1)
    .map(literal)
    .join('')}]`;

function regExpOf({ core, before, after, wraps }: Pattern): RegExp {
  const places = [
    ...(before ? [oneOf(before)] : []),
    ...[...core].map(literal),
    ...(after ? [oneOf(after)] : []),
  ];
  return new RegExp(places.join(wraps ? GAP : ''), 'y');
}

export interface Found {
  start: number;
  end: number;
  name: string;
}

export function oracle(secrets: readonly OpenSecret[]) {
  const patterns = patternsOf(secrets).map((pattern) => ({ ...pattern, regExp: regExpOf(pattern) }));
  const find = (bytes: Buffer): Found[] => {
    const text = bytes.toString('latin1');
    const found: Found[] = [];
    for (let start = 0; start < text.length; start++) {
      for (const { regExp, gapsMost, secret, wraps } of patterns) {
        regExp.lastIndex = start;
        const match = regExp.exec(text)?.[0];
        if (match === undefined || (wraps && (match.match(LINE_ENDS) ?? []).length > gapsMost)) continue;
        found.push({ start, end: start + match.length, name: secrets[secret]?.name ?? '' });
      }
    }
    return found.sort((a, b) => a.start - b.start || b.end - a.end);
  };
  const redact = (bytes: Buffer): string => {
    const text = bytes.toString('latin1');
    let out = '';
    let at = 0;
    let under: string | null = null;
    for (const { start, end, name } of find(bytes)) {
      if (under !== null && (start < at || (start === at && name === under))) {
        at = Math.max(at, end);
        continue;
      }
      out += `${text.slice(at, start)}[secret ${name}]`;
      under = name;
      at = end;
    }
    return out + text.slice(at);
  };
  return { find, redact };
}

/** Numbers that are the same in every run: mulberry32. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
