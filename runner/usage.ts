/** `runner usage`: prints how many bytes lie in the runner's own folder, which is a volume and in no layer. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PLACES } from './places.ts';

const BLOCK_BYTES = 512;

export function usage(dir = PLACES.run): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    // What is gone meanwhile counts nothing. Blocks: a hole takes no room.
    bytes +=
      (lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
