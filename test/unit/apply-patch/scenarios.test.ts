/**
 * Every folder of test/fixtures/apply-patch: what a patch makes of `input` is `expected`, byte for byte;
 * each line of `says.txt`, where there is one, stands in what the command says of it.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../../runner/apply-patch/command.ts';

const scenarios = join(import.meta.dirname, '../../fixtures/apply-patch');

for (const name of readdirSync(scenarios).sort()) {
  test(`scenario ${name.replaceAll('_', ' ')}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'apply-patch-'));
    try {
      const scenario = join(scenarios, name);
      cpSync(join(scenario, 'input'), folder, { recursive: true });
      const ended = run([], () => readFileSync(join(scenario, 'patch.txt')), folder);
      assert.deepEqual(treeOf(folder), treeOf(join(scenario, 'expected')), ended.error);
      if (/^\d+_fails_/.test(name)) {
        assert.equal(ended.code, 1);
        assert.match(ended.error, /\nNothing was changed\.\n$/);
      } else {
        assert.equal(ended.code, 0, ended.error);
        assert.match(ended.output, /^Success/);
      }
      const says = join(scenario, 'says.txt');
      if (!existsSync(says)) return;
      for (const words of readFileSync(says, 'utf8').trimEnd().split('\n')) {
        assert.ok(
          (ended.output + ended.error).includes(words),
          `${words}\n---\n${ended.output}${ended.error}`,
        );
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
