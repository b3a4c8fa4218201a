/** bubblewrap, which confines local processes on Linux. It must also work, not only be there. */
import { ensurePackages } from './apt.mjs';
import { lastLine, run, runAsScript } from './common.mjs';

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensureBubblewrap(log = () => {}) {
  if (process.platform !== 'linux') {
    return { ok: false, reason: 'bubblewrap confines local processes on Linux only.' };
  }
  let version = await run('bwrap', ['--version']);
  if (version.code !== 0) {
    const packages = await ensurePackages(['bubblewrap'], log);
    if (!packages.ok) return packages;
    version = await run('bwrap', ['--version']);
  }
  // Kernels and distributions forbid user namespaces in several ways: only trying tells.
  const tried = await run('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']);
  if (tried.code !== 0) {
    return { ok: false, reason: `bubblewrap can't make a namespace here: ${lastLine(tried.out)}` };
  }
  return { ok: true, detail: version.out.trim() };
}

await runAsScript(import.meta.url, ensureBubblewrap);
