/** The programs of a PostgreSQL server, for tests that start one of their own; on Debian as root installed. */
import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { ensurePackages } from './apt.mjs';
import { runAsScript } from './common.mjs';

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensurePostgres(log = () => {}) {
  if (!programs()) {
    const packages = await ensurePackages(['postgresql'], log);
    if (!packages.ok) return packages;
  }
  const path = programs();
  return path
    ? { ok: true, path, detail: `PostgreSQL in ${path}` }
    : { ok: false, reason: 'PostgreSQL is installed, but its initdb is not where Debian has it.' };
}

/** The newest version's folder; Debian puts none of it on the PATH. */
function programs() {
  const found = globSync('/usr/lib/postgresql/*/bin/initdb').map(dirname);
  const version = (path) => Number(path.split('/')[4]);
  return found.sort((one, two) => version(two) - version(one))[0];
}

await runAsScript(import.meta.url, ensurePostgres);
