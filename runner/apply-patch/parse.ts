/**
 * The patch language of `apply_patch`, read. Pure.
 *
 * A patch is handled as bytes in a string (`latin1`): what it adds to a file arrives there byte for
 * byte, whatever the encoding. The grammar is kept to where it matters and is forgiving where models
 * are known to slip: a here-document or a fence around it, CRLF ends, empty lines without their leading
 * space, the headers of a unified diff. Beyond the grammar it knows that diff's
 * `\\ No newline at end of file`: nothing else can say it.
 */
import { toText } from './bytes.ts';
import { BOM, trimmed, trimmedRight } from './lines.ts';

/** One run of lines of an update: what to find, and what stands there afterwards. */
export interface Chunk {
  /** Lines to go past first, from `@@ …`. */
  contexts: string[];
  lines: { sign: ' ' | '-' | '+'; text: string }[];
  /** The chunk ends where the file ends. */
  atEnd: boolean;
  /** Whether the file then ends without a newline; null: as it did. */
  endsOpen: boolean | null;
  /** Line of the patch where it starts, from 1. */
  patchLine: number;
}

export type FileChange =
  | { kind: 'add'; path: string; lines: string[]; endsOpen: boolean; patchLine: number }
  | { kind: 'delete'; path: string; patchLine: number }
  | { kind: 'update'; path: string; moveTo: string | null; chunks: Chunk[]; patchLine: number };

export class PatchError extends Error {}

const BEGIN = '*** Begin Patch';
const END = '*** End Patch';
const ADD = '*** Add File: ';
const DELETE = '*** Delete File: ';
const UPDATE = '*** Update File: ';
const MOVE = '*** Move to: ';
const END_OF_FILE = '*** End of File';
const NO_NEWLINE = '\\ No newline';

export function parsePatch(patch: string): FileChange[] {
  const { lines, first } = patchLines(patch);
  const changes: FileChange[] = [];
  let at = 0;
  const fail = (problem: string, line = at): never => {
    throw new PatchError(`The patch cannot be read, line ${first + line}: ${problem}`);
  };

  while (at < lines.length) {
    const line = lines[at] ?? '';
    const patchLine = first + at;
    const header = line.trimStart();
    // Two patches in one text are one.
    if (trimmed(line) === '' || isEnd(line)) at++;
    else if (header.startsWith(ADD)) {
      const path = pathOf(header, ADD, fail);
      at = pastDiffHeader(lines, at + 1, true);
      const added: string[] = [];
      let endsOpen = false;
      while (at < lines.length && !isHeader(lines[at] ?? '')) {
        const text = lines[at] ?? '';
        if (text.startsWith('+')) added.push(text.slice(1));
        else if (text.startsWith(NO_NEWLINE)) endsOpen = added.length > 0;
        else if (trimmedRight(text) !== END_OF_FILE && (trimmed(text) !== '' || restHasPlus(lines, at))) {
          fail(`every line of a new file starts with "+", not ${shown(text)}.`);
        }
        at++;
      }
      changes.push({ kind: 'add', path, lines: added, endsOpen, patchLine });
    } else if (header.startsWith(DELETE)) {
      changes.push({ kind: 'delete', path: pathOf(header, DELETE, fail), patchLine });
      at++;
    } else if (header.startsWith(UPDATE)) {
      const path = pathOf(header, UPDATE, fail);
      at++;
      const next = (lines[at] ?? '').trimStart();
      const moveTo = next.startsWith(MOVE) ? pathOf(next, MOVE, fail) : null;
      if (moveTo !== null) at++;
      at = pastDiffHeader(lines, at, false);
      const chunks: Chunk[] = [];
      while (at < lines.length && !isHeader(lines[at] ?? '')) {
        if (trimmed(lines[at] ?? '') === '' && !hasChunkLine(lines, at)) at++;
        else at = readChunk(lines, at, first, chunks, fail);
      }
      if (chunks.length === 0 && moveTo === null)
        fail(`the update of ${toText(path)} changes nothing.`, at - 1);
      changes.push({ kind: 'update', path, moveTo, chunks, patchLine });
    } else {
      fail(`expected "${ADD.trim()}", "${DELETE.trim()}" or "${UPDATE.trim()}", not ${shown(line)}.`);
    }
  }
  if (changes.length === 0) throw new PatchError('The patch contains no file.');
  return changes;
}

type Fail = (problem: string, line?: number) => never;

function readChunk(lines: string[], start: number, first: number, chunks: Chunk[], fail: Fail): number {
  const chunk: Chunk = { contexts: [], lines: [], atEnd: false, endsOpen: null, patchLine: first + start };
  let at = start;
  for (; (lines[at] ?? '').startsWith('@@'); at++) {
    const context = contextOf(lines[at] ?? '');
    if (context !== '') chunk.contexts.push(context);
  }
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (trimmedRight(line) === END_OF_FILE) {
      chunk.atEnd = true;
      at++;
      break;
    }
    if (line.startsWith('@@') || isHeader(line)) break;
    const sign = line[0];
    if (sign === ' ' || sign === '-' || sign === '+') chunk.lines.push({ sign, text: line.slice(1) });
    else if (line.startsWith(NO_NEWLINE) && chunk.lines.length > 0) {
      chunk.atEnd = true;
      chunk.endsOpen = chunk.lines.at(-1)?.sign !== '-';
    }
    // An empty line of context that lost its space; before the next header it is only layout.
    else if (line === '') {
      if (!hasChunkLine(lines, at)) break;
      chunk.lines.push({ sign: ' ', text: '' });
    } else {
      fail(
        `a line of a change starts with " ", "-" or "+", not ${shown(line)}. Unchanged lines start with a space.`,
        at,
      );
    }
  }
  if (chunk.lines.length === 0) fail('a change without lines.', start);
  chunks.push(chunk);
  return at;
}

/** `@@ -1,2 +1,3 @@ name` of a unified diff says no more than `@@` here: its numbers are often wrong. */
function contextOf(line: string): string {
  const rest = line.slice(2);
  if (/^ -\d+(,\d+)? \+\d+(,\d+)? @@/.test(rest)) return '';
  const text = rest.startsWith(' ') ? rest.slice(1) : rest;
  return trimmed(text) === '' || trimmed(text) === '@@' ? '' : text;
}

/** Whether a line of change follows before the next header: only then is an empty line a part of it. */
function hasChunkLine(lines: string[], from: number): boolean {
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line !== '') return !isHeader(line);
  }
  return false;
}

function restHasPlus(lines: string[], from: number): boolean {
  for (let at = from; at < lines.length && !isHeader(lines[at] ?? ''); at++) {
    if ((lines[at] ?? '').startsWith('+')) return true;
  }
  return false;
}

function isHeader(line: string): boolean {
  return line.startsWith(ADD) || line.startsWith(DELETE) || line.startsWith(UPDATE) || isEnd(line);
}

/** The end of a patch that another one follows, or its start. */
function isEnd(line: string): boolean {
  return line.startsWith('***') && [BEGIN, END].includes(trimmedRight(line));
}

/** `--- a/file`, `+++ b/file`, and for a new file `@@ -0,0 +1,3 @@`: what the line before said already. */
function pastDiffHeader(lines: string[], start: number, isNew: boolean): number {
  let at = start;
  while (/^(diff --git |index [0-9a-f]+\.\.|new file mode )/.test(lines[at] ?? '')) at++;
  const isNamed = (lines[at] ?? '').startsWith('--- ') && (lines[at + 1] ?? '').startsWith('+++ ');
  // Without @@ they may as well be a removed and an added line.
  if (isNamed && (lines[at + 2] ?? '').startsWith('@@')) at += 2;
  if (isNew && /^@@ -0,0 \+\d+(,\d+)? @@/.test(lines[at] ?? '')) at++;
  return at;
}

function pathOf(line: string, header: string, fail: Fail): string {
  const path = trimmed(line.slice(header.length));
  return path === '' ? fail('a path is missing.') : path;
}

/** The lines between begin and end; `first` is the number of the first of them in the patch. */
function patchLines(patch: string): { lines: string[]; first: number } {
  const lines = (patch.startsWith(BOM) ? patch.slice(BOM.length) : patch).split('\n');
  if (lines.at(-1) === '') lines.pop();
  // Only a patch that has them throughout has them by its transport; a single one may be meant.
  if (lines.length > 0 && lines.every((line) => line.endsWith('\r'))) {
    lines.forEach((line, index) => (lines[index] = line.slice(0, -1)));
  }
  const begin = lines.findIndex((line) => trimmed(line) === BEGIN);
  if (begin < 0) throw new PatchError(`The patch must start with the line "${BEGIN}".`);
  const before = lines
    .slice(0, begin)
    .find((line) => !isWrapping(line) && !/^(.*\s)?apply_patch\b/.test(line));
  if (before !== undefined) {
    throw new PatchError(`The patch must start with the line "${BEGIN}", not ${shown(before)}.`);
  }
  const end = lines.findLastIndex((line) => trimmed(line) === END);
  if (end < begin) throw new PatchError(`The patch must end with the line "${END}".`);
  const after = lines.slice(end + 1).find((line) => !isWrapping(line));
  if (after !== undefined) throw new PatchError(`After "${END}" nothing may follow, not ${shown(after)}.`);
  return { lines: lines.slice(begin + 1, end), first: begin + 2 };
}

/** What a model leaves around a patch: a fence, the start or the end of a here-document, its quotes. */
function isWrapping(line: string): boolean {
  const text = trimmed(line);
  return text === '' || /^(```|~~~)[\w-]*$/.test(text) || text.includes('<<') || /^\w*['")]*$/.test(text);
}

function shown(line: string): string {
  const text = toText(line);
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
