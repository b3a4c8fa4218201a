/**
 * The patch language of `apply_patch`, read. Pure.
 *
 * A patch is handled as bytes in a string (`latin1`): what it adds to a file arrives there byte for
 * byte, whatever the encoding. The grammar is kept to where it matters and is forgiving where models
 * are known to slip: a here-document around it, CRLF ends, empty lines without their leading space,
 * `@@ -1,2 +1,3 @@` as in a unified diff.
 */

import { toText } from './bytes.ts';

/** One run of lines of an update: what to find, and what stands there afterwards. */
export interface Chunk {
  /** Lines to go past first, from `@@ …`. */
  contexts: string[];
  lines: { sign: ' ' | '-' | '+'; text: string }[];
  /** The chunk ends where the file ends. */
  atEnd: boolean;
  /** Line of the patch where it starts, from 1. */
  patchLine: number;
}

export type FileChange =
  | { kind: 'add'; path: string; lines: string[]; patchLine: number }
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
    if (line.trim() === '') at++;
    else if (header.startsWith(ADD)) {
      const path = pathOf(header, ADD, fail);
      at++;
      const added: string[] = [];
      while (at < lines.length && !isHeader(lines[at] ?? '')) {
        const text = lines[at] ?? '';
        if (text.startsWith('+')) added.push(text.slice(1));
        else if (text.trim() !== '' || restHasPlus(lines, at)) {
          fail(`every line of a new file starts with "+", not ${shown(text)}.`);
        }
        at++;
      }
      changes.push({ kind: 'add', path, lines: added, patchLine });
    } else if (header.startsWith(DELETE)) {
      changes.push({ kind: 'delete', path: pathOf(header, DELETE, fail), patchLine });
      at++;
    } else if (header.startsWith(UPDATE)) {
      const path = pathOf(header, UPDATE, fail);
      at++;
      const next = (lines[at] ?? '').trimStart();
      const moveTo = next.startsWith(MOVE) ? pathOf(next, MOVE, fail) : null;
      if (moveTo !== null) at++;
      const chunks: Chunk[] = [];
      while (at < lines.length && !isHeader(lines[at] ?? '')) {
        if ((lines[at] ?? '').trim() === '' && !hasChunkLine(lines, at)) at++;
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
  const chunk: Chunk = { contexts: [], lines: [], atEnd: false, patchLine: first + start };
  let at = start;
  for (; (lines[at] ?? '').startsWith('@@'); at++) {
    const context = contextOf(lines[at] ?? '');
    if (context !== '') chunk.contexts.push(context);
  }
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.trimEnd() === END_OF_FILE) {
      chunk.atEnd = true;
      at++;
      break;
    }
    if (line.startsWith('@@') || isHeader(line)) break;
    const sign = line[0];
    if (sign === ' ' || sign === '-' || sign === '+') chunk.lines.push({ sign, text: line.slice(1) });
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
  return text.trim() === '' || text.trim() === '@@' ? '' : text;
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
  return line.startsWith(ADD) || line.startsWith(DELETE) || line.startsWith(UPDATE);
}

function pathOf(line: string, header: string, fail: Fail): string {
  const path = line.slice(header.length).trim();
  return path === '' ? fail('a path is missing.') : path;
}

/** The lines between begin and end; `first` is the number of the first of them in the patch. */
function patchLines(patch: string): { lines: string[]; first: number } {
  const lines = patch.split('\n');
  if (lines.at(-1) === '') lines.pop();
  // Only a patch that has them throughout has them by its transport; a single one may be meant.
  if (lines.length > 0 && lines.every((line) => line.endsWith('\r'))) {
    lines.forEach((line, index) => (lines[index] = line.slice(0, -1)));
  }
  const begin = lines.findIndex((line) => line.trim() === BEGIN);
  if (begin < 0) throw new PatchError(`The patch must start with the line "${BEGIN}".`);
  const before = lines.slice(0, begin).filter((line) => line.trim() !== '');
  if (before.length > 1 || (before[0] !== undefined && !before[0].includes('<<'))) {
    throw new PatchError(`The patch must start with the line "${BEGIN}", not ${shown(before[0] ?? '')}.`);
  }
  const end = lines.findLastIndex((line) => line.trim() === END);
  if (end < begin) throw new PatchError(`The patch must end with the line "${END}".`);
  const after = lines.slice(end + 1).filter((line) => line.trim() !== '');
  if (after.length > 1)
    throw new PatchError(`After "${END}" nothing may follow, not ${shown(after[0] ?? '')}.`);
  return { lines: lines.slice(begin + 1, end), first: begin + 2 };
}

function shown(line: string): string {
  const text = toText(line);
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
