/** Every folder of test/fixtures/apply-patch: what a patch makes of `input` is `expected`, byte for byte. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyPatch } from './run.ts';

const scenarios = join(import.meta.dirname, '../../fixtures/apply-patch');

for (const name of readdirSync(scenarios).sort()) {
  test(`scenario ${name.replaceAll('_', ' ')}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'apply-patch-'));
    try {
      const scenario = join(scenarios, name);
      cpSync(join(scenario, 'input'), folder, { recursive: true });
      const run = applyPatch(folder, readFileSync(join(scenario, 'patch.txt')));
      assert.deepEqual(treeOf(folder), treeOf(join(scenario, 'expected')), run.error);
      if (/^\d+_fails_/.test(name)) {
        assert.equal(run.code, 1);
        assert.notEqual(run.error, '');
      } else {
        assert.equal(run.code, 0, run.error);
        assert.match(run.output, /^Success/);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

function treeOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((path) => statSync(join(folder, path)).isFile())
      .map((path) => [path, readFileSync(join(folder, path)).toString('hex')]),
  );
}
