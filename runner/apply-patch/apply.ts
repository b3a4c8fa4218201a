/**
 * What a patch makes of files. Pure; it is given a way to look at them and says what to write. A patch
 * that does not fit in one place gives nothing at all, and an error that names every such place.
 */
import { toText } from './bytes.ts';
import { PatchError, type FileChange } from './parse.ts';
import { updated } from './update.ts';

/** What stands at a path: its bytes as a string, or what else there is. */
export type FileState =
  | { kind: 'file'; content: string }
  | { kind: 'absent' }
  /** The keys of all files below it, looked up while they are asked for. */
  | { kind: 'folder'; files: () => Iterable<string> }
  | { kind: 'other'; what: string };

export interface Tree {
  /** Names a path so that two spellings of one file are the same. */
  key: (path: string) => string;
  read: (key: string) => FileState;
  /** A path that is there and that this one may have been meant to be. */
  similar: (path: string) => string | null;
}

export interface Outcome {
  /** What is to be at a path afterwards; null: nothing. A path is here once. */
  writes: Map<string, { content: string; modeFrom: string | null } | null>;
  /** For the report, in the order of the patch. */
  report: { letter: 'A' | 'M' | 'D'; path: string }[];
  /** What the author of the patch should know although it was applied. */
  notes: string[];
}

export function applyChanges(changes: readonly FileChange[], tree: Tree): Outcome {
  const staged = new Staged(tree);
  const problems: string[] = [];
  const failed = new Set<string>();
  for (const change of changes) {
    if (failed.has(change.path)) continue;
    try {
      staged.apply(change);
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      failed.add(change.path);
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new PatchError(problems.join('\n'));
  return staged;
}

class Staged implements Outcome {
  readonly writes: Outcome['writes'] = new Map();
  readonly report: Outcome['report'] = [];
  readonly notes: string[] = [];
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  apply(change: FileChange): void {
    const path = this.#meant(change.path);
    const key = this.#tree.key(path);
    switch (change.kind) {
      case 'add': {
        const state = this.#free(path);
        const content = change.lines.map((line) => `${line}\n`).join('');
        const existed = state.kind === 'file';
        this.writes.set(key, {
          content: change.endsOpen ? content.slice(0, -1) : content,
          modeFrom: existed ? this.#origin(key) : null,
        });
        this.report.push({ letter: existed ? 'M' : 'A', path });
        break;
      }
      case 'delete':
        this.#existing(path, 'deleted');
        this.writes.set(key, null);
        this.report.push({ letter: 'D', path });
        break;
      case 'update': {
        const { content, notes } = updated(path, this.#existing(path, 'updated'), change.chunks);
        const target = change.moveTo === null ? path : this.#meant(change.moveTo);
        const modeFrom = this.#origin(key);
        if (this.#tree.key(target) !== key) {
          this.writes.set(key, null);
          this.#free(target);
        }
        this.writes.set(this.#tree.key(target), { content, modeFrom });
        this.report.push({ letter: 'M', path: target });
        this.notes.push(...notes);
        break;
      }
    }
  }

  /** `src\a.ts` means a folder unless there is a file of just that name. */
  #meant(path: string): string {
    if (!path.includes('\\')) return path;
    if (/^[A-Za-z]:\\/.test(path)) {
      throw new PatchError(
        `${toText(path)} is a path of Windows; write it relative to the working directory.`,
      );
    }
    return this.#now(path).kind === 'absent' ? path.replaceAll('\\', '/') : path;
  }

  #now(path: string): FileState {
    const key = this.#tree.key(path);
    const write = this.writes.get(key);
    if (write === undefined) return this.#tree.read(key);
    return write === null ? { kind: 'absent' } : { kind: 'file', content: write.content };
  }

  #origin(key: string): string {
    return this.writes.get(key)?.modeFrom ?? key;
  }

  #existing(path: string, what: 'deleted' | 'updated'): string {
    const state = this.#now(path);
    switch (state.kind) {
      case 'file':
        return state.content;
      case 'absent': {
        const similar = this.#tree.similar(path);
        const hint = similar === null ? '' : ` There is ${toText(similar)}.`;
        throw new PatchError(`${toText(path)} cannot be ${what}: it does not exist.${hint}`);
      }
      case 'folder':
        throw new PatchError(`${toText(path)} is a folder, not a file.`);
      case 'other':
        throw new PatchError(`${toText(path)} is ${state.what}, not a file.`);
    }
  }

  /** A place for a new file: nothing is there, a file that is replaced, or a folder that becomes empty. */
  #free(path: string): FileState {
    const state = this.#now(path);
    if (state.kind === 'other') throw new PatchError(`${toText(path)} is ${state.what}, not a file.`);
    if (state.kind === 'folder') {
      for (const file of state.files()) {
        if (this.writes.get(file) !== null) throw new PatchError(`${toText(path)} is a folder, not a file.`);
      }
    }
    return state;
  }
}
