/**
 * Takes secrets out of texts, bytes, data and streams, and finds them. `forms.ts` says in which forms,
 * `search.ts` is how.
 *
 * Of matches that lie over one another all bytes go; the mark names the one that begins first, the longest
 * of those that begin together. Numbers in data stay as they are: only strings are looked at.
 */
import { patternsOf } from './patterns.ts';
import { FindInStream, RedactedStream, redactAll } from './streams.ts';
import { Search } from './search.ts';
import type { OpenSecret, RedactStream, Redactor } from './types.ts';

export function createRedactor(secrets: readonly OpenSecret[]): Redactor {
  if (secrets.length === 0) return NOTHING;
  const patterns = patternsOf(secrets);
  const names = secrets.map(({ name }) => name);
  const marks = names.map((name) => Buffer.from(`[secret ${name}]`, 'utf8'));
  const search = new Search(patterns);
  const inFiles = patterns.every((pattern) => pattern.inFiles)
    ? search
    : new Search(patterns.filter((pattern) => pattern.inFiles));
  const bytes = (original: Buffer) => redactAll(search, marks, original);
  const text = (original: string): string => {
    const before = Buffer.from(original, 'utf8');
    const after = bytes(before);
    return after === before ? original : after.toString('utf8');
  };
  return {
    isEmpty: false,
    text,
    bytes,
    json: (value) => redactJson(value, text) as typeof value,
    stream: () => new RedactedStream(search, marks),
    finder: () => new FindInStream(inFiles, names),
    find(original) {
      const match = inFiles.first(original);
      return match === null ? null : (names[match.secret] ?? null);
    },
  };
}

const passing: RedactStream = {
  push: (bytes) => ({ bytes, standsFor: bytes.length }),
  end: () => ({ bytes: Buffer.alloc(0), standsFor: 0 }),
};

const NOTHING: Redactor = {
  isEmpty: true,
  text: (text) => text,
  bytes: (bytes) => bytes,
  json: (value) => value,
  stream: () => passing,
  finder: () => ({ push: () => null }),
  find: () => null,
};

/** The same object when nothing in it changed. */
function redactJson(value: unknown, text: (original: string) => string): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => redactJson(item, text));
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  const entries = Object.entries(value);
  const redacted: [string, unknown][] = [];
  const names = new Set<string>();
  let changed = false;
  for (const [key, inner] of entries) {
    let name = text(key);
    const clean = redactJson(inner, text);
    changed ||= name !== key || clean !== inner;
    // Two keys that are the same now: what stands under them is kept.
    for (let more = 2; names.has(name); more++) name = `${text(key)} (${more})`;
    names.add(name);
    redacted.push([name, clean]);
  }
  return changed ? Object.fromEntries(redacted) : value;
}
