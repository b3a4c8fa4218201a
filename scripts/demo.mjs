/**
 * `npm run demo [-- --repo DIR --prompt "…"]`: makes a fresh clone ready, then hands over to
 * `codex-tasks demo` on Node 24. Plain JavaScript for Node 20, no dependencies.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ROOT,
  ensureBuild,
  ensureDependencies,
  nodeBinary,
  nodeEnvironment,
  say,
} from './ensure-install.mjs';

try {
  ensureDependencies();
  ensureBuild(['runner', 'cli']);
  ensureSandbox();
} catch (error) {
  say(`The demo could not be prepared: ${error.message}`);
  process.exit(1);
}

const child = spawn(
  nodeBinary(),
  [join(ROOT, 'dist/cli/codex-tasks.mjs'), 'demo', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: nodeEnvironment(),
  },
);
// Ctrl-C reaches the child by the terminal; this process waits for it to clean up.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => {
  say(`The demo could not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code) => process.exit(code ?? 1));

/** Where no Docker engine answers, the local sandbox needs bubblewrap: installed on Debian as root. */
function ensureSandbox() {
  if (process.platform !== 'linux' || answers('docker', ['version']) || answers('bwrap', ['--version']))
    return;
  const debian =
    existsSync('/etc/os-release') && /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  if (!debian || process.getuid?.() !== 0) return;
  say('Installing bubblewrap for the local sandbox (no Docker here)…');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', 'bubblewrap'];
  if (apt(install, env)) return;
  apt(['update', '-q'], env);
  if (!apt(install, env)) say('bubblewrap could not be installed; the demo says what is missing.');
}

function apt(args, env) {
  return spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'ignore'] }).status === 0;
}

function answers(command, args) {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}
