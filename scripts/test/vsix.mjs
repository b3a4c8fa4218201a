/** The package of the extension, and of the small one that runs the in-host suite, for the e2e tests. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, nodeBinary, nodeEnvironment } from '../ensure-install.mjs';
import { lastLine, run } from '../setup/common.mjs';

/** @returns {Promise<import('../setup/common.mjs').Step>} */
export async function ensureVsix() {
  const path = outPath('codex-tasks.vsix');
  return packed(path, await node(['scripts/package.mjs', '--out', path], ROOT));
}

/** @returns {Promise<import('../setup/common.mjs').Step>} */
export async function ensureInHostRunner() {
  const path = outPath('in-host-runner.vsix');
  const vsce = join(ROOT, 'node_modules/@vscode/vsce/vsce');
  const flags = ['--no-dependencies', '--allow-missing-repository', '--skip-license'];
  const folder = join(ROOT, 'test/e2e/in-host-extension');
  return packed(path, await node([vsce, 'package', ...flags, '--out', path], folder));
}

function outPath(name) {
  mkdirSync(join(ROOT, 'test-output'), { recursive: true });
  return join(ROOT, 'test-output', name);
}

function node(args, cwd) {
  return run(nodeBinary(), args, { cwd, env: nodeEnvironment() });
}

function packed(path, { code, out }) {
  if (code === 0) return { ok: true, detail: path, path };
  process.stdout.write(out);
  return { ok: false, reason: `The package could not be made: ${lastLine(out)}` };
}
