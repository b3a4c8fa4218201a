/**
 * Where the files are that ship beside the code: the runner, the container images, the web page.
 * `npm run build` puts them under `dist/`; the bundled backend lies there too (`dist/cli/`).
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const distDir = /[\\/]dist[\\/]cli$/.test(here) ? dirname(here) : join(here, '..', 'dist');

/** `assetPath('runner', 'runner.cjs')` */
export function assetPath(...parts: string[]): string {
  return join(distDir, ...parts);
}
