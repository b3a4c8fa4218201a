/**
 * Reads git's extended patch format from bytes into plain data. Hunk lines and deflated data are
 * views of or copies from the input, nothing is inflated here, and the work is linear in the input.
 * A patch is hostile: whatever is not exactly the format ends in `resultUnreadable` with its line;
 * nothing is guessed or skipped. Only git's own `a/` and `b/` prefixes are read.
 */
import { CodexError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { decodeLines } from './base85.ts';
import { isNullId } from './blob.ts';
import { pathFromBytes, pathKey, unquote } from './names.ts';
import type { BinaryHunk, FilePatch, Hunk, HunkLine, Patch, PatchBody, WirePath } from './types.ts';

const NEWLINE = 10;
const QUOTE = 34;
const TAB = 9;
/** Longer than any file system takes; a name of a megabyte is an attack on whatever shows it. */
const MAX_NAME_BYTES = 8_192;
/** Each file of a patch costs memory of its own; a repository's every file may still change. */
const MAX_FILES = 1_000_000;
/** Line numbers and counts beyond this are not of a file that anyone has. */
const MAX_LINE = 2 ** 31;

export interface ParseOptions {
  maxBytes?: number;
}

export function parsePatch(bytes: Uint8Array, options: ParseOptions = {}): Patch {
  const maxBytes = options.maxBytes ?? LIMITS.patchBytes.cap;
  if (bytes.byteLength > maxBytes)
    throw new CodexError('patchTooLarge', { bytes: bytes.byteLength, maxBytes });
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const files: FilePatch[] = [];
  while (!reader.done()) {
    if (files.length >= MAX_FILES) throw reader.error('too many files');
    files.push(readFile(reader));
  }
  return { files, quotePath: !reader.sawRawHighByte };
}

/** A cursor over lines. `line` is the number of the line at `at`, for messages. */
class Reader {
  readonly buffer: Buffer;
  at = 0;
  line = 1;
  sawRawHighByte = false;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  done(): boolean {
    return this.at >= this.buffer.length;
  }

  startsWith(text: string): boolean {
    const end = this.at + text.length;
    if (end > this.buffer.length) return false;
    for (let index = 0; index < text.length; index++) {
      if (this.buffer[this.at + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  /** The next line with its newline, if it has one. */
  take(): Buffer {
    const newline = this.buffer.indexOf(NEWLINE, this.at);
    const end = newline < 0 ? this.buffer.length : newline + 1;
    const text = this.buffer.subarray(this.at, end);
    this.at = end;
    this.line++;
    return text;
  }

  /** The next line after `prefix`, without its newline, which must be there. */
  takeAfter(prefix: string): Buffer {
    const text = this.take();
    if (text[text.length - 1] !== NEWLINE) throw this.errorBefore('the patch ends in the middle of a line');
    return text.subarray(prefix.length, -1);
  }

  error(why: string): CodexError {
    return new CodexError(
      'resultUnreadable',
      { line: this.line, why },
      { detail: `patch line ${this.line}: ${why}` },
    );
  }

  errorBefore(why: string): CodexError {
    this.line--;
    return this.error(why);
  }
}

function readFile(reader: Reader): FilePatch {
  const DIFF = 'diff --git ';
  if (!reader.startsWith(DIFF)) throw reader.error('expected "diff --git"');
  const gitNames = reader.takeAfter(DIFF);
  const header = readHeader(reader);
  const body = readBody(reader);

  const fallback = () => {
    const name = sameName(reader, gitNames);
    if (name === null) throw reader.errorBefore('the file name is not readable');
    return name;
  };
  const oldPath = header.from ?? body.oldName ?? body.newName ?? fallback();
  const newPath = header.to ?? body.newName ?? body.oldName ?? fallback();
  if (header.moved === null && pathKey(oldPath) !== pathKey(newPath)) {
    throw reader.errorBefore('two names without a rename');
  }
  const kind = kindOf(header);
  if (kind === 'added' && body.oldName) throw reader.errorBefore('a new file has an old name');
  if (kind === 'deleted' && body.newName) throw reader.errorBefore('a deleted file has a new name');
  return {
    kind,
    oldPath,
    newPath,
    oldMode: header.oldMode,
    newMode: header.newMode,
    oldId: header.oldId,
    newId: header.newId,
    similarity: header.similarity,
    body: body.body,
  };
}

interface Header {
  oldMode: string | null;
  newMode: string | null;
  created: boolean;
  deleted: boolean;
  moved: 'rename' | 'copy' | null;
  from: WirePath | null;
  to: WirePath | null;
  similarity: FilePatch['similarity'];
  oldId: string | null;
  newId: string | null;
}

function kindOf(header: Header): FilePatch['kind'] {
  if (header.created) return 'added';
  if (header.deleted) return 'deleted';
  if (header.moved) return header.moved === 'rename' ? 'renamed' : 'copied';
  return header.oldId === null && header.oldMode !== header.newMode ? 'modeChanged' : 'modified';
}

function readHeader(reader: Reader): Header {
  const header: Header = {
    oldMode: null,
    newMode: null,
    created: false,
    deleted: false,
    moved: null,
    from: null,
    to: null,
    similarity: null,
    oldId: null,
    newId: null,
  };
  const seen = new Set<string>();
  for (;;) {
    const keyword = HEADER_LINES.find((word) => reader.startsWith(word));
    if (keyword === undefined) break;
    if (seen.has(keyword)) throw reader.error(`"${keyword.trim()}" twice`);
    seen.add(keyword);
    const value = reader.takeAfter(keyword);
    readHeaderLine(reader, header, keyword, value);
  }
  const halfMoved = (header.from === null) !== (header.to === null);
  if (halfMoved || (header.created && header.deleted)) throw reader.error('contradicting header lines');
  if (header.moved && (header.created || header.deleted)) throw reader.error('contradicting header lines');
  if ((header.oldMode === null) !== (header.newMode === null) && !header.created && !header.deleted) {
    throw reader.error('one mode without the other');
  }
  return header;
}

const HEADER_LINES = [
  'old mode ',
  'new mode ',
  'deleted file mode ',
  'new file mode ',
  'copy from ',
  'copy to ',
  'rename from ',
  'rename to ',
  'similarity index ',
  'dissimilarity index ',
  'index ',
] as const;

function readHeaderLine(
  reader: Reader,
  header: Header,
  keyword: (typeof HEADER_LINES)[number],
  value: Buffer,
): void {
  switch (keyword) {
    case 'old mode ':
      header.oldMode = mode(reader, value);
      return;
    case 'new mode ':
      header.newMode = mode(reader, value);
      return;
    case 'deleted file mode ':
      header.deleted = true;
      header.oldMode = mode(reader, value);
      return;
    case 'new file mode ':
      header.created = true;
      header.newMode = mode(reader, value);
      return;
    case 'copy from ':
    case 'rename from ':
      header.moved = keyword === 'copy from ' ? 'copy' : 'rename';
      header.from = name(reader, value, '');
      return;
    case 'copy to ':
    case 'rename to ':
      if (header.moved !== (keyword === 'copy to ' ? 'copy' : 'rename'))
        throw reader.errorBefore('"to" without "from"');
      header.to = name(reader, value, '');
      return;
    case 'similarity index ':
    case 'dissimilarity index ': {
      const match = /^(\d{1,3})%$/.exec(value.toString('latin1'));
      if (!match) throw reader.errorBefore('unreadable similarity');
      header.similarity = {
        word: keyword === 'similarity index ' ? 'similarity' : 'dissimilarity',
        percent: Number(match[1]),
      };
      return;
    }
    case 'index ': {
      const match = /^([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?$/.exec(value.toString('latin1'));
      if (!match) throw reader.errorBefore('unreadable index line');
      [header.oldId, header.newId] = [match[1]!, match[2]!];
      if (match[3] !== undefined) {
        if (header.oldMode !== null || header.newMode !== null) throw reader.errorBefore('modes twice');
        header.oldMode = header.newMode = match[3];
      }
      if (header.created !== isNullId(header.oldId) || header.deleted !== isNullId(header.newId)) {
        throw reader.errorBefore('the index line contradicts the header');
      }
      return;
    }
  }
}

const MODES: ReadonlySet<string> = new Set(['100644', '100755', '100664', '120000', '160000']);

function mode(reader: Reader, value: Buffer): string {
  const text = value.toString('latin1');
  if (!MODES.has(text)) throw reader.errorBefore('unknown file mode');
  return text;
}

/** A name, quoted or plain, after its prefix ("a/"). */
function name(reader: Reader, value: Buffer, prefix: string): WirePath {
  const raw = value[0] === QUOTE ? unquote(value) : value;
  if (raw === null) throw reader.errorBefore('badly quoted name');
  if (value.some((byte) => byte > 127)) reader.sawRawHighByte = true;
  if (raw.subarray(0, prefix.length).toString('latin1') !== prefix) {
    throw reader.errorBefore(`the name does not start with "${prefix}"`);
  }
  const bare = raw.subarray(prefix.length);
  if (bare.length === 0 || bare.length > MAX_NAME_BYTES || bare.includes(0)) {
    throw reader.errorBefore('empty or impossible name');
  }
  return pathFromBytes(bare);
}

/** The name in `diff --git a/X b/X`, the only place of it in a patch of modes or of an empty file. */
function sameName(reader: Reader, names: Buffer): WirePath | null {
  if (names[0] === QUOTE) {
    const close = closingQuote(names);
    if (close < 0 || names[close + 1] !== 32) return null;
    const left = name(reader, names.subarray(0, close + 1), 'a/');
    const right = name(reader, names.subarray(close + 2), 'b/');
    return pathKey(left) === pathKey(right) ? left : null;
  }
  // a/X b/X: both halves are of one length.
  const middle = (names.length - 1) / 2;
  if (!Number.isInteger(middle) || names[middle] !== 32) return null;
  const left = name(reader, names.subarray(0, middle), 'a/');
  const right = name(reader, names.subarray(middle + 1), 'b/');
  return pathKey(left) === pathKey(right) ? left : null;
}

function closingQuote(text: Buffer): number {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === 92) at++;
    else if (text[at] === QUOTE) return at;
  }
  return -1;
}

interface Body {
  body: PatchBody;
  oldName: WirePath | null;
  newName: WirePath | null;
}

function readBody(reader: Reader): Body {
  if (reader.startsWith('--- ')) {
    const oldName = nameOfSide(reader, '--- ', 'a/');
    if (!reader.startsWith('+++ ')) throw reader.error('expected "+++"');
    const newName = nameOfSide(reader, '+++ ', 'b/');
    const hunks: Hunk[] = [];
    while (reader.startsWith('@@ ')) hunks.push(readHunk(reader));
    if (hunks.length === 0) throw reader.error('expected a hunk');
    return { body: { type: 'text', hunks }, oldName, newName };
  }
  if (reader.startsWith('GIT binary patch\n')) {
    reader.take();
    const forward = readBinary(reader);
    if (forward === null) throw reader.error('expected "literal" or "delta"');
    return { body: { type: 'binary', forward, reverse: readBinary(reader) }, oldName: null, newName: null };
  }
  if (reader.startsWith('Binary files ')) {
    reader.take();
    return { body: { type: 'binaryWithoutContent' }, oldName: null, newName: null };
  }
  return { body: { type: 'none' }, oldName: null, newName: null };
}

/** The name after `---` or `+++`, null for /dev/null. A tab ends a name that holds spaces. */
function nameOfSide(reader: Reader, keyword: string, prefix: string): WirePath | null {
  let value = reader.takeAfter(keyword);
  if (value[value.length - 1] === TAB) value = value.subarray(0, -1);
  if (value.toString('latin1') === '/dev/null') return null;
  return name(reader, value, prefix);
}

function readHunk(reader: Reader): Hunk {
  const head = reader.takeAfter('');
  const match = /^@@ -(\d{1,10})(?:,(\d{1,10}))? \+(\d{1,10})(?:,(\d{1,10}))? @@/.exec(
    head.toString('latin1', 0, 64),
  );
  if (!match) throw reader.errorBefore('unreadable hunk header');
  const [oldStart, oldLines, newStart, newLines] = [
    Number(match[1]),
    Number(match[2] ?? 1),
    Number(match[3]),
    Number(match[4] ?? 1),
  ];
  if (Math.max(oldStart, oldLines, newStart, newLines) > MAX_LINE)
    throw reader.errorBefore('impossible line number');
  const rest = head.subarray(match[0].length);
  if (rest.length > 0 && rest[0] !== 32) throw reader.errorBefore('unreadable hunk header');

  const lines: HunkLine[] = [];
  let [oldLeft, newLeft] = [oldLines, newLines];
  while (oldLeft > 0 || newLeft > 0) {
    const raw = reader.take();
    const op = raw[0] === 32 ? ' ' : raw[0] === 45 ? '-' : raw[0] === 43 ? '+' : null;
    if (op === null) throw reader.errorBefore('unexpected line in a hunk');
    if (raw[raw.length - 1] !== NEWLINE) throw reader.errorBefore('the patch ends in the middle of a line');
    if (op !== '+') oldLeft--;
    if (op !== '-') newLeft--;
    if (oldLeft < 0 || newLeft < 0) throw reader.errorBefore('a hunk has more lines than it says');
    const cut = reader.startsWith('\\ ');
    if (cut) {
      reader.take();
      if ((op !== '+' && oldLeft > 0) || (op !== '-' && newLeft > 0)) {
        throw reader.errorBefore('a line without a newline is not the last');
      }
    }
    lines.push({ op, text: cut ? raw.subarray(1, -1) : raw.subarray(1) });
  }
  if (lines.length === 0) throw reader.errorBefore('an empty hunk');
  return {
    oldStart,
    oldLines,
    newStart,
    newLines,
    section: rest.length > 0 ? rest.subarray(1) : null,
    lines,
  };
}

function readBinary(reader: Reader): BinaryHunk | null {
  const method = reader.startsWith('literal ') ? 'literal' : reader.startsWith('delta ') ? 'delta' : null;
  if (method === null) return null;
  const text = reader.takeAfter(`${method} `).toString('latin1');
  const size = /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
  if (size > LIMITS.patchBytes.cap) throw reader.errorBefore('unreadable or impossible size');
  const decoded = decodeLines(reader.buffer, reader.at);
  if (decoded === null) throw reader.error('broken binary data');
  reader.line += Math.ceil(decoded.bytes.length / 52) + 1;
  reader.at = decoded.next;
  return { method, size, deflated: decoded.bytes };
}
