/**
 * The files of a commit, as the planner sees a folder: so that a patch is judged by one set of rules
 * wherever it goes. Trees are read only as far as the patch's paths lead. Reads only.
 */
import type { FileIO, FileState, PathStat, WirePath } from '../apply/types.ts';
import { gitLine } from '../git/git.ts';
import type { ObjectReader } from '../git/objects.ts';
import { bytesOfPath, pathFromBytes } from '../patch/names.ts';
import { CodexError } from '../../protocol/errors.ts';

export interface TreeEntry {
  /** Git's mode: "100644", "040000", "160000", … */
  mode: string;
  id: string;
}

export interface TreeFiles extends FileIO {
  /** What the commit has at a path; null when nothing. */
  entry(path: WirePath): Promise<TreeEntry | null>;
}

export const FOLDER = '040000';
export const GITLINK = '160000';
const SYMLINK = '120000';

/** By name as latin1: each byte of a name is one character. */
type Tree = Map<string, TreeEntry>;

export async function treeFiles(root: string, tree: string, objects: ObjectReader): Promise<TreeFiles> {
  const ignoreCase = await gitLine(root, ['config', '--type=bool', '--default=false', 'core.ignoreCase']);
  const trees = new Map<string, Promise<Tree>>();

  function treeOf(id: string): Promise<Tree> {
    let known = trees.get(id);
    if (known === undefined) trees.set(id, (known = readTree(objects, id)));
    return known;
  }

  async function entry(path: WirePath | null): Promise<TreeEntry | null> {
    let at: TreeEntry = { mode: FOLDER, id: tree };
    if (path === null) return at;
    for (const name of bytesOfPath(path).toString('latin1').split('/')) {
      if (at.mode !== FOLDER) return null;
      const next = (await treeOf(at.id)).get(name);
      if (next === undefined) return null;
      at = next;
    }
    return at;
  }

  return {
    root,
    platform: process.platform,
    caseInsensitive: () => Promise.resolve(ignoreCase === 'true'),
    entry,

    async stat(path): Promise<PathStat> {
      const found = await entry(path);
      return found === null
        ? { kind: 'absent', mode: 0 }
        : { kind: kindOf(found.mode), mode: parseInt(found.mode, 8) };
    },

    async read(path): Promise<FileState | null> {
      const found = await entry(path);
      if (found === null) return { kind: 'absent' };
      if (found.mode === FOLDER || found.mode === GITLINK) return null;
      const bytes = await blobOf(objects, found.id);
      if (found.mode === SYMLINK) return { kind: 'symlink', target: bytes };
      return { kind: 'file', mode: null, executable: found.mode === '100755', bytes };
    },

    async list(folder): Promise<WirePath[]> {
      const found = await entry(folder);
      if (found?.mode !== FOLDER) return [];
      const prefix =
        folder === null ? Buffer.alloc(0) : Buffer.concat([bytesOfPath(folder), Buffer.from('/')]);
      return [...(await treeOf(found.id)).keys()].map((name) =>
        pathFromBytes(Buffer.concat([prefix, Buffer.from(name, 'latin1')])),
      );
    },

    async holdsRepository(folder): Promise<boolean> {
      return (await entry(folder))?.mode === GITLINK;
    },

    stage: readOnly,
    rename: readOnly,
    remove: readOnly,
    makeFolder: readOnly,
    removeFolder: readOnly,
  };
}

function readOnly(): Promise<never> {
  return Promise.reject(new Error('the files of a commit can only be read'));
}

function kindOf(mode: string): PathStat['kind'] {
  switch (mode) {
    case FOLDER:
      return 'folder';
    case SYMLINK:
      return 'symlink';
    case GITLINK:
      return 'other';
    default:
      return 'file';
  }
}

async function blobOf(objects: ObjectReader, id: string): Promise<Buffer> {
  const object = await objects.read(id);
  if (object?.type !== 'blob') throw new CodexError('commitMissing', { sha: id });
  return object.bytes;
}

/** `<mode> <name>\0<id>`, the id in 20 or 32 bytes. */
async function readTree(objects: ObjectReader, id: string): Promise<Tree> {
  const object = await objects.read(id);
  if (object?.type !== 'tree') throw new CodexError('commitMissing', { sha: id });
  const { bytes } = object;
  const idBytes = id.length / 2;
  const tree: Tree = new Map();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    const mode = bytes.toString('latin1', at, space).padStart(6, '0');
    tree.set(bytes.toString('latin1', space + 1, end), {
      mode: mode === '100664' ? '100644' : mode,
      id: bytes.toString('hex', end + 1, end + 1 + idBytes),
    });
    at = end + 1 + idBytes;
  }
  return tree;
}
