/** Where in a file a chunk belongs, or what its author needs to know to mend it. Pure. */
import { toText } from './bytes.ts';
import type { Encoding } from './encoding.ts';
import { areAlike, type Finder } from './finder.ts';
import type { TextFile } from './lines.ts';
import { PatchError, type Chunk } from './parse.ts';

export interface Search {
  path: string;
  encoding: Encoding;
  file: TextFile;
  finder: Finder;
  chunk: Chunk;
  /** Of the chunk in its file, from 1. */
  number: number;
  /** Where the chunk before ends. */
  cursor: number;
}

export interface Place {
  at: number;
  /** How many lines of the file the chunk covers. */
  length: number;
}

/** The lines of a chunk that have to be in the file. */
export function wantedOf(chunk: Chunk): string[] {
  return chunk.lines.filter((line) => line.sign !== '+').map((line) => line.text);
}

export function locate(search: Search): Place {
  const { chunk, finder, file } = search;
  const wanted = wantedOf(chunk);
  let from = search.cursor;
  let missing: string | null = null;
  for (const context of chunk.contexts) {
    const at = finder.find([context], from, false) ?? finder.findBeginning(context, from);
    if (at === null) {
      missing = context;
      break;
    }
    from = at + 1;
  }
  if (wanted.length === 0) {
    if (missing !== null) throw notFound(search, [missing], 'the line after @@');
    // Nothing but new lines: behind the named line, or else at the end.
    return { at: chunk.contexts.length > 0 && !chunk.atEnd ? from : file.length, length: 0 };
  }
  if (missing === null) {
    const at = finder.find(wanted, from, chunk.atEnd) ?? againAtContext(search, wanted, from);
    if (at !== null) return { at, length: wanted.length };
    // A last empty line of context often stands for the newline that ends the file.
    if (wanted.length > 1 && wanted.at(-1) === '') {
      const shorter = wanted.slice(0, -1);
      const end = finder.find(shorter, from, true);
      if (end !== null && end + shorter.length === file.length) return { at: end, length: shorter.length };
    }
  }
  // The place is clear without the line after @@, or in spite of it.
  const [only, ...others] = finder.findExact(wanted, 0, 2);
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
  const { path, number, chunk, finder, file, cursor, encoding } = search;
  const sentences = [
    `${toText(path)}: change ${number} (line ${chunk.patchLine} of the patch) does not fit. In the file ${what} cannot be found${cursor > 0 ? ` after line ${cursor}, where the change before ends` : ''}:`,
    ...wanted.slice(0, MAX_SHOWN_LINES).map((line) => `  | ${readable(line)}`),
  ];
  if (wanted.length > MAX_SHOWN_LINES) sentences.push(`  | … ${wanted.length - MAX_SHOWN_LINES} more`);
  const before = cursor > 0 ? finder.find(wanted, 0, false) : null;
  const earlier = before !== null && before < cursor ? before : null;
  const nearest = earlier ?? finder.nearest(wanted);
  if (encoding === 'binary') {
    sentences.push(
      'The file is binary, or UTF-16 without a byte order mark, which apply_patch cannot edit; use a program for it.',
    );
  } else if (file.length === 0) {
    sentences.push('The file is empty.');
  } else if (earlier !== null) {
    sentences.push(`They stand at line ${earlier + 1}: the changes of one file go from its top to its end.`);
  } else if (nearest === null) {
    sentences.push('Nothing in the file is like it. Read the file again.');
  } else {
    sentences.push(`The nearest place in the file is line ${nearest + 1}:`);
    const count = Math.min(wanted.length, MAX_SHOWN_LINES, file.length - nearest);
    const around = Array.from({ length: count }, (_, index) => file.text(nearest + index));
    sentences.push(...around.map((line, index) => `  ${nearest + index + 1}: ${readable(line)}`));
    const differs = around.findIndex((line, index) => !areAlike(line, wanted[index] ?? ''));
    if (differs >= 0) sentences.push(`The first difference is in line ${nearest + differs + 1}.`);
    else if (around.length < wanted.length) sentences.push('There the file ends.');
  }
  return new PatchError(sentences.join('\n'));
}

const MAX_SHOWN_LINES = 12;
const MAX_SHOWN_CHARS = 200;

function readable(line: string): string {
  const text = toText(line);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}
