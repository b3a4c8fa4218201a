/** Network namespaces with addresses of the tests' own, and the tools that attempts to get out are made with. */
import { ensurePackages } from './apt.mjs';
import { lastLine, run, runAsScript } from './common.mjs';

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensureNamespaces(log = () => {}) {
  if (process.platform !== 'linux') return { ok: false, reason: 'Network namespaces are on Linux only.' };
  const packages = await ensurePackages(['iproute2', 'busybox-static'], log);
  if (!packages.ok) return packages;
  // Containers are often not allowed to make one: only trying tells.
  const name = `codex-try-${process.pid}`;
  const tried = await run('ip', ['netns', 'add', name]);
  if (tried.code !== 0) {
    return { ok: false, reason: `ip can't make a network namespace here: ${lastLine(tried.out)}` };
  }
  await run('ip', ['netns', 'del', name]);
  return { ok: true, detail: 'network namespaces' };
}

await runAsScript(import.meta.url, ensureNamespaces);
