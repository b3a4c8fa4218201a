/**
 * The folder's files by Node. Small files go through synchronous calls (a fifth of the cost of the
 * thread pool; whoever loops over many files gives way to the event loop between them), large ones
 * through asynchronous calls. Never follows a symlink in the last component, never makes one up.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { bytesOfPath, pathFromBytes } from '../patch/names.ts';
import { childOf } from './paths.ts';
import type { FileIO, FileState, PathStat, WirePath } from './types.ts';

/** From here on a call may take longer than a frame. */
const LARGE_BYTES = 1024 * 1024;
/** Windows: a scanner or indexer holds a file for a moment. */
const BUSY_RETRIES = 5;
const BUSY_WAIT_MS = 60;
const WINDOWS = process.platform === 'win32';
/** Not through a symlink, and not waiting for the other end of a FIFO. */
const OPEN_FLAGS = fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

type NodePath = string | Buffer;

export function nodeFileIO(root: string): FileIO {
  const umask = process.umask();
  const rootBytes = Buffer.from(root.endsWith('/') ? root : `${root}/`);
  const at = (path: WirePath | null): NodePath => {
    if (path === null) return root;
    if (path.bytes !== undefined) return Buffer.concat([rootBytes, bytesOfPath(path)]);
    return WINDOWS ? join(root, path.path) : `${root}/${path.path}`;
  };

  return {
    root,
    platform: process.platform,

    async caseInsensitive() {
      return probeCase(root);
    },

    async stat(path): Promise<PathStat> {
      let stat: fs.Stats | undefined;
      try {
        stat = fs.lstatSync(at(path), { throwIfNoEntry: false });
      } catch (error) {
        if (codeOf(error) !== 'ENOTDIR') throw error;
      }
      if (stat === undefined) return { kind: 'absent', mode: 0 };
      const kind = stat.isFile()
        ? 'file'
        : stat.isSymbolicLink()
          ? 'symlink'
          : stat.isDirectory()
            ? 'folder'
            : 'other';
      return { kind, mode: stat.mode };
    },

    async read(path): Promise<FileState | null> {
      const place = at(path);
      let file: number;
      try {
        if (WINDOWS && !fs.lstatSync(place).isFile()) return readOther(place);
        file = fs.openSync(place, OPEN_FLAGS);
      } catch {
        // Absent, a symlink, or not readable: the second look says which.
        return readOther(place);
      }
      try {
        const stat = fs.fstatSync(file);
        if (!stat.isFile()) return null;
        const mode = stat.mode & 0o7777;
        return {
          kind: 'file',
          mode,
          executable: (mode & 0o100) !== 0,
          bytes: await readBytes(file, stat.size),
        };
      } finally {
        fs.closeSync(file);
      }
    },

    async stage(temp, state) {
      if (state.kind === 'symlink') {
        fs.symlinkSync(WINDOWS ? Buffer.from(state.target).toString() : Buffer.from(state.target), at(temp));
        return;
      }
      const file = fs.openSync(at(temp), 'wx', state.mode ?? (state.executable ? 0o777 : 0o666));
      try {
        const { mode } = state;
        const exact = mode === null || WINDOWS || ((mode & umask) === 0 && mode <= 0o777);
        if (!exact) fs.fchmodSync(file, mode);
        await writeBytes(file, state.bytes);
      } finally {
        fs.closeSync(file);
      }
    },

    rename: (temp, path) => patiently(() => fs.renameSync(at(temp), at(path))),

    remove: (path) =>
      patiently(() => {
        try {
          fs.unlinkSync(at(path));
        } catch (error) {
          if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
        }
      }),

    async makeFolder(path, mode) {
      fs.mkdirSync(at(path));
      if (mode !== undefined && !WINDOWS) fs.chmodSync(at(path), mode & 0o7777);
    },

    async removeFolder(path) {
      try {
        fs.rmdirSync(at(path));
        return true;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENOENT') return true;
        if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return false;
        // A mount point or a process's working folder stays; that loses nothing.
        if (code === 'EBUSY' || code === 'EPERM' || code === 'EACCES') return false;
        throw error;
      }
    },

    async list(folder): Promise<WirePath[]> {
      const names = fs.readdirSync(at(folder), { encoding: 'buffer' });
      return names.map((name) => {
        const { path, bytes } = pathFromBytes(name);
        if (bytes === undefined) return childOf(folder, path);
        const prefix = folder === null ? [] : [bytesOfPath(folder), Buffer.from('/')];
        return pathFromBytes(Buffer.concat([...prefix, name]));
      });
    },

    async holdsRepository(folder) {
      const place = at(childOf(folder, '.git'));
      try {
        return fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined;
      } catch (error) {
        if (codeOf(error) !== 'ENOTDIR') throw error;
        return false;
      }
    },
  };
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What is not a regular file that can be opened. Throws what hinders reading one. */
function readOther(place: NodePath): FileState | null {
  let stat: fs.Stats | undefined;
  try {
    stat = fs.lstatSync(place, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) !== 'ENOTDIR') throw error;
  }
  if (stat === undefined) return { kind: 'absent' };
  if (stat.isSymbolicLink())
    return { kind: 'symlink', target: fs.readlinkSync(place, { encoding: 'buffer' }) };
  if (stat.isFile()) fs.closeSync(fs.openSync(place, OPEN_FLAGS));
  return null;
}

async function readBytes(file: number, size: number): Promise<Buffer> {
  if (size >= LARGE_BYTES) {
    return new Promise((resolve, reject) => {
      fs.readFile(file, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    });
  }
  // One byte of room shows whether the file has grown.
  const bytes = Buffer.allocUnsafe(size + 1);
  let length = 0;
  for (;;) {
    const count = fs.readSync(file, bytes, length, bytes.length - length, null);
    length += count;
    if (count === 0 || length === size) break;
    if (length > size) return Buffer.concat([bytes, fs.readFileSync(file)]);
  }
  return bytes.subarray(0, length);
}

async function writeBytes(file: number, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length;) {
    if (bytes.length < LARGE_BYTES) {
      from += fs.writeSync(file, bytes, from);
    } else {
      const start = from;
      from += await new Promise<number>((resolve, reject) => {
        fs.write(file, bytes, start, bytes.length - start, null, (error, n) =>
          error ? reject(error) : resolve(n),
        );
      });
    }
  }
}

async function patiently(act: () => void): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return act();
    } catch (error) {
      const busy = WINDOWS && ['EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error));
      if (!busy || attempt >= BUSY_RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
    }
  }
}

/** Asks for something that is there under its other case: the same inode means one name. */
function probeCase(root: string): boolean {
  const name = fs.readdirSync(root).find((entry) => entry.toLowerCase() !== entry.toUpperCase());
  if (name === undefined) return process.platform === 'win32' || process.platform === 'darwin';
  const other = name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
  const [one, two] = [join(root, name), join(root, other)].map((path) =>
    fs.lstatSync(path, { throwIfNoEntry: false, bigint: true }),
  );
  return one !== undefined && two !== undefined && one.ino === two.ino && one.dev === two.dev;
}
