/** The in-host suite as one file that an extension host can load; mocha stays outside of it. */
import { join } from 'node:path';
import { ROOT } from '../ensure-install.mjs';

/**
 * `path` is the bundle; its `run()` is what VS Code calls.
 * @returns {Promise<import('../setup/common.mjs').Step>}
 */
export async function ensureInHostSuite() {
  // Not at the top: this file is loaded before it is known that dependencies are needed.
  const { build } = await import('esbuild');
  const entry = join(ROOT, 'test/in-host/index.ts');
  const outfile = join(ROOT, 'dist/test/in-host.cjs');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    sourcemap: 'inline',
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  });
  return { ok: true, detail: outfile, path: outfile };
}
