/** The in-host suite in VS Code in a browser: each of its tests is one here. */
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { startCodeServer, requiredPath, type CodeServer } from './harness/code-server.ts';
import { Window, eventually } from './harness/window.ts';

const SUITE_TIMEOUT_MS = 150_000;

type Line =
  | { kind: 'result'; name: string; outcome: 'passed' | 'failed' | 'skipped'; why?: string }
  | { kind: 'end'; error: string | null };

let server: CodeServer;
let window: Window;
let results: string;

before(async () => {
  results = join(tmpdir(), `codex-in-host-${process.pid}.jsonl`);
  server = await startCodeServer({
    extensions: [requiredPath('CODEX_TASKS_TEST_VSIX'), requiredPath('CODEX_TASKS_TEST_IN_HOST_RUNNER')],
    env: {
      CODEX_TASKS_IN_HOST_SUITE: requiredPath('CODEX_TASKS_TEST_IN_HOST_SUITE'),
      CODEX_TASKS_IN_HOST_RESULTS: results,
    },
  });
  window = await Window.open(server, await server.newFolder('workspace'));
});

after(async () => {
  await window?.close();
  await server?.stop();
  await rm(results, { force: true });
});

test('the in-host suite', async (t) => {
  const lines = await eventually('the end of the suite', ended, SUITE_TIMEOUT_MS);
  for (const line of lines) {
    if (line.kind !== 'result') continue;
    await t.test(line.name, { skip: line.outcome === 'skipped' }, () => {
      if (line.outcome === 'failed') throw new Error(line.why ?? 'failed');
    });
  }
  const ran = lines.filter((line) => line.kind === 'result').length;
  const error = lines.find((line) => line.kind === 'end')?.error ?? null;
  assert.ok(ran > 0, error ?? 'the suite has no test');
  if (lines.every((line) => line.kind === 'end' || line.outcome !== 'failed')) assert.equal(error, null);
});

async function ended(): Promise<Line[] | false> {
  const text = await readFile(results, 'utf8').catch(() => '');
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  return lines.some((line) => line.kind === 'end') ? lines : false;
}
