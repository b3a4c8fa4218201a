/**
 * Which repository of the backend a remote or a folder belongs to. Pure.
 *
 * The id is a hash: nothing that a client says ever becomes part of a path. Two ways to write the
 * same remote (https, ssh, with or without credentials or `.git`) are the same repository.
 */
import { createHash } from 'node:crypto';
import { CodexError } from '../../protocol/errors.ts';

const REPO_ID = /^[a-z0-9]{8,64}$/;
const TASK_ID = /^[a-z0-9]{8,40}$/;
const SHA = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  'ssh:': '22',
  'git:': '9418',
  'http:': '80',
  'https:': '443',
};

export type ObjectFormat = 'sha1' | 'sha256';

export function objectFormatOf(sha: string): ObjectFormat {
  return sha.length === 64 ? 'sha256' : 'sha1';
}

/** `host[:port]/path`, or null when it names no host (a path of the client's machine, `file://`). */
export function normaliseRemote(remote: string): string | null {
  const text = remote.trim();
  const url = parseUrl(text) ?? parseScp(text);
  if (!url || url.hostname === '' || !(url.protocol in DEFAULT_PORTS)) return null;
  const port = url.port && url.port !== DEFAULT_PORTS[url.protocol] ? `:${url.port}` : '';
  const path = decode(url.pathname)
    .replace(/\/+/g, '/')
    .replace(/^\/|\/$/g, '')
    .replace(/\.git$/, '');
  if (path === '') return null;
  return `${url.hostname.toLowerCase().replace(/\.$/, '')}${port}/${path}`;
}

function parseUrl(text: string): URL | null {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : null;
}

/** `git@host:owner/name`; a single letter before the colon is a Windows drive. */
function parseScp(text: string): URL | null {
  const match = /^(?:[^@/\s]+@)?([^:/\s]{2,}):(?!\/\/|:)(.+)$/.exec(text);
  if (!match) return null;
  const url = `ssh://${match[1]}/${match[2]}`;
  return URL.canParse(url) ? new URL(url) : null;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The repository's id. `folder` counts when there is no remote that another machine could name. */
export function repoIdOf(of: { remote: string | null; folder: string; format: ObjectFormat }): string {
  const remote = of.remote === null ? null : normaliseRemote(of.remote);
  const key = remote === null ? `folder:${of.folder}` : `remote:${remote}`;
  const format = of.format === 'sha1' ? '' : `${of.format}:`;
  return createHash('sha256').update(format).update(key).digest('hex').slice(0, 32);
}

/** An id becomes a path or part of a ref only after it passed here. */
export function checkRepoId(repoId: string): string {
  if (!REPO_ID.test(repoId))
    throw new CodexError('repoUnknown', {}, { detail: 'a repository id of no valid form' });
  return repoId;
}

export function checkTaskId(taskId: string): string {
  if (!TASK_ID.test(taskId)) throw new CodexError('badRequest', { field: 'taskId' });
  return taskId;
}

export function checkSha(sha: string): string {
  if (!SHA.test(sha)) throw new CodexError('badRequest', { field: 'sha' });
  return sha;
}

export function resultRef(taskId: string, turn: number, attempt: number): string {
  for (const count of [turn, attempt]) {
    if (!Number.isSafeInteger(count) || count < 0) throw new CodexError('badRequest', { field: 'turn' });
  }
  return `refs/codex/tasks/${checkTaskId(taskId)}/${turn}/${attempt}`;
}
