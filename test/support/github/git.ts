/** Git in the stand-in's bare repositories. None of the machine's own configuration counts. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PRE_RECEIVE } from './git-hook.ts';
import type { Repo } from './state.ts';

export const GIT_ENV = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  LC_ALL: 'C',
  GIT_AUTHOR_NAME: 'GitHub',
  GIT_AUTHOR_EMAIL: 'noreply@github.example',
  GIT_COMMITTER_NAME: 'GitHub',
  GIT_COMMITTER_EMAIL: 'noreply@github.example',
};

export interface GitRun {
  code: number;
  stdout: Buffer;
  stderr: string;
}

export async function tryGit(
  dir: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<GitRun> {
  const child = spawn('git', args, {
    cwd: dir,
    env: { PATH: process.env['PATH'], ...GIT_ENV, ...options.env },
    stdio: 'pipe',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code: code ?? -1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') };
}

/** What git printed, without the last newline; a failure is thrown. */
export async function git(
  dir: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const run = await tryGit(dir, args, options);
  if (run.code !== 0) throw new Error(`git ${args.join(' ')} ended with ${run.code}: ${run.stderr}`);
  return run.stdout.toString('utf8').replace(/\n$/, '');
}

/** As GitHub's are: any commit can be asked for, pushes may force and delete, broken objects are refused. */
const CONFIG: readonly [string, string][] = [
  ['http.receivepack', 'true'],
  ['uploadpack.allowAnySHA1InWant', 'true'],
  ['uploadpack.allowFilter', 'true'],
  ['receive.fsckObjects', 'true'],
  ['receive.hideRefs', 'refs/pull'],
  ['receive.autogc', 'false'],
  ['gc.auto', '0'],
];

export async function makeBareRepository(dir: string, defaultBranch: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  await git(dir, ['init', '--quiet', '--bare', `--initial-branch=${defaultBranch}`, '--template=']);
  const config = CONFIG.map(([key, value]) => {
    const [section, name] = key.split('.');
    return `[${section}]\n\t${name} = ${value}\n`;
  });
  writeFileSync(join(dir, 'config'), `[core]\n\tbare = true\n${config.join('')}`);
  mkdirSync(join(dir, 'hooks'));
  writeFileSync(join(dir, 'hooks/pre-receive'), PRE_RECEIVE, { mode: 0o755 });
}

/** Branches and where they stand. */
export async function headsOf(repo: Repo): Promise<Map<string, string>> {
  const out = await git(repo.dir, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads']);
  const lines = out === '' ? [] : out.split('\n');
  return new Map(lines.map((line) => [line.slice(line.indexOf(' refs/heads/') + 12), line.split(' ')[0]!]));
}

/** The commit that a name (branch, tag, id, full ref) means; null: none. */
export async function commitOf(repo: Repo, name: string): Promise<string | null> {
  for (const candidate of [`refs/heads/${name}`, `refs/tags/${name}`, name]) {
    const found = await tryGit(repo.dir, [
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${candidate}^{commit}`,
    ]);
    if (found.code === 0) return found.stdout.toString('utf8').trim();
  }
  return null;
}

export async function isAncestor(repo: Repo, one: string, of: string): Promise<boolean> {
  return (await tryGit(repo.dir, ['merge-base', '--is-ancestor', one, of])).code === 0;
}

/** Null: they have no history in common. */
export async function mergeBase(repo: Repo, one: string, other: string): Promise<string | null> {
  const found = await tryGit(repo.dir, ['merge-base', one, other]);
  return found.code === 0 ? found.stdout.toString('utf8').trim() : null;
}

export interface Change {
  /** As git wants it: `src/app.ts`. Null deletes it. */
  [path: string]: string | Uint8Array | null;
}

/** A commit on a branch (a new one starts at the default branch), made without a working tree. */
export async function commitFiles(
  repo: Repo,
  branch: string,
  files: Change,
  options: { message?: string; author?: { name: string; email: string }; parent?: string | null } = {},
): Promise<string> {
  const { parent = (await commitOf(repo, branch)) ?? (await commitOf(repo, repo.defaultBranch)) } = options;
  const index = join(repo.dir, `index-${process.hrtime.bigint()}`);
  const env = { GIT_INDEX_FILE: index };
  if (parent !== null) await git(repo.dir, ['read-tree', parent], { env });
  for (const [path, content] of Object.entries(files)) {
    if (content === null) {
      const input = `0 ${'0'.repeat(40)}\t${path}\n`;
      await git(repo.dir, ['update-index', '--index-info'], { env, input });
      continue;
    }
    const file = join(repo.dir, `blob-${process.hrtime.bigint()}`);
    writeFileSync(file, content);
    const blob = await git(repo.dir, ['hash-object', '-w', '--no-filters', file]);
    await git(repo.dir, ['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], { env });
    rmSync(file);
  }
  const tree = await git(repo.dir, ['write-tree'], { env });
  rmSync(index);
  const by = options.author;
  const commit = await git(repo.dir, ['commit-tree', tree, ...(parent === null ? [] : ['-p', parent])], {
    input: `${options.message ?? 'A commit'}\n`,
    env: by ? { GIT_AUTHOR_NAME: by.name, GIT_AUTHOR_EMAIL: by.email } : {},
  });
  await git(repo.dir, ['update-ref', `refs/heads/${branch}`, commit]);
  return commit;
}
