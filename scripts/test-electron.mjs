/**
 * `npm run test:electron [-- VERSION…]`: the in-host suite in desktop VS Codes that @vscode/test-electron
 * downloads; without versions, the oldest that the manifest allows and the current one.
 *
 * For machines with a display (or `xvfb-run`) that reach VS Code's servers. The same suite runs in
 * `npm test` inside VS Code in a browser.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, ensureBuild, ensureDependencies, nodeBinary, nodeEnvironment } from './ensure-install.mjs';

ensureDependencies();
if (realpathSync(process.execPath) !== realpathSync(nodeBinary())) {
  const again = spawnSync(nodeBinary(), [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: nodeEnvironment(),
  });
  process.exit(again.status ?? 1);
}
ensureBuild();
const { ensureInHostSuite } = await import('./test/in-host-suite.mjs');
const { runTests } = await import('@vscode/test-electron');
const suite = await ensureInHostSuite();
if (!suite.ok) throw new Error(suite.reason);

const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const oldest = engines.vscode.replace(/^\^/, '');
const given = process.argv.slice(2);
const results = [];
let broken = 0;

for (const version of given.length > 0 ? given : [oldest, 'stable']) {
  const folder = mkdtempSync(join(tmpdir(), 'codex-electron-'));
  const file = join(folder, 'results.jsonl');
  console.log(`\n── VS Code ${version}`);
  try {
    await runTests({
      version,
      extensionDevelopmentPath: ROOT,
      extensionTestsPath: suite.path,
      extensionTestsEnv: { CODEX_TASKS_IN_HOST_RESULTS: file },
      launchArgs: [
        ...['--user-data-dir', join(folder, 'user-data'), '--extensions-dir', join(folder, 'extensions')],
        ...['--disable-workspace-trust', '--disable-telemetry', '--skip-welcome', folder],
      ],
    });
  } catch (error) {
    broken += 1;
    console.log(`VS Code ${version}: ${error.message}`);
  }
  const lines = readLines(file);
  if (lines.length === 0) broken += 1;
  results.push(...lines.map((line) => ({ ...line, version })));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

const failed = results.filter((result) => result.outcome === 'failed');
for (const { version, name, why } of failed) console.log(`✗ ${version}: ${name}\n${why}`);
const passed = results.filter((result) => result.outcome === 'passed').length;
console.log(`${passed} passed, ${Math.max(failed.length, broken)} failed`);
process.exitCode = failed.length > 0 || broken > 0 ? 1 : 0;

function readLines(path) {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}
