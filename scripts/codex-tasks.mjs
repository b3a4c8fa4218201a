#!/usr/bin/env node
/**
 * `codex-tasks` from a checkout: makes it ready if it isn't, and hands over to the bundle on the
 * project's own Node. Plain JavaScript for Node 20, so that it can say so where anything is missing.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, ensureBuild, ensureDependencies, nodeBinary, nodeEnvironment } from './ensure-install.mjs';

try {
  ensureDependencies();
  ensureBuild(['runner', 'cli']);
} catch (error) {
  process.stderr.write(`codex-tasks could not be prepared: ${error.message}\n`);
  process.exit(1);
}
const args = process.argv.slice(2);
// As client/backend-process starts one: it takes less memory.
const flags = args[0] === 'serve' ? ['--max-semi-space-size=4'] : [];
const child = spawn(nodeBinary(), [...flags, join(ROOT, 'dist/cli/codex-tasks.mjs'), ...args], {
  stdio: 'inherit',
  env: nodeEnvironment(),
});
// Ctrl-C reaches the child by the terminal; this process waits for it to end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('error', (error) => {
  process.stderr.write(`codex-tasks could not be started: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code) => process.exit(code ?? 1));
