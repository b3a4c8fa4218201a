/**
 * `git push` as the person would do it: their credential helpers, their hooks, their address of the remote. One
 * branch, never by force, and nothing else of theirs along with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { CodexError } from '../../protocol/errors.ts';
import { tipOf } from '../apply-to/branches.ts';
import { gitProgram, plainEnvironment, runGit } from '../git/git.ts';
import { remoteUrl } from './folder.ts';

/** What git and hooks say last is why a push failed. */
const OUTPUT_KEPT_CHARACTERS = 16 * 1024;
/** Elsewhere git is ended alone. */
const HAS_GROUPS = process.platform !== 'win32';
/** A remote of one command. */
const PUSHED_TO = 'codex-tasks-pushed-to';

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
  // It has arrived, and only the word about that was lost.
  if (tip !== null && tip === (await tipOf(root, branch))) return;
  if (tip !== null && !(await isBelow(root, tip, ref))) throw new CodexError('forgeBranchMoved', { branch });
  throw refused(host, branch, output);
}

/** Where the branch is at the place that is pushed to; null when there is none. */
export async function remoteTip(push: Push): Promise<string | null> {
  const ref = `refs/heads/${push.branch}`;
  const { name, env } = await pushPlace(push);
  const { code, output, stdout } = await run(push, ['ls-remote', '--heads', name, ref], env);
  if (code !== 0) throw refused(push.host, push.branch, output);
  const line = stdout.split('\n').find((one) => one.endsWith(`\t${ref}`));
  return line?.split('\t')[0] ?? null;
}

/** `git ls-remote` asks where a remote is fetched from. An address may hold a password: it is no argument. */
async function pushPlace({ root, remote }: Push): Promise<{ name: string; env: Record<string, string> }> {
  const url = await remoteUrl(root, remote, '--push');
  if (url === (await remoteUrl(root, remote))) return { name: remote, env: {} };
  const before = Number(process.env['GIT_CONFIG_COUNT'] ?? '0');
  const at = Number.isSafeInteger(before) && before > 0 ? before : 0;
  const env = {
    GIT_CONFIG_COUNT: String(at + 1),
    [`GIT_CONFIG_KEY_${at}`]: `remote.${PUSHED_TO}.url`,
    [`GIT_CONFIG_VALUE_${at}`]: url,
  };
  return { name: PUSHED_TO, env };
}

/** Makes a commit of the branch there known here; no ref of the person's changes. */
export async function bringBranch(push: Push, commit: string): Promise<void> {
  const { code } = await runGit(push.root, ['cat-file', '-e', `${commit}^{commit}`], {
    okCodes: [0, 1, 128],
  });
  if (code === 0) return;
  const { name, env } = await pushPlace(push);
  const fetch = ['fetch', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--refmap='];
  const end = await run(push, [...fetch, name, `refs/heads/${push.branch}`], env);
  if (end.code !== 0) throw refused(push.host, push.branch, end.output);
}

/** Whether the branch `ref`, or that commit, has gone on from this commit. */
export async function isBelow(root: string, commit: string, ref: string): Promise<boolean> {
  const { code } = await runGit(root, ['merge-base', '--is-ancestor', commit, ref], { okCodes: [0, 1, 128] });
  return code === 0;
}

async function run(
  { root, signal }: Push,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string; stdout: string }> {
  if (signal?.aborted) throw new CodexError('cancelled');
  const child = spawn(gitProgram(), args, {
    cwd: root,
    env: { ...plainEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    detached: HAS_GROUPS,
  });
  const stop = () => {
    endWithHooks(child);
    // Whatever still holds them has nobody to talk to, and nobody waits for it.
    child.stdout.destroy();
    child.stderr.destroy();
  };
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

/** A hook of the person's may have started a whole test run, which git does not end. */
function endWithHooks(child: ChildProcess): void {
  if (!HAS_GROUPS || child.pid === undefined) {
    child.kill();
    return;
  }
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    // It has ended.
  }
}

function refused(host: string, branch: string, said: string): CodexError {
  // A hook may colour what it says; nobody reads it in a terminal.
  const output = stripVTControlCharacters(withoutCredentials(said)).replace(/\r\n?/g, '\n').trim();
  // A hook of the person's, a name that leads nowhere, no password: the forge had no say in it.
  const unpushed = SAID_THERE.test(output) ? {} : { unpushed: branch };
  const reason = reasonOf(output) || 'git push';
  return new CodexError('forgePushRefused', { host, branch, ...unpushed, reason, output });
}

const SAID_THERE = /^(?:remote:|!\t)/m;
const MARKS = /^(?:(?:remote:|error:|fatal:|!)\s*)+/;
/** What git says in every case, or while it works. */
const SAYS_NOTHING =
  /^(?:To |Done$|refs\/|failed to push some refs |(?:Resolving|Counting|Compressing|Writing|Processing) )/;
/** Of `--porcelain`: why this branch was not taken. */
const REJECTED = /^!\t[^\t]*\t\[[^\]]*\] \((.+)\)$/m;

/** The one line that tells most: what the forge says, then what git says of the branch, then whoever spoke first. */
function reasonOf(output: string): string {
  const lines = output.split('\n');
  const first = (some: readonly string[]) =>
    some
      .map((line) => line.replace(MARKS, '').trim())
      .find((line) => line !== '' && !SAYS_NOTHING.test(line));
  return (
    first(lines.filter((line) => line.startsWith('remote:'))) ??
    REJECTED.exec(output)?.[1] ??
    first(lines) ??
    ''
  );
}

/** Addresses may hold a password: the person's own, and still nothing for a page or a log. */
export function withoutCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1');
}
