/** The in-host suite as one file that an extension host can load; mocha stays outside of it. */
import { join } from 'node:path';
import { ROOT, nodeBinary, nodeEnvironment } from '../ensure-install.mjs';
import { lastLine, run } from '../setup/common.mjs';

/**
 * `path` is the bundle; its `run()` is what VS Code calls.
 * @returns {Promise<import('../setup/common.mjs').Step>}
 */
export async function ensureInHostSuite() {
  const path = join(ROOT, 'dist/test/in-host.cjs');
  const options = { cwd: ROOT, env: nodeEnvironment() };
  const { code, out } = await run(nodeBinary(), ['esbuild.config.mjs', 'in-host'], options);
  if (code === 0) return { ok: true, detail: path, path };
  process.stdout.write(out);
  return { ok: false, reason: `The in-host suite could not be bundled: ${lastLine(out)}` };
}
