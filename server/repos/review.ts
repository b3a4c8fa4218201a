/**
 * Which lines a change touched, for whoever has to tell whether something said about a line is about the
 * change. Only the numbers that git prints are read, one file at a time, so that no name has to be parsed.
 */
import { CodexError } from '../../protocol/errors.ts';
import { git } from './git.ts';

/** Lines of the file's new state, from 1, both included. */
export interface LineRange {
  start: number;
  end: number;
}

const EMPTY_TREES = {
  40: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  64: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
} as const;

/** The whole commit id; null when there is no such commit, or more than one begins so. */
export async function findCommit(dir: string, name: string): Promise<string | null> {
  if (!/^[0-9a-f]{7,64}\^?$/.test(name)) return null;
  const { code, stdout } = await git(
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`],
    { dir, okCodes: [0, 1, 128] },
  );
  return code === 0 ? stdout.toString('latin1').trim() : null;
}

/** The newest commit that both have in their past; null when there is none. */
export async function mergeBase(dir: string, one: string, other: string): Promise<string | null> {
  const { code, stdout } = await git(['merge-base', one, other], { dir, okCodes: [0, 1, 128] });
  return code === 0 ? stdout.toString('latin1').trim() : null;
}

/**
 * The lines of one file that differ between two commits (`from` null: everything is new); null when the
 * file does not differ. A file of bytes, or one too large to be looked through, counts as changed in all lines.
 */
export async function changedLines(
  dir: string,
  from: string | null,
  to: string,
  path: string,
): Promise<LineRange[] | null> {
  const base = from ?? (to.length === 64 ? EMPTY_TREES[64] : EMPTY_TREES[40]);
  let printed: string;
  try {
    const { stdout } = await git(
      ['diff', '-U0', '--no-renames', '--no-ext-diff', '--no-textconv', '--no-color', base, to, '--', path],
      { dir },
    );
    printed = stdout.toString('latin1');
  } catch (error) {
    if (error instanceof CodexError && error.code === 'limitReached') return [WHOLE];
    throw error;
  }
  if (printed === '') return null;
  // What is in a line of a file stands after a mark, so that it can't be taken for one of these.
  const ranges = printed.split('\n').flatMap((line) => {
    const [, start, count] = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    return start === undefined ? [] : [rangeOf(Number(start), count === undefined ? 1 : Number(count))];
  });
  return ranges.length === 0 ? [WHOLE] : ranges;
}

const WHOLE: LineRange = { start: 1, end: Number.MAX_SAFE_INTEGER };

/** Lines that were only taken away have no number any more: the two around them stand for them. */
function rangeOf(start: number, count: number): LineRange {
  return count === 0 ? { start, end: start + 1 } : { start, end: start + count - 1 };
}
