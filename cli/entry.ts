/** How this program starts itself again: the bundle, or `main.ts` on a Node that reads TypeScript. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** A part of the bundle stands beside its entry. */
export const ENTRY = join(dirname(here), here.endsWith('.ts') ? 'main.ts' : 'codex-tasks.mjs');
