/** Commits that the backend makes itself, and how commits stand to one another. No working tree is needed for any. */
import type { ChangedFile } from '../../protocol/delicate.ts';
import { CodexError } from '../../protocol/errors.ts';
import { setRefs, withCommits } from './bare.ts';
import { withoutCrud } from './clean-text.ts';
import { git, gitLine } from './git.ts';
import { wirePath } from './patch.ts';
import { readDiff, splitNul, type RawChange } from './raw-diff.ts';
import type { MergedTrees, NewCommit } from './remote-types.ts';

/** Names of conflicting files, of two histories that have nothing in common. */
const CONFLICTS_BYTES = 64 * 1024 * 1024;

/** The commits that a merge is made from are nobody's, and the same for the same trees. */
const NOBODY = identity({ name: 'Codex Tasks', email: 'codex-tasks@localhost' }, 0);

function identity(author: NewCommit['author'], at: number): Record<string, string> {
  const email = clean(author.email) || 'unknown';
  const name = clean(author.name) || email;
  const date = `@${Math.max(0, Math.floor(at / 1000))} +0000`;
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
}

function clean(text: string): string {
  return withoutCrud(text.toWellFormed().replace(/[<>\x00-\x1f\x7f]/g, ''));
}

/** The same content is the same commit. */
export async function writeCommit(
  dir: string,
  commit: Omit<NewCommit, 'author' | 'at'>,
  who: Record<string, string>,
): Promise<string> {
  const parents = [...new Set(commit.parents)].flatMap((parent) => ['-p', parent]);
  return gitLine(['commit-tree', ...parents, commit.tree], {
    dir,
    env: who,
    input: commit.message.replaceAll('\0', ''),
  });
}

export async function makeCommitAs(
  dir: string,
  ref: (sha: string) => string,
  commit: NewCommit,
): Promise<string> {
  const write = () => writeCommit(dir, commit, identity(commit.author, commit.at));
  const sha = await withCommits(dir, commit.parents, write).catch(async (thrown: unknown) => {
    await checkTree(dir, commit.tree);
    throw thrown;
  });
  await setRefs(dir, [{ ref: ref(sha), to: sha }]);
  return sha;
}

async function checkTree(dir: string, tree: string): Promise<void> {
  const { code, stdout } = await git(['cat-file', '-t', tree], { dir, okCodes: [0, 128] });
  if (code !== 0 || stdout.toString('latin1').trim() !== 'tree')
    throw new CodexError('badRequest', { field: 'tree' });
}

/**
 * `merge-tree` takes commits and finds their base itself (git can be told it from 2.40 on, a tree from 2.45), so each tree becomes
 * a commit, the base's the parent of the others.
 */
export async function mergeThreeTrees(
  dir: string,
  trees: { base: string; ours: string; theirs: string },
): Promise<MergedTrees> {
  for (const tree of Object.values(trees)) await checkTree(dir, tree);
  const commit = (tree: string, parents: string[], message: string) =>
    writeCommit(dir, { tree, parents, message }, NOBODY);
  const base = await commit(trees.base, [], 'base');
  // Not one commit when both sides are equal: that would be no merge.
  const ours = await commit(trees.ours, [base], 'ours');
  const theirs = await commit(trees.theirs, [base], 'theirs');
  const { code, stdout } = await git(
    ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs],
    { dir, okCodes: [0, 1], maxOutputBytes: CONFLICTS_BYTES },
  );
  const [tree, ...names] = splitNul(stdout).map((piece) => piece.toString('utf8'));
  if (tree === undefined || tree === '')
    throw new CodexError('gitFailed', { command: 'merge-tree', reason: 'empty' });
  if (code !== 0) return { conflicts: [...new Set(names)] };
  return { tree, carried: await carriedElsewhere(dir, trees, tree) };
}

/** Files that `theirs` did not change, and that have something of theirs all the same: a rename was followed. */
async function carriedElsewhere(
  dir: string,
  { base, ours, theirs }: { base: string; ours: string; theirs: string },
  tree: string,
): Promise<ChangedFile[]> {
  const [made, asked] = await Promise.all([changed(dir, ours, tree), changed(dir, base, theirs)]);
  const names = new Set(asked.map(({ path }) => path.toString('latin1')));
  return made
    .filter(({ path }) => !names.has(path.toString('latin1')))
    .map(({ path, oldMode, newMode }) => ({ path: wirePath(path), oldMode, newMode }));
}

async function changed(dir: string, from: string, to: string): Promise<RawChange[]> {
  const args = [
    'diff-tree',
    '-r',
    '-z',
    '--raw',
    '--no-abbrev',
    '--no-renames',
    '--end-of-options',
    from,
    to,
  ];
  return readDiff((await git(args, { dir, maxOutputBytes: CONFLICTS_BYTES })).stdout);
}

export async function distanceOf(
  dir: string,
  from: string,
  to: string,
): Promise<{ ahead: number; behind: number }> {
  const counts = await gitLine(['rev-list', '--count', '--left-right', `${from}...${to}`], { dir });
  const [behind, ahead] = counts.split('\t').map(Number);
  return { ahead: ahead ?? 0, behind: behind ?? 0 };
}

export async function isAncestor(dir: string, one: string, of: string): Promise<boolean> {
  const { code } = await git(['merge-base', '--is-ancestor', one, of], { dir, okCodes: [0, 1] });
  return code === 0;
}
