/** How this program starts itself again: the bundle, or `main.ts` on a Node that reads TypeScript. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

export const ENTRY = here.endsWith('.ts') ? join(dirname(here), 'main.ts') : here;
