/** debootstrap, which makes the base image where no image registry can be reached. */
import { ensurePackages } from './apt.mjs';
import { run, runAsScript } from './common.mjs';

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensureDebootstrap(log = () => {}) {
  const version = await run('debootstrap', ['--version']);
  if (version.code === 0) return { ok: true, detail: version.out.trim() };
  return ensurePackages(['debootstrap'], log);
}

await runAsScript(import.meta.url, ensureDebootstrap);
