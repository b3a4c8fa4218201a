/** The demo's script with the demo's repository, our loop and the real apply_patch: no network, no Docker. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO_FILES, DEMO_PROMPT } from '../../../server/model/scripted/demo-repo.ts';
import { DEMO_SCRIPT } from '../../../server/model/scripted/scripts/demo.ts';
import { stage } from './play.ts';

let bin = '';

before(async () => {
  bin = await mkdtemp(join(tmpdir(), 'codex-bin-'));
  const main = join(import.meta.dirname, '../../../runner/apply-patch/main.ts');
  await writeFile(join(bin, 'apply_patch'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, 'apply_patch'), 0o755);
});

after(() => rm(bin, { recursive: true, force: true }));

async function demo() {
  const played = await stage(DEMO_SCRIPT);
  for (const [path, content] of Object.entries(DEMO_FILES)) {
    await mkdir(dirname(join(played.sandbox.workdir, path)), { recursive: true });
    await writeFile(join(played.sandbox.workdir, path), content);
  }
  const commit = ['-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'Add sums'];
  for (const args of [['init', '-q'], ['add', '-A'], commit]) {
    assert.equal(spawnSync('git', args, { cwd: played.sandbox.workdir }).status, 0);
  }
  const env = () => ({ PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}` });
  return { played, env };
}

function gitStatus(folder: string): string[] {
  const { stdout } = spawnSync('git', ['status', '--porcelain', '-uall'], { cwd: folder, encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).sort();
}

test('the demo fixes the sum, draws the logo, and leaves the tests passing', async () => {
  const { played, env } = await demo();
  try {
    const outcome = await played.run({ env, prompt: DEMO_PROMPT });
    assert.match(outcome.answer, /src\/sum\.mjs:5/);
    assert.deepEqual(gitStatus(played.sandbox.workdir), [' M src/sum.mjs', '?? assets/logo.png']);
    const logo = await readFile(join(played.sandbox.workdir, 'assets/logo.png'));
    assert.deepEqual([...logo.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
    const exits = played.of('item.completed').flatMap(({ item }) => (item.type === 'command' ? [item] : []));
    const tests = exits.filter((item) => item.command === 'npm test').map((item) => item.exitCode);
    assert.deepEqual(tests, [1, 0], 'the tests fail before the fix and pass after it');

    const followUp = await played.run({ env, prompt: 'Note the date.', turn: 2 });
    assert.match(followUp.answer, /today/);
    assert.ok(gitStatus(played.sandbox.workdir).includes(' M README.md'));
    assert.deepEqual(played.server.problems, []);
  } finally {
    await played.close();
  }
});

test('asked, the demo answers and changes nothing', async () => {
  const { played, env } = await demo();
  try {
    const outcome = await played.run({ env, mode: 'ask', prompt: 'What is this?' });
    assert.match(outcome.answer, /Adds numbers/);
    assert.deepEqual(gitStatus(played.sandbox.workdir), []);
  } finally {
    await played.close();
  }
});

test('a prompt of commands runs these', async () => {
  const { played, env } = await demo();
  try {
    const prompt = 'Please:\n$ echo one > one.txt\n$ cat one.txt\n';
    const outcome = await played.run({ env, prompt });
    assert.match(outcome.answer, /one/);
    assert.deepEqual(gitStatus(played.sandbox.workdir), ['?? one.txt']);
  } finally {
    await played.close();
  }
});
