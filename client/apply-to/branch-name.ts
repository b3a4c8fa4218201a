/**
 * What is wrong with the name of a new branch, said before git is asked: git's rules for a ref below `refs/heads`
 * (git-check-ref-format), and what branches that are there leave no room for. Pure; git has the last word.
 */
export type NameProblem =
  | { kind: 'empty' }
  /** A character or several that may stand nowhere; `control` instead of one that can't be seen. */
  | { kind: 'holds'; part: string }
  | { kind: 'begins' | 'ends'; part: string }
  /** It means something else to git. */
  | { kind: 'reserved' }
  /** `branch` is there; as a folder of names, or as a name where a folder would be. */
  | { kind: 'exists' | 'above' | 'below'; branch: string };

/** Its order is that in which a person would look for it. */
const NOWHERE = [' ', '~', '^', ':', '?', '*', '[', '\\', '..', '@{', '//'];

export function branchNameProblem(name: string, taken: readonly string[] = []): NameProblem | null {
  if (name === '') return { kind: 'empty' };
  const part = NOWHERE.find((one) => name.includes(one));
  if (part !== undefined) return { kind: 'holds', part };
  if (/[\0-\x1f\x7f]/.test(name)) return { kind: 'holds', part: 'control' };
  for (const start of ['-', '/']) if (name.startsWith(start)) return { kind: 'begins', part: start };
  for (const end of ['/', '.']) if (name.endsWith(end)) return { kind: 'ends', part: end };
  const parts = name.split('/');
  if (parts.some((one) => one.startsWith('.'))) return { kind: 'begins', part: '.' };
  if (parts.some((one) => one.endsWith('.lock'))) return { kind: 'ends', part: '.lock' };
  if (name === '@' || name === 'HEAD') return { kind: 'reserved' };
  for (const branch of taken) {
    if (branch === name) return { kind: 'exists', branch };
    if (name.startsWith(`${branch}/`)) return { kind: 'below', branch };
    if (branch.startsWith(`${name}/`)) return { kind: 'above', branch };
  }
  return null;
}
