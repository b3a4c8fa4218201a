/**
 * 5,000 random pairs of trees through applying and undoing, with files of 10 MB among them: the property
 * tests of `test/integration/apply`, run long and with seeds of their own.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const PAIRS = Number(process.env['CODEX_NIGHTLY_PAIRS'] ?? 5_000);
const LARGE_BYTES = 10 * 1024 * 1024;
/** Each night others; the number is printed, so that a failure can be had again. */
const SEED = Number(process.env['CODEX_TEST_SEED'] ?? Math.floor(Date.now() / 86_400_000) * 1_000);

test(`${PAIRS} random pairs from seed ${SEED}`, async () => {
  const file = new URL('../integration/apply/property.test.ts', import.meta.url).pathname;
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    CODEX_TEST_PAIRS: String(PAIRS),
    CODEX_TEST_SEED: String(SEED),
    CODEX_TEST_LARGE_BYTES: String(LARGE_BYTES),
  };
  // Else it reports to this runner's parent in a form of its own.
  delete env['NODE_TEST_CONTEXT'];
  const child = spawn(process.execPath, ['--test', '--test-reporter=spec', file], { env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0);
});
