/**
 * Names of branches, for the backend and every client: which ones git takes (git-check-ref-format, and `git branch`),
 * what is wrong with one, and how a task's own branch is named. Pure.
 */
import { BRANCH_NAME_BYTES } from './limits.ts';

export type NameProblem =
  | { kind: 'empty' | 'tooLong' }
  /** A character or several that may stand nowhere; `control` instead of one that can't be seen. */
  | { kind: 'holds'; part: string }
  | { kind: 'begins' | 'ends'; part: string }
  /** It means something else to git. */
  | { kind: 'reserved' }
  /** `branch` is there; as a folder of names, or as a name where a folder would be. */
  | { kind: 'exists' | 'above' | 'below'; branch: string };

/** Its order is that in which a person would look for it. */
const NOWHERE = [' ', '~', '^', ':', '?', '*', '[', '\\', '..', '@{', '//'];

/** What git has against it as the name of any ref, or as the end of one. */
export function refNameProblem(name: string): NameProblem | null {
  if (name === '') return { kind: 'empty' };
  const part = NOWHERE.find((one) => name.includes(one));
  if (part !== undefined) return { kind: 'holds', part };
  if (/[\0-\x1f\x7f]/.test(name) || !name.isWellFormed()) return { kind: 'holds', part: 'control' };
  if (name.startsWith('/')) return { kind: 'begins', part: '/' };
  for (const end of ['/', '.']) if (name.endsWith(end)) return { kind: 'ends', part: end };
  const parts = name.split('/');
  if (parts.some((one) => one.startsWith('.'))) return { kind: 'begins', part: '.' };
  if (parts.some((one) => one.endsWith('.lock'))) return { kind: 'ends', part: '.lock' };
  return null;
}

/** And as a branch, without `refs/heads/`. `taken`: the branches that are there, which leave no room for some names. */
export function branchNameProblem(name: string, taken: readonly string[] = []): NameProblem | null {
  const problem = refNameProblem(name);
  if (problem !== null) return problem;
  if (name.startsWith('-')) return { kind: 'begins', part: '-' };
  // A whole ref is a mistake of somebody's: git would make `refs/heads/refs/…` of it.
  if (name === '@' || name === 'HEAD' || name.startsWith('refs/')) return { kind: 'reserved' };
  if (bytesOf(name) > BRANCH_NAME_BYTES) return { kind: 'tooLong' };
  for (const branch of taken) {
    if (branch === name) return { kind: 'exists', branch };
    if (name.startsWith(`${branch}/`)) return { kind: 'below', branch };
    if (branch.startsWith(`${name}/`)) return { kind: 'above', branch };
  }
  return null;
}

export function isBranchName(name: string): boolean {
  return branchNameProblem(name) === null;
}

const PREFIX = 'codex/';
/** With the prefix 60: longer names are cut in every list. */
const SLUG_CHARS = 54;

/** The branch that a task's result gets, by its title. */
export function branchOfTask(title: string, taskId: string): string {
  return PREFIX + slugOf(title, taskId);
}

/** Letters and digits of any script stay, everything else becomes `-`; of a title that has neither, the task's id. */
export function slugOf(title: string, taskId: string): string {
  const words =
    title
      .toLowerCase()
      .normalize('NFC')
      // What is left of an emoji: which of its pictures is meant. It can't be seen.
      .replace(/\p{Variation_Selector}/gu, '')
      // A mark alone would join what stands before it.
      .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
  const slug = words.join('-');
  return cutAtWord(slug, SLUG_CHARS) || `task-${taskId.slice(0, 8)}`;
}

/** What to try when a name is taken: the first one is `name` itself. */
export function numbered(name: string, count: number): string {
  if (count < 2) return name;
  const number = `-${count}`;
  const points = [...name];
  while (bytesOf(points.join('')) + number.length > BRANCH_NAME_BYTES) points.pop();
  return points.join('') + number;
}

/**
 * The first name from this one on that the branches that are there (`taken`) leave room for: with a number, and where
 * a branch stands in the place of a folder of names, beside it instead of below.
 */
export function freeName(name: string, taken: readonly string[]): string {
  for (let count = 1; ; count++) {
    const free = numbered(name, count);
    const problem = branchNameProblem(free, taken);
    if (problem?.kind === 'below') {
      const { branch } = problem;
      return freeName(`${branch}-${name.slice(branch.length + 1)}`, taken);
    }
    if (problem?.kind !== 'exists' && problem?.kind !== 'above') return free;
  }
}

/** Whether `freeName` may make this of that name. */
export function isFreed(branch: string, name: string): boolean {
  const is = (one: string, of: string) =>
    one === of || numbered(of, Number(/-(\d{1,6})$/.exec(one)?.[1] ?? 1)) === one;
  return is(branch, name) || (foldersOf(branch) < foldersOf(name) && is(flat(branch), flat(name)));
}

const flat = (name: string): string => name.replaceAll('/', '-');
const foldersOf = (name: string): number => name.split('/').length;

/** At a word where one ends in the second half; never within a character. */
function cutAtWord(text: string, chars: number): string {
  const points = [...text];
  if (points.length <= chars) return text;
  const short = points.slice(0, chars).join('');
  const dash = short.lastIndexOf('-');
  return (points[chars] !== '-' && dash > short.length / 2 ? short.slice(0, dash) : short).replace(/-+$/, '');
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
