/**
 * The macOS sandbox from end to end on Linux: all of our own code, with a stand-in for `sandbox-exec`
 * that reads the rules it is given and holds a process to them by bubblewrap. What macOS itself makes of
 * the rules is not tested here.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { USUAL_PLACES } from '../../../protocol/places.ts';
import { proxyEnvironment } from '../../../server/pipeline/internet-env.ts';
import { readMark, writeMark } from '../../../server/pipeline/place.ts';
import { LocalDriver } from '../../../server/sandbox/local/driver.ts';
import { macOS } from '../../../server/sandbox/local/macos/platform.ts';
import { shellEnvironment } from '../../../server/sandbox/shell-env.ts';
import type { Sandbox, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { command, git, newTask, scratchDir, sh as plainSh, shellIn, takeIn } from './help.ts';
import { originServer } from './origin.ts';
import { notAMac } from './seatbelt/machine.ts';
import { isCode } from './suite.ts';

describe('a macOS sandbox, with a stand-in for Seatbelt', { timeout: 180_000 }, () => {
  const scratch = scratchDir();
  // A path longer than a socket's address can be, with a space, quotes and letters beyond ASCII.
  const dataDir = join(scratch.path, `Application "Support" (ü)\\${'x'.repeat(60)}`);
  mkdirSync(dataDir);
  const machine = notAMac(scratch.path);
  const driver = new LocalDriver(dataDir, macOS(machine));
  const origin = scratchDir();
  const opened: Sandbox[] = [];
  let server: ReturnType<typeof originServer>;
  let sha: string;
  let sandbox: Sandbox;
  let env: Record<string, string>;
  const spec = newTask();

  const open = async (more: Partial<SandboxSpec> = {}): Promise<Sandbox> => {
    const made = await driver.open({ ...newTask(), ...more });
    opened.push(made);
    made.serve('origin', server.serve);
    return made;
  };
  const environmentOf = (of: Sandbox): Promise<Record<string, string>> =>
    shellEnvironment(of, `env-${Math.random().toString(36).slice(2)}`, new AbortController().signal);
  const sh = (of: Sandbox, script: string, more: Parameters<typeof plainSh>[2] = {}) =>
    plainSh(of, script, { env, ...more });

  before(async () => {
    shellIn(
      origin.path,
      'git init -q -b main; echo one > file; mkdir src; echo two > src/two; git add -A; git commit -qm first',
    );
    sha = git(origin.path, 'rev-parse', 'main');
    server = originServer(join(origin.path, '.git'));
    sandbox = await open(spec);
    await sandbox.checkout({ sha, branch: 'main' });
    env = await environmentOf(sandbox);
  });
  after(async () => {
    for (const one of opened) await one.detach();
    for (const { name } of await driver.list()) await driver.remove(name);
    server.close();
    origin.remove();
    scratch.remove();
  });

  test('is healthy, new and listed, and says that it is weaker', async () => {
    const health = await driver.check();
    assert.equal(health.ok, true, health.detail);
    assert.match(health.detail, /Seatbelt, weaker/);
    assert.equal(sandbox.how, 'new');
    assert.deepEqual(
      (await driver.list()).map(({ name, running, role }) => ({ name, running, role })),
      [{ name: sandbox.name, running: true, role: 'agent' }],
    );
  });

  test('stands where its folders are, and tells commands so', async () => {
    const { places = USUAL_PLACES, home, workdir } = sandbox;
    assert.equal(workdir, join(dataDir, 'sandboxes', sandbox.name, 'workspace', 'project'));
    const { output } = await sh(
      sandbox,
      'pwd; echo "$HOME"; echo "$TMPDIR"; echo "$PATH"; touch "$HOME/h" "$TMPDIR/t"',
      {
        cwd: workdir,
      },
    );
    const [pwd, saidHome, tmp, path] = output.split('\n');
    assert.deepEqual([pwd, saidHome, tmp], [workdir, home, join(home, '..', 'tmp')]);
    assert.ok(path?.startsWith(`${places.codex}/bin:`), path);
    const proxy = proxyEnvironment(home, places);
    assert.equal(proxy['https_proxy'], `http://127.0.0.1:${places.egress.port}`);
    assert.match(proxy['JAVA_TOOL_OPTIONS'] ?? '', /proxyHost=127\.0\.0\.1 .*preferIPv4Stack=true/);
  });

  test('finds apply_patch, and marks a turn among the runner’s files', async () => {
    await sandbox.put(`${sandbox.workdir}/patched`, Buffer.from('a\n'));
    const patch = '*** Begin Patch\n*** Update File: patched\n@@\n-a\n+b\n*** End Patch';
    const { output, exitCode } = await sh(sandbox, `apply_patch '${patch}'; cat patched; rm patched`, {
      cwd: sandbox.workdir,
    });
    assert.equal(exitCode, 0, output);
    assert.match(output, /\nb\n$/);
    await writeMark(sandbox, { turn: 1, sha, captured: false });
    assert.deepEqual(await readMark(sandbox), { turn: 1, sha, captured: false });
  });

  test('reads nothing of the person’s, writes nothing outside, reaches no other port, signals nobody else', async () => {
    const listening = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => listening.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { port } = listening.address() as AddressInfo;
    for (const attempt of [
      `cat '${machine.personHome}/key'`,
      `ls '${machine.personHome}'`,
      'cat ../sandbox.json',
      'echo x > ../outside',
      `echo x > '${scratch.path}/outside'`,
      `exec 9<>/dev/tcp/127.0.0.1/${port}`,
      `kill -0 ${process.pid}`,
    ]) {
      const { exitCode, output } = await sh(sandbox, attempt, { cwd: sandbox.home });
      assert.notEqual(exitCode, 0, `${attempt}: ${output}`);
    }
    listening.close();
    assert.equal(existsSync(join(scratch.path, 'outside')), false);
  });

  test('fetches from origin by the usual name; the proxy’s port is held, and cut while nothing is allowed', async () => {
    const remote = await sh(
      sandbox,
      'git remote get-url origin; git config remote.origin.url; git fetch -q && echo fetched',
      {
        cwd: sandbox.workdir,
      },
    );
    const usual = 'http://127.0.0.1:9419/project.git';
    assert.match(
      remote.output,
      new RegExp(`^http://127\\.0\\.0\\.1:\\d+/project\\.git\n${usual}\nfetched\n$`),
    );
    assert.equal(remote.output.startsWith(usual), false);

    sandbox.serve('egress', (stream) => stream.end('from the proxy'));
    const ask = `exec 9<>/dev/tcp/127.0.0.1/${sandbox.places?.egress.port} && cat <&9`;
    assert.deepEqual(pick(await sh(sandbox, ask)), { output: '', exitCode: 0 });
    await sandbox.setEgress(true);
    assert.equal((await sh(sandbox, ask)).output, 'from the proxy');
    await sandbox.setEgress(false);
    assert.deepEqual(pick(await sh(sandbox, ask)), { output: '', exitCode: 0 });
  });

  test('gives a result out as bytes', async () => {
    await sh(sandbox, 'echo changed >> file; echo new > new; rm -r src', { cwd: sandbox.workdir });
    await sandbox.stopAll();
    const tree = await takeIn(origin.path, await sandbox.capture(sha));
    assert.equal(git(origin.path, 'ls-tree', '-r', '--name-only', tree), 'file\nnew');
    assert.equal(git(origin.path, 'show', `${tree}:file`), 'one\nchanged');
  });

  test('ends a command with what it started, wherever that hid, and nothing else', async () => {
    const other = sandbox.run(command('sleep 3; echo lived', { env }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const mark = `6${Date.now() % 100_000}`;
    const hanging = await sh(
      sandbox,
      `trap '' TERM; bash -c 'sleep ${mark}' & (setsid sleep ${mark} &) ; sleep ${mark}`,
      { timeoutMs: 700 },
    );
    assert.equal(hanging.end, 'timedOut');
    assert.equal((await other).exitCode, 0);
    await sandbox.stopAll();
    const alone = await sh(sandbox, `(setsid sleep ${mark} &); sleep ${mark}`, { timeoutMs: 700 });
    assert.equal(alone.end, 'timedOut');
    assert.equal((await sh(sandbox, `pgrep -c -f '^sleep ${mark}'`)).output.trim(), '0');
  });

  test('ends everything when it is told to; the runner goes on', async () => {
    await sh(sandbox, '(setsid sleep 777 >/dev/null 2>&1 &); nohup sleep 778 >/dev/null 2>&1 &');
    assert.equal((await sh(sandbox, `pgrep -c -f '^sleep 77[78]'`)).output.trim(), '2');
    await sandbox.stopAll();
    assert.equal((await sh(sandbox, `pgrep -c -f '^sleep 77[78]'`)).output.trim(), '0');
  });

  test('is adopted while it runs, and started again with its files, on its own ports, after a stop', async () => {
    await sh(sandbox, 'echo kept > "$HOME/kept"');
    const again = await open({ ...spec, generation: 2 });
    assert.equal(again.how, 'parked');
    await driver.stop(again.name);
    assert.equal((await driver.list()).find(({ name }) => name === again.name)?.running, false);
    const third = await open({ ...spec, generation: 3 });
    assert.equal(third.how, 'restarted');
    assert.equal((await sh(third, 'cat "$HOME/kept"')).output, 'kept\n');
    assert.deepEqual(third.places, sandbox.places);
    await assert.rejects(driver.open({ ...spec, generation: 1 }), isCode('generationSuperseded'));
  });

  test('is looked through and kept when it is stopped, and another starts from it', async () => {
    const setup = await open({ role: 'setup' });
    env = await environmentOf(setup);
    await sh(
      setup,
      'mkdir -p "$HOME/deep"; echo tool > "$HOME/deep/tool"; ln -s tool "$HOME/deep/link"; python3 -c "import socket,os; socket.socket(socket.AF_UNIX).bind(os.environ[\'TMPDIR\']+\'/s\')" || true; chmod 000 "$HOME/deep/tool"',
    );
    await assert.rejects(driver.snapshot(setup.name, {}), isCode('conflict'));
    await setup.detach();
    await driver.stop(setup.name);
    const found: string[] = [];
    for await (const file of driver.changedFiles(setup.name)) {
      file.content?.destroy();
      found.push(file.path.toString());
    }
    assert.ok(found.includes(join(setup.home, 'deep/tool')), found.join('\n'));
    const { id, bytes } = await driver.snapshot(setup.name, { key: 'k' });
    assert.ok(bytes > 0);
    await driver.remove(setup.name);
    const made = await open({ snapshot: id });
    assert.equal(made.how, 'prepared');
    env = await environmentOf(made);
    assert.equal((await sh(made, 'cat "$HOME/deep/link"')).output, 'tool\n');
    assert.deepEqual(
      (await driver.snapshots()).map((one) => one.labels),
      [{ key: 'k' }],
    );
    await driver.removeSnapshot(id);
    assert.deepEqual(await driver.snapshots(), []);
  });

  test('keeps nothing of one whose runner ended by itself: what that had started may live on', async () => {
    const setup = await open({ role: 'setup' });
    await sh(setup, 'kill -9 $PPID').catch(() => {});
    await driver.stop(setup.name);
    await assert.rejects(driver.snapshot(setup.name, {}), isCode('conflict'));
    await driver.remove(setup.name);
  });

  test('keeps nothing of one whose runner is ended from inside while it ends the others', async () => {
    const setup = await open({ role: 'setup' });
    await sh(
      setup,
      `(runner=$PPID; setsid bash -c "trap 'kill -9 $runner' TERM; touch up; while :; do sleep 0.02; done" >/dev/null 2>&1 &); until [ -e up ]; do sleep 0.02; done`,
      { cwd: setup.home },
    );
    await setup.detach();
    await driver.stop(setup.name);
    await assert.rejects(driver.snapshot(setup.name, {}), isCode('conflict'));
    await driver.remove(setup.name);
  });

  test('can’t write a repository that it is asked about; everything else it can', async () => {
    const asked = await open({ role: 'ask' });
    await asked.checkout({ sha, branch: 'main' });
    env = await environmentOf(asked);
    const inRepo = { cwd: asked.workdir };
    assert.equal((await sh(asked, 'cat file; git log --format=%s', inRepo)).output, 'one\nfirst\n');
    for (const write of [
      'echo x >> file',
      'echo x > new',
      'rm file',
      'mv src other',
      `mv '${asked.workdir}' ../moved`,
    ])
      assert.notEqual((await sh(asked, write, inRepo)).exitCode, 0, write);
    assert.equal((await sh(asked, 'echo x > "$HOME/x"')).exitCode, 0);
    await asked.checkout({ sha, branch: 'other' });
    assert.equal((await sh(asked, 'git branch --show-current', inRepo)).output, 'other\n');
    assert.notEqual((await sh(asked, 'echo x > new', inRepo)).exitCode, 0);
    assert.equal(asked.lost.aborted, false);
  });

  test('its runner ends what is there before itself when it is asked to end', async () => {
    const asked = await open();
    await sh(
      asked,
      `(setsid bash -c 'trap "echo asked > told; exit" TERM; touch up; while :; do sleep 0.05; done' >/dev/null 2>&1 &); until [ -e up ]; do sleep 0.02; done`,
      { cwd: asked.home },
    );
    process.kill(runnerOf(asked.name), 'SIGTERM');
    await driver.stop(asked.name);
    assert.equal(readFileSync(join(asked.home, 'told'), 'utf8'), 'asked\n');
  });

  test('holds a limit of memory by ending the largest, and says so', async () => {
    const limits = { ...newTask().limits, sandboxMemoryBytes: 400 * 1024 ** 2 };
    const small = await open({ limits });
    const eats = `python3 -c 'import time; a = bytearray(600 << 20); time.sleep(20)'`;
    const { end, exitCode } = await sh(small, eats);
    assert.deepEqual({ end, exitCode }, { end: 'outOfMemory', exitCode: 137 });
    assert.equal(small.lost.aborted, false);
  });

  test('is gone with all of it when it is removed', async () => {
    const gone = await open();
    await sh(gone, '(setsid sleep 7790 >/dev/null 2>&1 &)');
    await gone.detach();
    await driver.remove(gone.name);
    assert.equal(existsSync(join(dataDir, 'sandboxes', gone.name)), false);
    assert.equal(processesWith('sleep\x007790\x00'), 0);
    await driver.remove(gone.name);
  });
});

function pick({ output, exitCode }: { output: string; exitCode: number }): object {
  return { output, exitCode };
}

/** The runner itself, and not what holds it in the stand-in. */
function runnerOf(name: string): number {
  const found = readdirSync('/proc').filter((pid) => {
    try {
      const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return /node$/.test(program) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`/${name}/run`);
    } catch {
      return false;
    }
  });
  assert.equal(found.length, 1);
  return Number(found[0]);
}

function processesWith(commandLine: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1') === commandLine;
    } catch {
      return false;
    }
  }).length;
}
