/**
 * A conflict as a merge editor wants it: what the change was made from, what stands in the folder, and
 * what the agent made. Each side is bytes, absent, or missing with what is needed to have it. Reads only.
 */
import { applyFilePatch, isPostImage } from '../patch/apply-file.ts';
import { isNullId, matchesId } from '../patch/blob.ts';
import type { FilePatch } from '../patch/types.ts';
import { nodeFileIO } from './node-io.ts';
import { ancestorsOf, refusalOf } from './paths.ts';
import { contentOf } from './state.ts';
import type { DocumentIO, FileIO, PlanItem, WirePath } from './types.ts';

export type Side =
  | { kind: 'bytes'; bytes: Uint8Array }
  /** There is no file on this side. */
  | { kind: 'absent' }
  | {
      kind: 'missing';
      why:
        | 'notInRepository' // the repository does not have the base: fetch its commit
        | 'unnamed' // the patch does not say which base it was made from
        | 'notAFile' // a folder or a device stands there, or its path leads elsewhere
        | 'needsBase' // what the agent made is the base with a change, and the base is missing
        | 'corruptPatch';
    };

export interface ThreeSides {
  base: Side;
  ours: Side;
  theirs: Side;
}

export interface SidesOptions {
  io?: FileIO;
  documents?: DocumentIO;
  /** A blob of the repository by its whole id; null when it does not have it. Without git: always null. */
  readBlob: (id: string) => Promise<Uint8Array | null>;
}

const ABSENT: Side = { kind: 'absent' };
const GITLINK = '160000';

export async function threeSides(root: string, item: PlanItem, options: SidesOptions): Promise<ThreeSides> {
  const io = options.io ?? nodeFileIO(root);
  const first = item.parts[0]!;
  const last = item.parts.at(-1)!;
  const ours = await standing(
    io,
    options.documents,
    item.from === undefined ? [item.path] : [item.from, item.path],
  );
  const base = await baseOf(first, ours, options.readBlob);
  return { base, ours, theirs: resultOf(last, last === first ? base : ABSENT, ours) };
}

/** A renamed file may already have moved. */
async function standing(io: FileIO, documents: DocumentIO | undefined, paths: WirePath[]): Promise<Side> {
  for (const path of paths) {
    if (refusalOf(path, io.platform) !== null) return { kind: 'missing', why: 'notAFile' };
    if (documents?.isDirty(path)) return { kind: 'bytes', bytes: await documents.read(path) };
    const state = await readSafely(io, path);
    if (state === null) return { kind: 'missing', why: 'notAFile' };
    const bytes = contentOf(state);
    if (bytes !== null) return { kind: 'bytes', bytes };
  }
  return ABSENT;
}

/** Never through a symlink: what stands beyond it is not the folder's. */
async function readSafely(io: FileIO, path: WirePath) {
  for (const folder of ancestorsOf(path)) {
    const { kind } = await io.stat(folder);
    if (kind === 'absent') return { kind: 'absent' } as const;
    if (kind !== 'folder') return null;
  }
  return io.read(path);
}

async function baseOf(file: FilePatch, ours: Side, readBlob: SidesOptions['readBlob']): Promise<Side> {
  const { oldId, body } = file;
  if (file.kind === 'added') return ABSENT;
  if (file.oldMode === GITLINK) return { kind: 'missing', why: 'notAFile' };
  if (oldId === null) return { kind: 'missing', why: 'unnamed' };
  if (ours.kind === 'bytes' && matchesId(ours.bytes, oldId)) return ours;
  // A binary change holds the way back, whole when it is a literal.
  if (body.type === 'binary' && body.reverse?.method === 'literal') {
    const back = applyFilePatch(new Uint8Array(), {
      ...file,
      oldId: '0'.repeat(oldId.length),
      newId: oldId,
      kind: 'modified',
      body: { type: 'binary', forward: body.reverse, reverse: null },
    });
    if (back.ok) return { kind: 'bytes', bytes: back.bytes };
  }
  const bytes = await readBlob(oldId);
  return bytes !== null && matchesId(bytes, oldId)
    ? { kind: 'bytes', bytes }
    : { kind: 'missing', why: 'notInRepository' };
}

function resultOf(file: FilePatch, base: Side, ours: Side): Side {
  if (file.kind === 'deleted') return ABSENT;
  if (file.newMode === GITLINK) return { kind: 'missing', why: 'notAFile' };
  if (ours.kind === 'bytes' && isPostImage(ours.bytes, file)) return ours;
  const { body, newId } = file;
  const before = base.kind === 'bytes' ? base.bytes : new Uint8Array();
  if (base.kind === 'missing') {
    if (body.type !== 'binary' || body.forward.method !== 'literal' || newId === null)
      return { kind: 'missing', why: 'needsBase' };
  }
  // A literal is the result whatever it was made from.
  const alone = base.kind === 'missing';
  const outcome = applyFilePatch(
    before,
    alone ? { ...file, oldId: nullLike(newId!), kind: 'modified' } : file,
  );
  return outcome.ok ? { kind: 'bytes', bytes: outcome.bytes } : { kind: 'missing', why: 'corruptPatch' };
}

function nullLike(id: string): string {
  return isNullId(id) ? id : '0'.repeat(id.length);
}
