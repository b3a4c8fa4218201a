/** Whether what has no lines (a rename, a mode, a binary, …) is in the folder already. Reads only. */
import type { FileIO, FileState } from '../../client/apply/index.ts';
import { isPostImage, type WirePath } from '../../client/patch/index.ts';
import type { ReviewFile, WholePart } from '../../client/review/index.ts';

/** A file's path as things are: a rename that is not in the folder leaves it where it was. */
export function pathNow(file: ReviewFile, isIn: (id: string) => boolean): WirePath {
  const rename = file.whole.find(({ what }) => what === 'renamed');
  return rename && file.from && !isIn(rename.id) ? file.from : file.path;
}

export async function stands(io: FileIO, file: ReviewFile, part: WholePart, now: WirePath): Promise<boolean> {
  const last = file.parts.at(-1)!;
  switch (part.what) {
    case 'added':
    case 'content':
      return holds(await read(io, now), 'file', last);
    case 'deleted':
      return isGone(io, file.path);
    case 'renamed':
      return (await isGone(io, file.from ?? file.path)) && !(await isGone(io, file.path));
    case 'copied':
      return !(await isGone(io, file.path));
    case 'mode': {
      const state = await read(io, now);
      return state.kind === 'file' && state.executable === (last.newMode === '100755');
    }
    case 'link':
      return holds(await read(io, now), 'symlink', last);
    case 'typeChanged':
      return holds(await read(io, now), last.newMode === '120000' ? 'symlink' : 'file', last);
    case 'submodule':
      // Only git can move a submodule.
      return false;
  }
}

function holds(state: FileState, kind: 'file' | 'symlink', part: ReviewFile['parts'][number]): boolean {
  if (state.kind !== kind) return false;
  const bytes = state.kind === 'symlink' ? state.target : state.bytes;
  return isPostImage(bytes, part) || (bytes.length === 0 && part.body.type === 'none');
}

/** A folder may have taken its place. */
async function isGone(io: FileIO, path: WirePath): Promise<boolean> {
  const { kind } = await io.stat(path);
  return kind !== 'file' && kind !== 'symlink';
}

async function read(io: FileIO, path: WirePath): Promise<FileState> {
  return (await io.read(path)) ?? { kind: 'absent' };
}
