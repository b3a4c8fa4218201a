/**
 * Many objects of a repository through one `git cat-file --batch`, one after the other: a process for
 * each would cost more than the objects. Bytes as they are stored; no filter, no conversion.
 */
import { once } from 'node:events';
import { CodexError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { spawnGit } from './git.ts';

/** The same as a whole patch may have: a file that a patch makes can't be larger. */
const MAX_OBJECT_BYTES = LIMITS.patchBytes.cap;
const NEWLINE = 10;

export interface GitObject {
  type: string;
  bytes: Buffer;
}

export interface ObjectReader {
  /** `id`: a whole object id. Null when it is not there. Throws `CodexError` gitFailed | limitReached. */
  read(id: string): Promise<GitObject | null>;
  close(): Promise<void>;
}

export function openObjects(root: string): ObjectReader {
  const child = spawnGit(root, ['cat-file', '--batch']);
  const ended = once(child, 'close').catch(() => undefined);
  child.stdin.on('error', () => undefined);
  child.stderr.resume();
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  let last: Promise<unknown> = Promise.resolve();

  async function more(): Promise<Buffer> {
    const next = await chunks.next();
    if (next.done)
      throw new CodexError('gitFailed', { command: 'cat-file' }, { detail: 'git cat-file ended early' });
    return next.value;
  }

  async function take(length: number): Promise<Buffer> {
    const pieces = [rest];
    let size = rest.length;
    while (size < length) {
      const chunk = await more();
      pieces.push(chunk);
      size += chunk.length;
    }
    const all = pieces.length === 1 ? rest : Buffer.concat(pieces, size);
    rest = all.subarray(length);
    return all.subarray(0, length);
  }

  async function takeLine(): Promise<string> {
    for (;;) {
      const end = rest.indexOf(NEWLINE);
      if (end >= 0) return (await take(end + 1)).toString('latin1', 0, end);
      rest = Buffer.concat([rest, await more()]);
    }
  }

  async function ask(id: string): Promise<GitObject | null> {
    child.stdin.write(`${id}\n`);
    const [, type = '', size = ''] = (await takeLine()).split(' ');
    if (type === 'missing' || type === 'ambiguous') return null;
    if (Number(size) > MAX_OBJECT_BYTES)
      throw new CodexError('limitReached', { limit: 'patchBytes', value: MAX_OBJECT_BYTES });
    const bytes = (await take(Number(size) + 1)).subarray(0, -1);
    return { type, bytes };
  }

  return {
    read(id) {
      if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(id)) return Promise.resolve(null);
      const answer = last.then(() => ask(id));
      last = answer.catch(() => undefined);
      return answer;
    },
    async close() {
      child.stdin.end();
      child.stdout.destroy();
      await ended;
    },
  };
}

/** One blob, whole; null when the repository does not have it. */
export async function readBlob(root: string, id: string): Promise<Buffer | null> {
  const objects = openObjects(root);
  try {
    const object = await objects.read(id);
    return object?.type === 'blob' ? object.bytes : null;
  } finally {
    await objects.close();
  }
}
