/** Whether a folder holds what a patch made, byte for byte: git's own ids say so. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matchesId, parsePatch } from '../../client/patch/index.ts';

const REGULAR = /^100/;

export interface Verified {
  /** Files whose bytes are those of the result. */
  same: string[];
  /** Those of them that are binary. */
  binary: string[];
  different: string[];
}

export async function verifyFiles(root: string, patch: Uint8Array): Promise<Verified> {
  const verified: Verified = { same: [], binary: [], different: [] };
  for (const file of parsePatch(patch).files) {
    if (file.newId === null || file.newMode === null || !REGULAR.test(file.newMode)) continue;
    const { path } = file.newPath;
    const bytes = await readFile(join(root, path)).catch(() => null);
    if (bytes === null || !matchesId(bytes, file.newId)) {
      verified.different.push(path);
      continue;
    }
    verified.same.push(path);
    if (file.body.type === 'binary') verified.binary.push(path);
  }
  return verified;
}
