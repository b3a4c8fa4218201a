/** The branch of a pull request, by its title. Pure. */

const PREFIX = 'codex/';
/** With the prefix: longer names are cut in every list. */
const BRANCH_CHARS = 60;

/** Letters and digits of any script stay, everything else becomes `-`. `fallback`: of a title that has neither. */
export function branchNameOf(title: string, fallback: string): string {
  const words =
    title
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  // A mark alone would join the prefix.
  const name = words.join('-').replace(/^\p{M}+/u, '');
  return PREFIX + (cut(name, BRANCH_CHARS - PREFIX.length) || fallback);
}

/** What to try when a name is taken: the first one is `name` itself. */
export function numbered(name: string, count: number): string {
  return count === 1 ? name : `${name}-${count}`;
}

/** Whether `numbered` makes this of that name. */
export function isNumbered(branch: string, name: string): boolean {
  return branch === name || (branch.startsWith(`${name}-`) && /^\d+$/.test(branch.slice(name.length + 1)));
}

/** At a word where one ends in the second half; never within a character. */
function cut(text: string, chars: number): string {
  const points = [...text];
  if (points.length <= chars) return text;
  const short = points.slice(0, chars).join('');
  const dash = short.lastIndexOf('-');
  return (points[chars] !== '-' && dash > short.length / 2 ? short.slice(0, dash) : short).replace(/-+$/, '');
}

/** As `git check-ref-format --branch` has it. */
export function isBranchName(name: string): boolean {
  if (name === '' || name === '@' || name.startsWith('-') || name.endsWith('.')) return false;
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/.test(name)) return false;
  return name
    .split('/')
    .every((part) => part !== '' && !part.startsWith('.') && !part.toLowerCase().endsWith('.lock'));
}
