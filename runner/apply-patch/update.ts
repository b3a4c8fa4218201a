/**
 * What the chunks of an update make of a file. Pure.
 *
 * Faithful to what it does not change: lines of context stay as they are in the file even where they
 * were matched leniently; every line keeps its end, and new lines take that of their neighbours; the
 * encoding, a byte order mark and a missing last newline stay.
 */
import { toText } from './bytes.ts';
import { decoded, encoded, encodingName, encodingOf, lineIn, type Encoding } from './encoding.ts';
import { Finder } from './finder.ts';
import { BOM, TextFile } from './lines.ts';
import { PatchError, type Chunk } from './parse.ts';
import { locate, wantedOf, type Place, type Search } from './place.ts';

interface Replacement {
  at: number;
  removed: number;
  lines: string[];
  /** How these lines end. */
  eol: string;
}

export function updated(
  path: string,
  content: string,
  chunks: readonly Chunk[],
): { content: string; notes: string[] } {
  const encoding = encodingOf(content);
  const file = new TextFile(decoded(content, encoding));
  const finder = new Finder(file);
  const replacements: Replacement[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  let endsOpen = file.length > 0 && file.eol(file.length - 1) === '';
  let cursor = 0;
  for (const [index, original] of chunks.entries()) {
    try {
      const chunk = asInFile(original, encoding, `${toText(path)}: change ${index + 1}`);
      const search: Search = { path, encoding, file, finder, chunk, number: index + 1, cursor };
      const place = locate(search);
      notes.push(...notesOn(search, place));
      replacements.push(...replacementsOf(chunk, place, file));
      cursor = place.at + place.length;
      if (chunk.endsOpen !== null && cursor === file.length) endsOpen = chunk.endsOpen;
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      if (problems.push(error.message) === MAX_PROBLEMS) break;
    }
  }
  if (problems.length > 0) throw new PatchError(problems.join('\n'));

  return { content: encoded(replaced(file, replacements, endsOpen), encoding), notes };
}

/** Only the last line may have no end. */
function replaced(file: TextFile, replacements: readonly Replacement[], endsOpen: boolean): string {
  const parts: string[] = [];
  let lastEol = '';
  let copied = 0;
  const copyTo = (line: number) => {
    if (line <= copied) return;
    parts.push(file.slice(copied, line));
    lastEol = file.eol(line - 1);
    if (lastEol === '') parts.push((lastEol = file.usualEol()));
    copied = line;
  };
  for (const { at, removed, lines, eol } of replacements) {
    copyTo(at);
    for (const line of lines) parts.push(line, eol);
    if (lines.length > 0) lastEol = eol;
    copied = at + removed;
  }
  copyTo(file.length);
  const text = parts.join('');
  return file.bom + (endsOpen ? text.slice(0, text.length - lastEol.length) : text);
}

/** As many as can be mended at once. */
const MAX_PROBLEMS = 5;

/** What a patch adds has to be written as the file is; what it looks for may be written otherwise. */
function asInFile(chunk: Chunk, encoding: Encoding, where: string): Chunk {
  const lines = chunk.lines.map(({ sign, text }) => {
    const inFile = lineIn(encoding, text);
    if (inFile === null && sign === '+') {
      throw new PatchError(
        `${where} (line ${chunk.patchLine} of the patch) adds a letter that the file's encoding, ${encodingName(encoding)}, does not have:\n  | ${toText(text)}`,
      );
    }
    return { sign, text: inFile ?? text };
  });
  return { ...chunk, contexts: chunk.contexts.map((text) => lineIn(encoding, text) ?? text), lines };
}

function notesOn(search: Search, place: Place): string[] {
  const { path, encoding, chunk, number, finder, cursor } = search;
  const notes: string[] = [];
  if (
    encoding === 'windows1252' &&
    chunk.lines.some(({ sign, text }) => sign === '+' && /[^\x00-\x7f]/.test(text))
  ) {
    notes.push(
      `${toText(path)} is not UTF-8: the new lines of change ${number} were written as Windows-1252.`,
    );
  }
  if (chunk.contexts.length > 0 || chunk.atEnd || chunk.lines.every(({ sign }) => sign === '+')) return notes;
  const others = finder.findExact(wantedOf(chunk), cursor, 3).filter((at) => at !== place.at);
  if (others.length > 0) {
    const also = others.map((at) => at + 1).join(' and ');
    notes.push(
      `${toText(path)}: change ${number} was made at line ${place.at + 1}; its lines stand at line ${also} too. If another place is meant, name a line above it after "@@ ".`,
    );
  }
  return notes;
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
      open = { at, removed: 0, lines: [], eol: '' };
      found.push(open);
    }
    if (sign === '-') {
      if (at < place.at + place.length) {
        at++;
        open.removed++;
      }
    } else open.lines.push(text);
  }
  for (const one of found) {
    const neighbour = one.removed > 0 || one.at === 0 ? one.at : one.at - 1;
    const eol = (neighbour < file.length && file.eol(neighbour)) || file.usualEol();
    one.eol = eol;
    one.lines = one.lines.map((text, index) => {
      // A patch may write out the carriage return of a CRLF file, and the mark a file starts with.
      const hasMark = one.at === 0 && index === 0 && file.bom !== '' && text.startsWith(BOM);
      const hasReturn = eol === '\r\n' && text.endsWith('\r');
      return text.slice(hasMark ? BOM.length : 0, hasReturn ? -1 : undefined);
    });
  }
  return found;
}
