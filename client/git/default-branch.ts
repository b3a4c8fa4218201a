/**
 * The newest commit of a repository's default branch that this clone knows of. What the remote calls its
 * default branch counts; a repository that nobody has pushed or cloned has its own.
 *
 * Null when that can't be told: then nothing in the repository counts as the default branch's. Reads only,
 * and never asks the remote.
 */
import { gitLine, runGit } from './git.ts';

const USUAL = ['main', 'master'];

export async function defaultCommit(root: string): Promise<string | null> {
  const remote = await remoteName(root);
  if (remote !== null && (await hasRefs(root, `refs/remotes/${remote}/`))) {
    return firstCommit(
      root,
      ['HEAD', ...USUAL].map((name) => `refs/remotes/${remote}/${name}`),
    );
  }
  const configured = await gitLine(root, ['config', '--get', 'init.defaultBranch'], { okCodes: [0, 1] });
  const usual = [...(configured === '' ? [] : [configured]), ...USUAL];
  const found = await firstCommit(
    root,
    usual.map((name) => `refs/heads/${name}`),
  );
  return found ?? onlyBranch(root);
}

/** `origin`, or the only one that there is. */
async function remoteName(root: string): Promise<string | null> {
  const { stdout } = await runGit(root, ['remote']);
  const names = stdout.toString('utf8').split('\n').filter(Boolean);
  if (names.includes('origin')) return 'origin';
  return names.length === 1 ? (names[0] ?? null) : null;
}

async function hasRefs(root: string, prefix: string): Promise<boolean> {
  return (await commitsOf(root, ['--count=1', prefix])).length > 0;
}

/** Of the first of these refs that is there and names a commit that is there too. */
async function firstCommit(root: string, refs: readonly string[]): Promise<string | null> {
  const there = await commitsOf(root, refs);
  for (const ref of refs) {
    const sha = there.find(({ name }) => name === ref)?.sha;
    if (sha !== undefined && (await isCommit(root, sha))) return sha;
  }
  return null;
}

async function onlyBranch(root: string): Promise<string | null> {
  const [branch, another] = await commitsOf(root, ['--count=2', 'refs/heads/']);
  return branch !== undefined && another === undefined && (await isCommit(root, branch.sha))
    ? branch.sha
    : null;
}

/** Refs that lead nowhere are left out by git. */
async function commitsOf(root: string, args: readonly string[]): Promise<{ name: string; sha: string }[]> {
  const { stdout } = await runGit(root, ['for-each-ref', '--format=%(objectname) %(refname)', ...args]);
  return stdout
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [sha = '', ...name] = line.split(' ');
      return { sha, name: name.join(' ') };
    });
}

async function isCommit(root: string, sha: string): Promise<boolean> {
  const { code } = await runGit(root, ['cat-file', '-e', `${sha}^{commit}`], { okCodes: [0, 1, 128] });
  return code === 0;
}
