/** A branch's name from a title, in any script. Pure. */
import { branchNameProblem } from '../apply-to/branch-name.ts';

/** A name that a list shows whole. */
const SLUG_CHARACTERS = 50;

export function branchOf(title: string, taskId: string): string {
  const slug = [
    ...title
      .normalize('NFC')
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}]+/gu, '-'),
  ]
    .slice(0, SLUG_CHARACTERS)
    .join('')
    .replace(/^-+|-+$/g, '');
  const name = `codex/${slug === '' ? taskId : slug}`;
  return branchNameProblem(name) === null ? name : `codex/${taskId}`;
}

/** The name with the first number that makes it free. */
export function withNumber(name: string, number: number): string {
  return number < 2 ? name : `${name}-${number}`;
}
