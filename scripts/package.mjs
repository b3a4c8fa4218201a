/**
 * `npm run package [-- --out FILE]`: the extension as a .vsix, with the backend and its assets inside.
 * What goes in is named in `.vscodeignore`; the bundles need no node_modules.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, nodeBinary, nodeEnvironment } from './ensure-install.mjs';

const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const outAt = process.argv.indexOf('--out');
const out = outAt > 0 ? process.argv[outAt + 1] : join(ROOT, `${name}-${version}.vsix`);

// Maps of an earlier build, and bundles that no longer exist, are no part of the product.
for (const folder of ['cli', 'runner', 'webview']) {
  rmSync(join(ROOT, 'dist', folder), { recursive: true, force: true });
}
step(['esbuild.config.mjs', '--production']);
step([
  join(ROOT, 'node_modules/@vscode/vsce/vsce'),
  'package',
  '--no-dependencies',
  '--allow-missing-repository',
  '--no-rewrite-relative-links',
  ...['--out', out],
]);
if (!existsSync(out)) throw new Error(`vsce ended well, but ${out} is missing.`);
console.log(`${out}: ${(statSync(out).size / 1024 / 1024).toFixed(1)} MB`);

function step(args) {
  const { status } = spawnSync(nodeBinary(), args, { cwd: ROOT, stdio: 'inherit', env: nodeEnvironment() });
  if (status !== 0) process.exit(status ?? 1);
}
