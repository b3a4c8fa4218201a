/** Local sandboxes that are stopped, looked through, copied, started from, and read-only ones. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LocalDriver } from '../../../server/sandbox/local/driver.ts';
import type { ChangedFile, Sandbox, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { command, git, newTask, scratchDir, sh, shellIn } from './help.ts';
import { originServer } from './origin.ts';
import { isCode } from './suite.ts';

describe('a local sandbox that is stopped', { timeout: 120_000 }, () => {
  const data = scratchDir();
  const driver = new LocalDriver(data.path);
  const open: Sandbox[] = [];
  const made = async (more: Partial<SandboxSpec> = {}): Promise<Sandbox> => {
    const sandbox = await driver.open({ ...newTask(), ...more });
    open.push(sandbox);
    return sandbox;
  };
  after(async () => {
    for (const sandbox of open) await sandbox.detach();
    for (const { name } of await driver.list()) await driver.remove(name);
    data.remove();
  });

  test('is named, listed and removed by its role; one task has one of each', async () => {
    const task = newTask();
    for (const role of ['agent', 'setup', 'ask'] as const) await made({ ...task, role });
    const found = (await driver.list()).filter((ref) => ref.taskId === task.taskId);
    assert.deepEqual(
      found.map(({ name, role, running }) => ({ name, role, running })),
      [
        { name: `codex-ask-${task.taskId}-1`, role: 'ask', running: true },
        { name: `codex-setup-${task.taskId}-1`, role: 'setup', running: true },
        { name: `codex-task-${task.taskId}-1`, role: 'agent', running: true },
      ],
    );
    await driver.remove(`codex-setup-${task.taskId}-1`);
    const left = (await driver.list()).filter((ref) => ref.taskId === task.taskId);
    assert.deepEqual(
      left.map(({ role }) => role),
      ['ask', 'agent'],
    );
    await assert.rejects(driver.remove('../runner'), isCode('badRequest'));
    await assert.rejects(driver.stop('/etc'), isCode('badRequest'));
  });

  test('has no process left, wherever it hid, and is listed as not running', async () => {
    const mark = `codex-stop-${process.pid}-${Date.now()}`;
    const sandbox = await made();
    await sh(
      sandbox,
      `setsid -f bash -c 'trap "" TERM HUP; exec -a ${mark} sleep 1000' >/dev/null 2>&1 </dev/null; nohup bash -c 'exec -a ${mark} sleep 1001' >/dev/null 2>&1 &
       until [ $(grep -lzx "[${mark[0]}]${mark.slice(1)}" /proc/[0-9]*/cmdline 2>/dev/null | wc -l) -ge 2 ]; do sleep 0.02; done`,
    );
    assert.ok(processesWith(mark) >= 2);
    await driver.stop(sandbox.name);
    assert.equal(processesWith(mark), 0);
    assert.equal((await driver.list()).find((ref) => ref.name === sandbox.name)?.running, false);
    await driver.stop(sandbox.name);
    await assert.rejects(sandbox.run(command('true')), isCode('sandboxLost'));
  });

  test('tells every file by its bytes and its place inside, follows no link, waits for nothing', async () => {
    const sandbox = await made();
    const { exitCode, output } = await sh(
      sandbox,
      String.raw`set -e; mkdir -p /workspace/project/deep; cd /workspace/project
        echo one > plain; printf 'x' > $'caf\351'; ln -s /etc/passwd link; ln -s /proc/1/environ ~/environ; mkfifo fifo
        echo hidden > deep/hidden; chmod 000 deep/hidden deep; echo t > /tmp/t; echo b >> ~/.bashrc; ln -s / ~/root`,
    );
    assert.equal(exitCode, 0, output);
    await driver.stop(sandbox.name);
    const seen = new Map<string, string>();
    for await (const file of driver.changedFiles(sandbox.name))
      seen.set(file.path.toString('latin1'), await told(file));
    assert.deepEqual(
      [...seen].sort(([a], [b]) => (a < b ? -1 : 1)),
      [
        ['/root/.bashrc', '= b\n'],
        ['/root/environ', '-> /proc/1/environ'],
        ['/root/root', '-> /'],
        ['/tmp/t', '= t\n'],
        ['/workspace/project', 'nothing'],
        ['/workspace/project/caf\xe9', '= x'],
        ['/workspace/project/deep', 'nothing'],
        ['/workspace/project/deep/hidden', '= hidden\n'],
        ['/workspace/project/fifo', 'nothing'],
        ['/workspace/project/link', '-> /etc/passwd'],
        ['/workspace/project/plain', '= one\n'],
      ],
    );
  });

  test('is kept as a snapshot that others start from: files, modes, links, times; no process, no socket', async () => {
    const setup = await made({ role: 'setup' });
    const { output } = await sh(
      setup,
      `mkdir -p /workspace/project/node_modules ~/.cache; cd /workspace/project; echo m > node_modules/m; ln node_modules/m node_modules/n
       touch -d 2001-02-03 node_modules/m; chmod 751 node_modules; echo 'export A=1' > ~/.bashrc; echo c > /tmp/c; ln -s m node_modules/l; truncate -s 1G /tmp/holes`,
    );
    assert.equal(output, '');
    await assert.rejects(driver.snapshot(setup.name, {}), isCode('conflict'));
    await driver.stop(setup.name);
    const labels = { key: 'k1', environment: 'e' };
    const { id, bytes } = await driver.snapshot(setup.name, labels);
    assert.ok(bytes > 4_096 && bytes < 64 * 1024 * 1024, `${bytes} bytes: holes are none`);
    await driver.remove(setup.name);
    const kept = (await driver.snapshots()).find((one) => one.id === id);
    assert.deepEqual(kept?.labels, labels);
    assert.ok(Math.abs((kept?.createdAt ?? 0) - Date.now()) < 60_000);
    assert.deepEqual(readdirSync(join(data.path, 'snapshots', id)).sort(), [
      'home',
      'snapshot.json',
      'tmp',
      'workspace',
    ]);

    const agent = await made({ snapshot: id });
    assert.equal(agent.how, 'prepared');
    const found = await sh(
      agent,
      `cd /workspace/project/node_modules; cat m ~/.bashrc /tmp/c; stat -c '%a %h %Y' . m; readlink l; stat -c '%s %b' /tmp/holes; echo more > m; ls /run/codex/commands`,
    );
    assert.match(
      found.output,
      /^m\nexport A=1\nc\n751 2 \d+\n644 2 981\d+\nm\n1073741824 (0|8)\ncall-\w+\n$/,
    );
    const other = await made({ snapshot: id });
    assert.equal((await sh(other, 'cat /workspace/project/node_modules/m')).output, 'm\n');

    assert.equal(await driver.removeSnapshot(id), true);
    assert.equal(await driver.removeSnapshot(id), true);
    assert.deepEqual(
      (await driver.snapshots()).filter((one) => one.id === id),
      [],
    );
    await assert.rejects(driver.open({ ...newTask(), snapshot: id }), isCode('imageMissing'));
    assert.equal((await sh(other, 'cat /workspace/project/node_modules/m')).output, 'm\n');
  });

  test('a snapshot that was cut short is absent and cleared away; one from before a fall of the machine too', async () => {
    const sandbox = await made();
    await driver.stop(sandbox.name);
    const { id } = await driver.snapshot(sandbox.name, {});
    const dir = join(data.path, 'snapshots');
    const half = `local-${'0'.repeat(24)}.new`;
    mkdirSync(join(dir, half, 'workspace'), { recursive: true });
    const fallen = `local-${'1'.repeat(24)}`;
    mkdirSync(join(dir, fallen));
    const about = { labels: {}, createdAt: 1, bytes: 1, boot: 'another' };
    writeFileSync(join(dir, fallen, 'snapshot.json'), JSON.stringify(about));
    assert.deepEqual(
      (await driver.snapshots()).map((one) => one.id),
      [id],
    );
    assert.deepEqual(readdirSync(dir), [id]);
    await driver.removeSnapshot(id);
    await assert.rejects(driver.removeSnapshot('../sandboxes'), isCode('badRequest'));
  });

  test('a start from a snapshot that was cut short begins anew', async () => {
    const first = await made();
    await sh(first, 'echo ready > /workspace/ready');
    await driver.stop(first.name);
    const { id } = await driver.snapshot(first.name, {});
    const task = newTask();
    const half = join(data.path, 'sandboxes', `codex-task-${task.taskId}-1`);
    mkdirSync(join(half, 'workspace'), { recursive: true });
    writeFileSync(join(half, 'workspace', 'half'), '');
    const second = await made({ ...task, snapshot: id });
    assert.equal((await sh(second, 'ls /workspace')).output, 'ready\n');
    await driver.removeSnapshot(id);
  });

  test('is removed whole, however deep its folders and whatever their modes', async () => {
    const sandbox = await made();
    const { exitCode } = await sh(
      sandbox,
      String.raw`cd /tmp; long=$(printf 'd%.0s' {1..200}); for i in {1..40}; do mkdir $long; cd $long; done
        mkdir -p ~/$'\351t\351/in'; chmod 000 ~/$'\351t\351'; chmod 500 /workspace`,
    );
    assert.equal(exitCode, 0);
    await driver.remove(sandbox.name);
    assert.equal(existsSync(join(data.path, 'sandboxes', sandbox.name)), false);
  });

  test('has an identity of the machine that stays, and no images', async () => {
    const identity = await driver.imageIdentity(undefined);
    assert.match(identity, /^local-[0-9a-f]{32}$/);
    assert.equal(await driver.imageIdentity('base'), identity);
    await assert.rejects(driver.imageIdentity('node:24'), isCode('sandboxStartFailed'));
  });
});

describe('a local sandbox to ask in', { timeout: 120_000 }, () => {
  const data = scratchDir();
  const origin = scratchDir();
  const driver = new LocalDriver(data.path);
  let server: ReturnType<typeof originServer>;
  let sha: string;

  before(() => {
    shellIn(
      origin.path,
      'git init -q -b main; echo one > file; mkdir src; echo two > src/two; git add -A; git commit -qm first',
    );
    sha = git(origin.path, 'rev-parse', 'main');
    server = originServer(join(origin.path, '.git'));
  });
  after(async () => {
    for (const { name } of await driver.list()) await driver.remove(name);
    server.close();
    origin.remove();
    data.remove();
  });

  test('its repository can’t be written after the checkout; all else can; a later checkout still works', async () => {
    const task: SandboxSpec = { ...newTask(), role: 'ask' };
    const sandbox = await driver.open(task);
    sandbox.serve('origin', server.serve);
    await sandbox.checkout({ sha, branch: 'main' });
    const inRepo = { cwd: '/workspace/project' };
    for (const write of [
      'echo x >> file',
      'echo x > new',
      'rm file',
      'mv src other',
      'chmod +x file',
      'touch -d 2001-01-01 file',
      'git commit -q --allow-empty -m x',
      'ln file /tmp/linked',
      'rm -rf /workspace/project; [ ! -e /workspace/project/file ]',
      'mv /workspace/project /workspace/elsewhere',
      'exec 9<file; echo x > /proc/self/fd/9',
      'mount -o remount,rw /workspace/project && echo x > new',
      'umount /workspace/project',
    ]) {
      const { exitCode, output } = await sh(sandbox, write, inRepo);
      assert.notEqual(exitCode, 0, write);
      assert.match(output, /Read-only|busy|cross-device|permission|permitted|superuser/i, write);
    }
    const read = await sh(
      sandbox,
      'cat file src/two; git status --short; git log --format=%s; git fetch -q 2>&1 | wc -l',
      inRepo,
    );
    assert.match(read.output, /^one\ntwo\nfirst\n/);
    assert.equal((await sh(sandbox, 'echo x > /tmp/x && echo y > ~/y && echo z > /workspace/z')).exitCode, 0);
    await sandbox.put('/workspace/.mark', Buffer.from('mark'));

    const again = await driver.open({ ...task, generation: 2 });
    assert.equal(again.how, 'parked');
    assert.notEqual((await sh(again, 'echo x > new', inRepo)).exitCode, 0);
    again.serve('origin', server.serve);
    await again.checkout({ sha, branch: 'other' });
    assert.equal((await sh(again, 'git branch --show-current; cat ~/y', inRepo)).output, 'other\ny\n');
    assert.notEqual((await sh(again, 'echo x > new', inRepo)).exitCode, 0);
    assert.equal(again.lost.aborted, false);

    await driver.stop(again.name);
    const third = await driver.open({ ...task, generation: 3 });
    assert.equal(third.how, 'restarted');
    assert.notEqual((await sh(third, 'echo x > new', inRepo)).exitCode, 0, 'read-only after a restart too');
    await third.detach();
  });
});

async function told(file: ChangedFile): Promise<string> {
  if (file.target) return `-> ${file.target.toString('latin1')}`;
  if (!file.content) return 'nothing';
  const chunks: Buffer[] = [];
  for await (const chunk of file.content) chunks.push(chunk as Buffer);
  return `= ${Buffer.concat(chunks).toString('latin1')}`;
}

function processesWith(mark: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(mark);
    } catch {
      return false;
    }
  }).length;
}
