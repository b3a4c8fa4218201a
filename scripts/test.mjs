/**
 * `npm test [-- STAGE… ] [-- --only PART_OF_A_PATH]`: every test of the project.
 *
 * In order: dependencies and bundles, the tools that the tests need, the stages one after the other,
 * and then what failed, what was skipped and why, each stage's time, and the counts as the last line.
 * With CI=true something skipped is a failure.
 *
 * Starts on Node 20 with nothing installed and goes on under the project's own Node.
 */
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, ensureBuild, ensureDependencies, nodeBinary, nodeEnvironment } from './ensure-install.mjs';

const REASON_LINES = 12;

const args = process.argv.slice(2);

try {
  ensureDependencies();
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
if (realpathSync(process.execPath) !== realpathSync(nodeBinary())) {
  const again = spawnSync(nodeBinary(), [fileURLToPath(import.meta.url), ...args], {
    stdio: 'inherit',
    env: nodeEnvironment(),
  });
  process.exit(again.status ?? 1);
}

const { seconds, runFiles } = await import('./test/run-files.mjs');
const { ensureNeeds, needsOf } = await import('./test/needs.mjs');
const { selectStages } = await import('./test/stages.mjs');

const strict = process.env.CI === 'true' || process.env.CI === '1';
const onlyAt = args.indexOf('--only');
const only = onlyAt >= 0 ? args[onlyAt + 1] : undefined;
const names = args.filter((_, index) => onlyAt < 0 || (index !== onlyAt && index !== onlyAt + 1));

const pathOf = (file) => relative(ROOT, file).replaceAll('\\', '/');
const print = (line) => console.log(line);

const stages = selectStages(names, ROOT);
for (const stage of stages) {
  if (only) stage.files = stage.files.filter((file) => pathOf(file).includes(only));
}
const times = [];
const timed = async (name, work) => {
  const startedAt = Date.now();
  print(`\n── ${name}`);
  try {
    return await work();
  } finally {
    times.push(`${name} ${seconds(Date.now() - startedAt)}`);
  }
};

const results = [];
const { found, missing } = await timed('set-up', async () => {
  try {
    ensureBuild();
  } catch (error) {
    // What needs no bundle is still worth knowing.
    results.push({ file: 'esbuild.config.mjs', name: 'the build', outcome: 'failed', why: error.message });
  }
  return ensureNeeds(
    stages.flatMap((stage) => stage.files.map(pathOf)),
    print,
  );
});

for (const stage of stages) {
  if (stage.files.length === 0) continue;
  await timed(stage.name, async () => {
    const runnable = [];
    for (const file of stage.files) {
      const reasons = needsOf(pathOf(file)).flatMap((need) => missing.get(need) ?? []);
      if (reasons.length === 0) runnable.push(file);
      else
        results.push({
          file: pathOf(file),
          name: '(the file)',
          outcome: 'skipped',
          why: [...new Set(reasons)].join(' '),
        });
    }
    const env = {
      ...nodeEnvironment(),
      // Hundreds of processes load the same few files: compiled once, they start in half the time.
      NODE_COMPILE_CACHE: join(ROOT, 'dist/test/compile-cache'),
      CODEX_TASKS_TEST_CHROMIUM: found.get('chromium') ?? '',
      CODEX_TASKS_TEST_CODE_SERVER: found.get('codeServer') ?? '',
      CODEX_TASKS_TEST_VSIX: found.get('vsix') ?? '',
      CODEX_TASKS_TEST_IN_HOST_RUNNER: found.get('inHostRunner') ?? '',
      CODEX_TASKS_TEST_IN_HOST_SUITE: found.get('inHostSuite') ?? '',
    };
    // Tests that need a colour, a key or a backend say so themselves.
    for (const name of ['FORCE_COLOR', 'OPENAI_API_KEY', 'OPENAI_BASE_URL', 'CODEX_MODEL']) delete env[name];
    for (const name of Object.keys(env)) if (name.startsWith('CODEX_SERVER_')) delete env[name];
    results.push(
      ...(await runFiles(runnable, {
        root: ROOT,
        concurrency: stage.concurrency,
        timeoutMs: stage.timeoutMs,
        verbose: stage.verbose ?? false,
        env,
        print,
      })),
    );
  });
}

const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
const passed = count('passed');
const failed = count('failed');
const skipped = count('skipped');

print(`\n── done\n${times.join(' · ')}`);
if (failed > 0) print('\nFailed:');
// With the reason's first lines: what came before may be far up, or cut off.
for (const result of results.filter(({ outcome }) => outcome === 'failed')) {
  print(`  ✗ ${result.file}: ${result.name}`);
  for (const line of (result.why ?? '').split('\n').slice(0, REASON_LINES)) print(`      ${line}`);
}
if (skipped > 0) print('\nSkipped:');
for (const result of results.filter(({ outcome }) => outcome === 'skipped')) {
  print(`  – ${result.file}: ${result.name}: ${result.why}`);
}
if (skipped > 0 && strict) print('With CI=true something skipped is a failure.');
if (passed + failed + skipped === 0) print('No test was found.');
print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || (skipped > 0 && strict) || passed === 0 ? 1 : 0;
