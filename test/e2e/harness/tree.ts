/** What a working tree holds, to the byte and the mode: for comparing it before and after. */
import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../../support/git.ts';

/** One line a file: type and mode, hash or target, path. Without `.git`. */
export function listing(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(below, entry.name);
      if (path === '.git') return [];
      if (entry.isDirectory()) return listing(folder, path);
      const full = join(folder, path);
      const executable = (lstatSync(full).mode & 0o111) !== 0;
      if (entry.isSymbolicLink()) return [`link ${readlinkSync(full)} ${path}`];
      return [`file ${executable ? 'x' : '-'} ${sha256(readFileSync(full))} ${path}`];
    });
}

/** The tree that git would commit of everything in the folder; its index is left alone. */
export function writeTree(folder: string): string {
  const index = join(tmpdir(), `codex-index-${randomUUID()}`);
  try {
    git(folder, ['add', '-A'], { env: { GIT_INDEX_FILE: index } });
    return git(folder, ['write-tree'], { env: { GIT_INDEX_FILE: index } });
  } finally {
    rmSync(index, { force: true });
  }
}

/** What `sha256sum` of every file prints, hashed: computed the same way inside the sandbox. */
export function bytesDigest(folder: string): string {
  const lines = listing(folder)
    .filter((line) => line.startsWith('file '))
    .map((line) => {
      const [, , hash, ...path] = line.split(' ');
      return `${hash}  ./${path.join(' ')}\n`;
    });
  lines.sort((a, b) => Buffer.compare(Buffer.from(a.slice(66)), Buffer.from(b.slice(66))));
  return sha256(Buffer.from(lines.join('')));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
