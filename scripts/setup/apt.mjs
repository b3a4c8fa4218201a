/** Debian packages: which are there, and installing them where that needs no question. */
import { existsSync, readdirSync } from 'node:fs';
import { lastLine, run } from './common.mjs';

const INSTALL_TIMEOUT_MS = 10 * 60_000;
/** Another apt may run (an image's first boot does): wait for its lock rather than fail. */
const LOCK_WAIT_S = 120;

export function canInstallPackages() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

export async function missingPackages(names) {
  if (!existsSync('/etc/debian_version')) return [...names];
  const { out } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names]);
  const installed = new Set(
    out
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** @returns {Promise<import('./common.mjs').Step>} */
export async function ensurePackages(names, log = () => {}) {
  const missing = await missingPackages(names);
  if (missing.length === 0) return { ok: true, detail: `${names.join(', ')}: installed` };
  if (!canInstallPackages()) {
    return { ok: false, reason: `Install ${missing.join(', ')} (only Debian as root is set up by itself).` };
  }
  log(`Installing ${missing.join(', ')} …`);
  if (!hasPackageLists()) await apt(['update']);
  let result = await apt(['install', '--no-install-recommends', ...missing]);
  if (result.code !== 0) {
    // Lists grow old: the mirror no longer has the versions they name.
    await apt(['update']);
    result = await apt(['install', '--no-install-recommends', ...missing]);
  }
  if (result.code !== 0) {
    return { ok: false, reason: `apt-get could not install ${missing.join(', ')}: ${lastLine(result.out)}` };
  }
  return { ok: true, detail: `installed ${missing.join(', ')}` };
}

function hasPackageLists() {
  try {
    return readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));
  } catch {
    return false;
  }
}

function apt(args) {
  return run('apt-get', ['-y', '-q', '-o', `DPkg::Lock::Timeout=${LOCK_WAIT_S}`, ...args], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
}
