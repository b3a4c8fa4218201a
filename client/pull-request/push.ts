/**
 * `git push` as the person would do it: their credential helpers, their hooks, their address of the remote. One
 * branch, never by force, and nothing else of theirs along with it.
 */
import { spawn } from 'node:child_process';
import { CodexError } from '../../protocol/errors.ts';
import { gitProgram, plainEnvironment, runGit } from '../git/git.ts';

/** What git and hooks say last is why a push failed. */
const OUTPUT_KEPT_CHARACTERS = 16 * 1024;

export interface Push {
  root: string;
  remote: string;
  branch: string;
  /** Of the forge, for the error. */
  host: string;
  signal?: AbortSignal;
}

/**
 * Throws `CodexError` forgePushRefused (`output`: what git said, without credentials) | forgeBranchMoved |
 * gitFailed | cancelled.
 */
export async function pushBranch(push: Push): Promise<void> {
  const { host, branch, root } = push;
  const ref = `refs/heads/${branch}`;
  const { code, output } = await run(push, [
    ...['push', '--porcelain', '--no-follow-tags', '--recurse-submodules=no'],
    ...[push.remote, `${ref}:${ref}`],
  ]);
  if (code === 0) return;
  // Looked at, not read from git's words.
  const tip = await remoteTip(push).catch(() => null);
  if (tip !== null && !(await isBelow(root, tip, ref))) throw new CodexError('forgeBranchMoved', { branch });
  throw refused(host, branch, output);
}

/** Where the branch is at the remote; null when there is none. */
export async function remoteTip(push: Push): Promise<string | null> {
  const ref = `refs/heads/${push.branch}`;
  const { code, output, stdout } = await run(push, ['ls-remote', '--heads', push.remote, ref]);
  if (code !== 0) throw refused(push.host, push.branch, output);
  const line = stdout.split('\n').find((one) => one.endsWith(`\t${ref}`));
  return line?.split('\t')[0] ?? null;
}

async function isBelow(root: string, commit: string, ref: string): Promise<boolean> {
  const { code } = await runGit(root, ['merge-base', '--is-ancestor', commit, ref], { okCodes: [0, 1, 128] });
  return code === 0;
}

async function run(
  { root, signal }: Push,
  args: readonly string[],
): Promise<{ code: number | null; output: string; stdout: string }> {
  if (signal?.aborted) throw new CodexError('cancelled');
  const child = spawn(gitProgram(), args, {
    cwd: root,
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop, { once: true });
  let [output, stdout] = ['', ''];
  const note = (text: string) => {
    output = (output + text).slice(-OUTPUT_KEPT_CHARACTERS);
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-OUTPUT_KEPT_CHARACTERS);
    note(text);
  });
  child.stderr.setEncoding('utf8').on('data', note);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (signal?.aborted) throw new CodexError('cancelled');
    return { code, output, stdout };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    throw new CodexError('gitFailed', { reason: 'gitMissing' }, { cause: thrown });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function refused(host: string, branch: string, said: string): CodexError {
  const output = withoutCredentials(said).trim();
  const lines = output.split('\n').map((line) => line.replace(/^(remote:|error:|fatal:|!)\s*/, '').trim());
  const reason = lines.find((line) => line !== '' && !/^(To |Done$)/.test(line)) ?? 'git push';
  return new CodexError('forgePushRefused', { host, branch, reason, output });
}

/** Addresses may hold a password: the person's own, and still nothing for a page or a log. */
export function withoutCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1');
}
