/** Which paths a command may write without a question: the working tree, `/tmp`, and caches. Pure. */
import { posix } from 'node:path';
import type { ApprovalReason } from '../../../protocol/approval.ts';
import { textOf, type Word } from './words.ts';

/** What is found to be risky about a command. */
export type Risks = Set<ApprovalReason>;

export type Place = 'inside' | 'outside' | 'unknown';

const DEVICES = /^\/dev\/(null|zero|full|tty|stdin|stdout|stderr|fd\/\d+)$/;
const TEMPORARY = ['/tmp', '/var/tmp', '/private/tmp'];
const CACHES =
  /^(~|\/root|\/home\/[^/]+|\/Users\/[^/]+)\/(\.cache|\.npm|\.pnpm-store|\.yarn|\.cargo\/registry|\.gradle\/caches|\.m2\/repository|go\/pkg|Library\/Caches)(\/|$)/;
/** After more changes of the folder than this, where a command runs is not certain. */
const MAX_FOLDERS = 16;

export class Places {
  readonly #workdir: string;
  /** Where a command may be running by now; null: anywhere. */
  #folders: string[] | null;

  constructor(workdir: string, cwd: string) {
    this.#workdir = posix.normalize(workdir);
    this.#folders = [posix.normalize(cwd)];
  }

  /** After `cd`: it may have happened or not, since it may be in a part that does not run. */
  enter(folder: Word | undefined): void {
    const text = textOf(folder);
    if (text === null || text === '-' || text.startsWith('~')) {
      this.#folders = null;
      return;
    }
    if (this.#folders === null) return;
    const entered = this.#folders.map((from) => posix.resolve(from, text));
    this.#folders = [...new Set([...this.#folders, ...entered])];
    if (this.#folders.length > MAX_FOLDERS) this.#folders = null;
  }

  of(word: Word | undefined): Place {
    if (word === undefined || word.kind === 'dynamic') return 'unknown';
    if (word.kind === 'glob' && word.text.includes('..')) return 'unknown';
    return this.#ofPath(word.text);
  }

  #ofPath(path: string): Place {
    if (path === '') return 'unknown';
    if (path.startsWith('~')) return CACHES.test(posix.normalize(path)) ? 'inside' : 'outside';
    if (/^[A-Za-z]:/.test(path) || path.includes('\\')) return 'outside';
    if (path.startsWith('/')) return this.#isMine(posix.normalize(path)) ? 'inside' : 'outside';
    if (this.#folders === null) return 'unknown';
    return this.#folders.every((folder) => this.#isMine(posix.resolve(folder, path))) ? 'inside' : 'outside';
  }

  #isMine(path: string): boolean {
    if (DEVICES.test(path) || CACHES.test(path)) return true;
    // What is in there decides what git does next.
    if (/\/\.git(\/|$)/.test(path)) return false;
    return [this.#workdir, ...TEMPORARY].some((root) => path === root || path.startsWith(`${root}/`));
  }
}
