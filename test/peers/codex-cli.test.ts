/** The scripted model's wire is real enough for the real Codex CLI. Run by `npm run test:peers` alone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO_FILES, DEMO_PROMPT } from '../../server/model/scripted/demo-repo.ts';
import { DEMO_SCRIPT } from '../../server/model/scripted/scripts/demo.ts';
import { TWENTY_CALLS_SCRIPT } from '../../server/model/scripted/scripts/twenty-calls.ts';
import { startScriptedModel } from '../../server/model/scripted/server.ts';
import { codexExec, installCodexCli } from './codex-cli.ts';

let cli = '';
let folder = '';

before(async () => {
  cli = await installCodexCli();
  folder = await mkdtemp(join(tmpdir(), 'codex-peer-'));
  for (const [path, content] of Object.entries(DEMO_FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
  ])
    spawnSync('git', args, { cwd: folder });
});

after(() => rm(folder, { recursive: true, force: true }));

test('the Codex CLI completes the demo task against the scripted model', async () => {
  const server = await startScriptedModel({ script: DEMO_SCRIPT });
  try {
    const run = await codexExec(cli, { folder, baseUrl: server.url, prompt: DEMO_PROMPT });
    assert.equal(run.code, 0, run.output);
    assert.match(run.output, /The sum was wrong for negative numbers/);
    assert.match(await readFile(join(folder, 'src/sum.mjs'), 'utf8'), /total \+= number;/);
    assert.equal((await readFile(join(folder, 'assets/logo.png'))).subarray(1, 4).toString(), 'PNG');
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const tests = spawnSync('node', ['--test'], { cwd: folder, env, encoding: 'utf8' });
    assert.equal(tests.status, 0, tests.stdout);
    assert.deepEqual(server.problems, []);
    assert.ok(
      server.requests.every((request) => !request.step.startsWith('400')),
      'the CLI sends nothing that we refuse',
    );
  } finally {
    await server.close();
  }
});

test('the Codex CLI makes twenty calls, one request each', async () => {
  const server = await startScriptedModel({ script: TWENTY_CALLS_SCRIPT });
  try {
    const run = await codexExec(cli, { folder, baseUrl: server.url, prompt: 'Make twenty calls.' });
    assert.equal(run.code, 0, run.output);
    assert.equal(server.requests.length, 21);
  } finally {
    await server.close();
  }
});

test('the Codex CLI makes twenty calls over a WebSocket, each request with what is new alone', async () => {
  const server = await startScriptedModel({ script: TWENTY_CALLS_SCRIPT });
  try {
    const options = { folder, baseUrl: server.url, prompt: 'Make twenty calls.', webSockets: true };
    const run = await codexExec(cli, options);
    assert.equal(run.code, 0, run.output);
    const asked = server.requests.filter((request) => request.via === 'webSocket');
    assert.ok(asked.length >= 21, `${asked.length} of ${server.requests.length}`);
    const wentOn = asked.filter((request) => 'previous_response_id' in (request.sent as object));
    assert.ok(wentOn.length >= 20, `${wentOn.length} went on from the response before`);
    assert.deepEqual(server.problems, []);
  } finally {
    await server.close();
  }
});
