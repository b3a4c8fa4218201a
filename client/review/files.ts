/**
 * A patch as files to review. What has lines becomes hunks; what has none (a rename, a mode, a binary, a
 * link, a deletion, …) is decided whole. Which part needs which other is said by id, across files too: a
 * file can only be put where another part of the patch makes room.
 */
import { createHash } from 'node:crypto';
import { bytesOfPath, pathKey } from '../patch/names.ts';
import type { FilePatch, Patch, WirePath } from '../patch/types.ts';
import { ID_CHARACTERS, hunksOf, splitHunk } from './hunks.ts';
import type { ReviewFile, ReviewHunk, Split, WholePart } from './types.ts';
import type { Work } from './work.ts';

const LINK = '120000';
const SUBMODULE = '160000';

export function* reviewing(patch: Patch): Work<ReviewFile[]> {
  const files: ReviewFile[] = [];
  for (const parts of grouped(patch.files)) {
    files.push(yield* fileOf(parts));
    yield;
  }
  const room = roomOf(files);
  return files.map((file) => withRoom(file, room));
}

/** A deletion and a creation of one path are one file that changes its type. */
function grouped(files: FilePatch[]): FilePatch[][] {
  const groups: FilePatch[][] = [];
  const deletions = new Map<string, FilePatch[]>();
  for (const file of files) {
    const deletion = file.kind === 'added' ? deletions.get(pathKey(file.newPath)) : undefined;
    if (deletion?.length === 1) {
      deletion.push(file);
      continue;
    }
    const group = [file];
    groups.push(group);
    if (file.kind === 'deleted') deletions.set(pathKey(file.oldPath), group);
  }
  return groups;
}

function* fileOf(parts: FilePatch[]): Work<ReviewFile> {
  const file = parts[0]!;
  const whole = wholeOf(parts).map((what) => ({ id: idOf(parts, what), what, needs: [] as string[] }));
  const copy = whole.find((part) => part.what === 'copied');
  for (const part of whole) if (copy && part !== copy) part.needs.push(copy.id);
  const moved = file.kind === 'renamed' || file.kind === 'copied';
  return {
    path: file.newPath,
    ...(moved ? { from: file.oldPath } : {}),
    kind: parts.length > 1 ? 'typeChanged' : file.kind,
    whole,
    hunks: hasHunks(parts) ? yield* hunksOf(file, pathKey(file.newPath), copy ? [copy.id] : []) : [],
    parts,
  };
}

/** An added file is there as soon as one of its lines is; a deletion is one decision. */
function hasHunks(parts: FilePatch[]): boolean {
  const file = parts[0]!;
  const special = [file.oldMode, file.newMode].some((mode) => mode === LINK || mode === SUBMODULE);
  return parts.length === 1 && file.body.type === 'text' && file.kind !== 'deleted' && !special;
}

function wholeOf(parts: FilePatch[]): WholePart['what'][] {
  const file = parts[0]!;
  if (parts.length > 1) return ['typeChanged'];
  const modes = [file.oldMode, file.newMode];
  if (file.kind === 'deleted') return ['deleted'];
  const what: WholePart['what'][] = [];
  if (file.kind === 'renamed' || file.kind === 'copied') what.push(file.kind);
  const special = modes.includes(SUBMODULE) ? 'submodule' : modes.includes(LINK) ? 'link' : null;
  if (special !== null) {
    if (file.body.type !== 'none' || what.length === 0) what.push(special);
    return what;
  }
  if (file.kind === 'added') return file.body.type === 'text' ? [] : ['added'];
  if (file.oldMode !== file.newMode) what.push('mode');
  if (file.body.type === 'binary' || file.body.type === 'binaryWithoutContent') what.push('content');
  return what;
}

function idOf(parts: FilePatch[], what: WholePart['what']): string {
  const hash = createHash('sha256').update(what);
  for (const file of parts) {
    for (const path of [file.oldPath, file.newPath]) hash.update('\0').update(bytesOfPath(path));
    hash.update(JSON.stringify([file.oldMode, file.newMode, file.oldId, file.newId]));
    if (file.body.type === 'binary') hash.update(file.body.forward.deflated);
    if (file.body.type !== 'text') continue;
    for (const hunk of file.body.hunks) for (const { op, text } of hunk.lines) hash.update(op).update(text);
  }
  return hash.digest('hex').slice(0, ID_CHARACTERS);
}

/** Which part frees a path, and which parts free paths below it. */
interface Room {
  at: Map<string, string>;
  below: Map<string, string[]>;
}

function roomOf(files: readonly ReviewFile[]): Room {
  const room: Room = { at: new Map(), below: new Map() };
  for (const file of files) {
    const part = file.whole.find(({ what }) => what === 'deleted' || what === 'renamed');
    if (part === undefined) continue;
    const path = nameOf(file.from ?? file.path);
    room.at.set(path, part.id);
    for (const folder of above(path)) {
      const known = room.below.get(folder);
      if (known) known.push(part.id);
      else room.below.set(folder, [part.id]);
    }
  }
  return room;
}

/** One character for each byte, so that folders can be told in any name. */
function nameOf(path: WirePath): string {
  return bytesOfPath(path).toString('latin1');
}

function above(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
    folders.push(path.slice(0, at));
  return folders;
}

/** Adds what must go before the new path is free: what stands there, above it or below it. */
function withRoom(file: ReviewFile, room: Room): ReviewFile {
  const moved = file.kind === 'renamed' || file.kind === 'copied';
  if (!moved && file.kind !== 'added') return file;
  const path = nameOf(file.path);
  const needs = [path, ...above(path)].flatMap((place) => room.at.get(place) ?? []);
  needs.push(...(room.below.get(path) ?? []));
  // Whatever makes a new path needs the room; what only changes the content at the old one does not.
  const makes = (what: WholePart['what']) => !moved || what === file.kind;
  const placed = <T extends WholePart | ReviewHunk>(part: T): T => ({
    ...part,
    needs: [...new Set([...part.needs, ...needs.filter((id) => id !== part.id)])],
  });
  return {
    ...file,
    whole: file.whole.map((part) => (makes(part.what) ? placed(part) : part)),
    hunks: moved ? file.hunks : file.hunks.map(placed),
  };
}

/** The hunks after these splits; a split whose hunk is not there (any more) is left out. */
export function splitHunks(hunks: readonly ReviewHunk[], splits: readonly Split[]): ReviewHunk[] {
  const result = [...hunks];
  for (const { id, selection } of splits) {
    const at = result.findIndex((hunk) => hunk.id === id);
    const outcome = at < 0 ? null : splitHunk(result[at]!, selection);
    if (outcome?.ok) result.splice(at, 1, ...inOrder([outcome.chosen, ...outcome.rest]));
  }
  return result;
}

function inOrder(hunks: ReviewHunk[]): ReviewHunk[] {
  return hunks.sort((one, two) => one.old.start - two.old.start || one.new.start - two.new.start);
}

/** These ids with all that they need, and what those need. */
export function withNeeds(files: readonly ReviewFile[], ids: Iterable<string>): Set<string> {
  const needs = new Map<string, string[]>();
  for (const file of files) for (const item of [...file.whole, ...file.hunks]) needs.set(item.id, item.needs);
  const all = new Set<string>();
  const open = [...ids];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (all.has(id)) continue;
    all.add(id);
    open.push(...(needs.get(id) ?? []));
  }
  return all;
}
