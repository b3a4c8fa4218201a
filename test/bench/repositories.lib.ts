/** Repositories of a size, made once: through fast-import, without a working tree. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { git } from '../support/git.ts';

export interface Content {
  name: string;
  bytes: Buffer;
}

/** Random, so that a pack is as large as its files; as lines of text, or as it is. */
export function text(bytes: number): Buffer {
  const lines = randomBytes(Math.ceil((bytes * 3) / 4))
    .toString('base64')
    .replace(/.{76}/g, '$&\n');
  return Buffer.from(lines.slice(0, bytes));
}

/** Kept among our caches: made again only where it is not there. */
export async function keptRepository(name: string, files: () => Iterable<Content>): Promise<string> {
  const path = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'codex-tasks', 'bench', name);
  if (existsSync(path)) return path;
  const under = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await makeRepository(under, files());
    // Another run may have been quicker.
    if (!existsSync(path)) await rename(under, path);
  } finally {
    await rm(under, { recursive: true, force: true });
  }
  return path;
}

/** A bare repository with one commit of these files on `main`. */
export async function makeRepository(path: string, files: Iterable<Content>): Promise<void> {
  await mkdir(path, { recursive: true });
  git(path, ['init', '-q', '--bare', '-b', 'main']);
  // Nothing in it gets smaller by trying.
  const child = spawn('git', ['-c', 'core.compression=1', 'fast-import', '--quiet', '--force'], {
    cwd: path,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const to = child.stdin;
  const names: string[] = [];
  for (const { name, bytes } of files) {
    names.push(name);
    await write(to, `blob\nmark :${names.length}\ndata ${bytes.length}\n`);
    await write(to, bytes);
    await write(to, '\n');
  }
  await write(to, 'commit refs/heads/main\ncommitter Bench <bench@example.com> 0 +0000\ndata 5\nfirst\n');
  for (const [index, name] of names.entries()) await write(to, `M 100644 :${index + 1} ${name}\n`);
  to.end('done\n');
  const [code] = await closed;
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
}

async function write(to: Writable, bytes: Buffer | string): Promise<void> {
  if (!to.write(bytes)) await once(to, 'drain');
}
