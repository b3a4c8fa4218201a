/**
 * In which forms a value can surface: as it is, and as common tools write it. Pure.
 *
 * What only a piece of a value determines is not looked for, with two exceptions: each line of a value of
 * several lines (a private key that is printed with indentation), and the parts of one that is long. What
 * was compressed, encrypted or turned around is not found.
 */

/** Which bytes may stand at one place: 256 entries, 1 for yes. */
export type ByteClass = Uint8Array;

export interface Form {
  bytes: Buffer;
  /** At the ends of base64 a character holds bits of the neighbours too: it must fit, and it goes as well. */
  before: ByteClass | null;
  after: ByteClass | null;
  /** Tools break it into lines, and whoever embeds it indents them. */
  wraps: boolean;
  /** False: too common to be looked for in files, where a find has consequences. */
  inFiles: boolean;
}

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = STANDARD.replace('+/', '-_');

export function formsOf(value: string): Form[] {
  const bytes = Buffer.from(value, 'utf8');
  const texts = [
    ...new Set([
      value,
      ...withOtherLineEnds(value),
      ...jsonForms(value),
      ...shellForms(value),
      ...markup(value),
    ]),
  ];
  return [
    ...texts.map((text) => plainForm(Buffer.from(text, 'utf8'))),
    plainForm(Buffer.from(value, 'utf16le')),
    ...urlForms(bytes).map((text) => plainForm(Buffer.from(text, 'latin1'))),
    ...[0, 1, 2].flatMap((offset) => base64Forms(bytes, offset)),
    ...hexForms(bytes),
    ...asHostName(value).map((text) => plainForm(Buffer.from(text, 'latin1'), false)),
    ...linesOf(value).map((line) => plainForm(Buffer.from(line, 'utf8'), looksLikeKey(line))),
  ];
}

const plainForm = (bytes: Buffer, inFiles = true): Form => ({
  bytes,
  before: null,
  after: null,
  wraps: false,
  inFiles,
});

/** A terminal makes CRLF of LF; an editor the other way round. */
function withOtherLineEnds(value: string): string[] {
  const unix = value.replaceAll('\r\n', '\n');
  return [unix, unix.replaceAll('\n', '\r\n'), value.replace(/[\r\n]+$/, '')].filter(
    // What is left without its last line break may be too short to be told from other text.
    (text) => Buffer.byteLength(text) >= LEAST_TRIMMED_BYTES,
  );
}
const LEAST_TRIMMED_BYTES = 8;

function jsonForms(value: string): string[] {
  const inner = (text: string) => JSON.stringify(text).slice(1, -1);
  const escape = (text: string, which: RegExp) =>
    text.replace(which, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const json = inner(value);
  return [
    json,
    // Python and Java, Go, PHP.
    escape(json, /[\u0080-\uffff]/g),
    escape(json, /[<>&\u2028\u2029]/g),
    json.replaceAll('/', '\\/'),
    // JSON in JSON.
    ...[json, escape(json, /[\u0080-\uffff]/g), escape(json, /[<>&\u2028\u2029]/g)].map(inner),
  ];
}

/** What `set -x`, `export -p`, `printf %q` and a quoted string make of it. */
function shellForms(value: string): string[] {
  return [
    value.replaceAll("'", "'\\''"),
    value.replace(/[\\"$`]/g, '\\$&'),
    value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r'),
    value.replace(/[^\w@%+=:,./\n\u0080-\uffff-]/g, '\\$&'),
  ];
}

function markup(value: string): string[] {
  const text = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quoted = text.replaceAll('"', '&quot;');
  return [text, quoted, quoted.replaceAll("'", '&#39;'), quoted.replaceAll("'", '&#x27;')];
}

/** Names of hosts are written small by whatever takes them; an ordinary word is left alone. */
function asHostName(value: string): string[] {
  return /^[A-Za-z0-9._-]+$/.test(value) && value.length >= LINE_LEAST_BYTES ? [value.toLowerCase()] : [];
}

const URL_KEPT = [
  /[A-Za-z0-9._~-]/,
  /[A-Za-z0-9._~/-]/,
  /[A-Za-z0-9._*-]/,
  // encodeURIComponent and encodeURI
  /[A-Za-z0-9._~!'()*-]/,
  /[A-Za-z0-9._~!'()*;,/?:@&=+$#-]/,
  // every byte
  /[^\s\S]/,
];

function urlForms(bytes: Buffer): string[] {
  const forms = URL_KEPT.flatMap((kept) => {
    const upper = [...bytes].map((byte) => {
      const mark = String.fromCharCode(byte);
      return kept.test(mark) ? mark : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    });
    const lower = upper.map((mark) => (mark.length === 1 ? mark : mark.toLowerCase()));
    return [upper, lower].flatMap((marks) => [
      marks.join(''),
      marks.map((mark) => (mark === '%20' ? '+' : mark)).join(''),
    ]);
  });
  return [...new Set(forms)];
}

function hexForms(bytes: Buffer): Form[] {
  const hex = bytes.toString('hex');
  return [hex, hex.toUpperCase()].map((text) => ({ ...plainForm(Buffer.from(text, 'latin1')), wraps: true }));
}

/** With `offset` bytes of something else before it, in both alphabets. */
function base64Forms(value: Buffer, offset: number): Form[] {
  const padded = Buffer.concat([Buffer.alloc(offset), value, Buffer.alloc(2)]).toString('base64');
  const firstBit = 8 * offset;
  const lastBit = firstBit + 8 * value.length;
  const [first, last] = [Math.ceil(firstBit / 6), Math.floor(lastBit / 6)];
  const core = padded.slice(first, last);
  const [bitsBefore, bitsAfter] = [first * 6 - firstBit, lastBit - last * 6];
  const ends = {
    before:
      bitsBefore === 0 ? null : fitting(padded[first - 1] ?? '', (six) => six & ((1 << bitsBefore) - 1)),
    after: bitsAfter === 0 ? null : fitting(padded[last] ?? '', (six) => six >> (6 - bitsAfter)),
  };
  const inUrls = core.replaceAll('+', '-').replaceAll('/', '_');
  return [...new Set([core, inUrls])].map((text) => ({
    ...plainForm(Buffer.from(text, 'latin1')),
    ...ends,
    wraps: true,
  }));
}

/** The characters of which the known bits are the same. */
function fitting(mark: string, known: (six: number) => number): ByteClass {
  const wanted = known(STANDARD.indexOf(mark));
  const fits = new Uint8Array(256);
  for (const alphabet of [STANDARD, URL_SAFE]) {
    for (let six = 0; six < 64; six++) if (known(six) === wanted) fits[alphabet.charCodeAt(six)] = 1;
  }
  return fits;
}

/** Shorter lines stand in other texts too. */
const LINE_LEAST_BYTES = 16;
const LINE_LEAST_DIFFERENT = 6;
/** The frame of a key tells nothing. */
const FRAME = /^-----[A-Z0-9 ]+-----$/;

/** Of a value with several, also where the line breaks are escaped, as in a JSON file with a key in it. */
function linesOf(value: string): string[] {
  const lines = [/\r\n|\r|\n/, /(?:\\r)?\\n/].flatMap((end) => {
    const parts = value.split(end);
    return parts.length === 1 ? [] : parts;
  });
  return [...new Set(lines.map((line) => line.trim()))].filter(
    (line) =>
      Buffer.byteLength(line) >= LINE_LEAST_BYTES &&
      new Set(line).size >= LINE_LEAST_DIFFERENT &&
      !FRAME.test(line),
  );
}

/** Letters and digits in one run: a line of a settings file that others have too rarely has such. */
function looksLikeKey(line: string): boolean {
  const runs = line.match(/[A-Za-z0-9+/=]{20,}/g) ?? [];
  return runs.some((run) => /[0-9]/.test(run) && /[A-Za-z]/.test(run));
}
