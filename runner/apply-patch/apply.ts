/**
 * What a patch makes of files. Pure: it is given a way to read and says what to write; a patch that
 * does not fit in one place gives nothing at all.
 *
 * Faithful to what it does not change: lines of context stay as they are in the file even where they
 * were matched leniently; every line keeps its end, and new lines take that of their neighbours; a
 * byte order mark and a missing last newline stay.
 */
import { toText } from './bytes.ts';
import { Finder, joinLines, splitLines, type Line, type TextFile } from './lines.ts';
import { PatchError, type Chunk, type FileChange } from './parse.ts';

/** What stands at a path: its bytes as a string, or what else there is. */
export type FileState =
  { kind: 'file'; content: string } | { kind: 'absent' } | { kind: 'other'; what: string };

export interface Outcome {
  /** What is to be at a path afterwards; null: nothing. A path is here once. */
  writes: Map<string, { content: string; modeFrom: string | null } | null>;
  /** For the report, in the order of the patch. */
  report: { letter: 'A' | 'M' | 'D'; path: string }[];
}

/** `key` names a path so that two spellings of one file are the same. */
export function applyChanges(
  changes: readonly FileChange[],
  key: (path: string) => string,
  read: (path: string) => FileState,
): Outcome {
  const writes: Outcome['writes'] = new Map();
  const report: Outcome['report'] = [];
  const now = (path: string): FileState => {
    const staged = writes.get(key(path));
    if (staged === undefined) return read(key(path));
    return staged === null ? { kind: 'absent' } : { kind: 'file', content: staged.content };
  };
  const origin = (path: string) => writes.get(key(path))?.modeFrom ?? key(path);

  for (const change of changes) {
    const state = now(change.path);
    if (state.kind === 'other') throw new PatchError(`${toText(change.path)} is ${state.what}, not a file.`);
    switch (change.kind) {
      case 'add': {
        const content = change.lines.map((line) => `${line}\n`).join('');
        const existed = state.kind === 'file';
        writes.set(key(change.path), { content, modeFrom: existed ? origin(change.path) : null });
        report.push({ letter: existed ? 'M' : 'A', path: change.path });
        break;
      }
      case 'delete':
        if (state.kind === 'absent')
          throw new PatchError(`${toText(change.path)} cannot be deleted: it does not exist.`);
        writes.set(key(change.path), null);
        report.push({ letter: 'D', path: change.path });
        break;
      case 'update': {
        if (state.kind === 'absent')
          throw new PatchError(`${toText(change.path)} cannot be updated: it does not exist.`);
        const content = updated(change.path, state.content, change.chunks);
        const target = change.moveTo ?? change.path;
        const modeFrom = origin(change.path);
        if (key(target) !== key(change.path)) {
          const there = now(target);
          if (there.kind === 'other') throw new PatchError(`${toText(target)} is ${there.what}, not a file.`);
          writes.set(key(change.path), null);
        }
        writes.set(key(target), { content, modeFrom });
        report.push({ letter: 'M', path: target });
        break;
      }
    }
  }
  return { writes, report };
}

interface Replacement {
  at: number;
  removed: number;
  lines: Line[];
}

function updated(path: string, content: string, chunks: readonly Chunk[]): string {
  const file = splitLines(content);
  const finder = new Finder(file.lines);
  const replacements: Replacement[] = [];
  let cursor = 0;
  for (const [index, chunk] of chunks.entries()) {
    const place = locate({ path, content, file, finder, chunk, number: index + 1, cursor });
    replacements.push(...replacementsOf(chunk, place, file));
    cursor = place.at + place.length;
  }
  const lines: Line[] = [];
  let copied = 0;
  for (const { at, removed, lines: added } of replacements) {
    for (; copied < at; copied++) lines.push(file.lines[copied] as Line);
    lines.push(...added);
    copied += removed;
  }
  for (; copied < file.lines.length; copied++) lines.push(file.lines[copied] as Line);
  return joinLines({ bom: file.bom, lines: withEnds(lines, file) });
}

interface Search {
  path: string;
  content: string;
  file: TextFile;
  finder: Finder;
  chunk: Chunk;
  number: number;
  cursor: number;
}

interface Place {
  at: number;
  /** How many lines of the file the chunk covers. */
  length: number;
}

function locate(search: Search): Place {
  const { chunk, finder, file } = search;
  const wanted = chunk.lines.filter((line) => line.sign !== '+').map((line) => line.text);
  let from = search.cursor;
  let missing: string | null = null;
  for (const context of chunk.contexts) {
    const at = finder.find([context], from, false);
    if (at === null) {
      missing = context;
      break;
    }
    from = at + 1;
  }
  if (wanted.length === 0) {
    if (missing !== null) throw notFound(search, [missing], 'the line after @@');
    // Nothing but new lines: behind the named line, or else at the end.
    return { at: chunk.contexts.length > 0 && !chunk.atEnd ? from : file.lines.length, length: 0 };
  }
  if (missing === null) {
    const at = finder.find(wanted, from, chunk.atEnd) ?? againAtContext(search, wanted, from);
    if (at !== null) return { at, length: wanted.length };
    // A last empty line of context often stands for the newline that ends the file.
    if (wanted.length > 1 && wanted.at(-1) === '') {
      const shorter = wanted.slice(0, -1);
      const end = finder.find(shorter, from, true);
      if (end !== null && end + shorter.length === file.lines.length)
        return { at: end, length: shorter.length };
    }
  }
  // The place is clear without the line after @@, or in spite of it.
  const [only, ...others] = finder.findExact(wanted, 2);
  if (missing !== null && only !== undefined && others.length === 0 && only >= search.cursor) {
    return { at: only, length: wanted.length };
  }
  if (missing !== null) throw notFound(search, [missing], 'the line after @@');
  throw notFound(search, wanted, 'these lines');
}

/** The named line is also the first line of the change: the model wrote it twice. */
function againAtContext(search: Search, wanted: string[], from: number): number | null {
  if (search.chunk.contexts.length === 0 || from === 0) return null;
  const at = search.finder.find(wanted, from - 1, false);
  return at === from - 1 ? at : null;
}

function notFound(search: Search, wanted: string[], what: string): PatchError {
  const { path, number, chunk, finder, file, cursor, content } = search;
  const sentences = [
    `${toText(path)}: change ${number} (line ${chunk.patchLine} of the patch) does not fit. In the file ${what} cannot be found${cursor > 0 ? ` after line ${cursor}, where the change before ends` : ''}:`,
    ...wanted.slice(0, MAX_SHOWN_LINES).map((line) => `  | ${readable(line)}`),
  ];
  if (wanted.length > MAX_SHOWN_LINES) sentences.push(`  | … ${wanted.length - MAX_SHOWN_LINES} more`);
  const earlier = cursor > 0 ? finder.find(wanted, 0, false) : null;
  const nearest = earlier ?? finder.nearest(wanted);
  if (content.startsWith('\xff\xfe') || content.startsWith('\xfe\xff')) {
    sentences.push('The file is UTF-16, which apply_patch cannot edit; use a program for it.');
  } else if (content.includes('\0')) {
    sentences.push('The file is binary, which apply_patch cannot edit; use a program for it.');
  } else if (earlier !== null) {
    sentences.push(`They stand at line ${earlier + 1}: the changes of one file go from its top to its end.`);
  } else if (nearest === null) {
    sentences.push('Nothing in the file is like it. Read the file again.');
  } else {
    sentences.push(`The nearest place in the file is line ${nearest + 1}:`);
    const around = file.lines.slice(nearest, nearest + Math.min(wanted.length, MAX_SHOWN_LINES));
    sentences.push(...around.map((line, index) => `  ${nearest + index + 1}: ${readable(line.text)}`));
    const differs = around.findIndex((line, index) => line.text !== wanted[index]);
    if (differs >= 0) sentences.push(`The first difference is in line ${nearest + differs + 1}.`);
  }
  sentences.push('Nothing was changed.');
  return new PatchError(sentences.join('\n'));
}

const MAX_SHOWN_LINES = 12;
const MAX_SHOWN_CHARS = 200;

function readable(line: string): string {
  const text = toText(line);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

/** Runs of removed and added lines; what is context in between is not touched. */
function replacementsOf(chunk: Chunk, place: Place, file: TextFile): Replacement[] {
  const found: Replacement[] = [];
  let at = place.at;
  let open: Replacement | null = null;
  for (const { sign, text } of chunk.lines) {
    if (sign === ' ') {
      if (at < place.at + place.length) at++;
      open = null;
      continue;
    }
    if (open === null) {
      open = { at, removed: 0, lines: [] };
      found.push(open);
    }
    if (sign === '-') {
      if (at < place.at + place.length) {
        at++;
        open.removed++;
      }
    } else open.lines.push({ text, eol: '?' });
  }
  for (const one of found) {
    const first = file.lines[one.at];
    const neighbour = one.removed > 0 ? first : (file.lines[one.at - 1] ?? first);
    for (const line of one.lines) line.eol = neighbour?.eol || usualEol(file);
  }
  return found;
}

function usualEol(file: TextFile): string {
  return file.lines.find((line) => line.eol !== '')?.eol ?? '\n';
}

/** Only the last line may have no end, and it has none exactly if the file's had none. */
function withEnds(lines: Line[], file: TextFile): Line[] {
  const endsOpen = file.lines.at(-1)?.eol === '';
  const usual = usualEol(file);
  return lines.map((line, index) => {
    const isLast = index === lines.length - 1;
    const eol = isLast && endsOpen ? '' : line.eol === '' ? usual : line.eol;
    // A patch may write the carriage return of a CRLF file out.
    const text = eol === '\r\n' && line.text.endsWith('\r') ? line.text.slice(0, -1) : line.text;
    return text === line.text && eol === line.eol ? line : { text, eol };
  });
}
