/** What a stopped container changed, and what others can start from. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import Docker from 'dockerode';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { ChangedFile, SandboxDriver, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { newTask, scratchDir, sh } from './help.ts';
import { isCode } from './suite.ts';

const MIB = 1024 * 1024;

interface Seen {
  bytes?: number;
  sha?: string;
  target?: string;
}

describe('a Docker sandbox that was stopped', { timeout: 600_000 }, () => {
  const data = scratchDir();
  const docker = new Docker();
  let driver: SandboxDriver;

  before(() => {
    driver = createDriver({ kind: 'docker', dataDir: data.path });
  });
  after(async () => {
    for (const ref of await driver.list()) await driver.remove(ref.name);
    for (const one of await driver.snapshots()) await driver.removeSnapshot(one.id);
    data.remove();
  });

  const setUp = async (
    script: string,
    more: Partial<SandboxSpec> = {},
  ): Promise<{ name: string; spec: SandboxSpec }> => {
    const spec: SandboxSpec = { ...newTask(), role: 'setup', ...more };
    const sandbox = await driver.open(spec);
    const done = await sh(sandbox, `set -e\n${script}`, { timeoutMs: 120_000 });
    assert.equal(done.exitCode, 0, done.output);
    await sandbox.detach();
    await driver.stop(sandbox.name);
    return { name: sandbox.name, spec };
  };
  const seen = async (name: string): Promise<Map<string, Seen>> => {
    const found = new Map<string, Seen>();
    for await (const file of driver.changedFiles(name))
      found.set(file.path.toString('latin1'), await read(file));
    return found;
  };
  const read = async ({ content, target }: ChangedFile): Promise<Seen> => {
    if (target) return { target: target.toString('latin1') };
    if (!content) return {};
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of content as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      hash.update(chunk);
    }
    return { bytes, sha: hash.digest('hex') };
  };
  const shaOf = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

  test('has nothing alive in it, and says so to nobody twice', async () => {
    const task = newTask();
    const sandbox = await driver.open({ ...task, role: 'setup' });
    await sh(sandbox, 'setsid -f sleep 1000 >/dev/null 2>&1');
    const before = await docker.getContainer(sandbox.name).inspect();
    await driver.stop(sandbox.name);
    const after = await docker.getContainer(sandbox.name).inspect();
    assert.equal(after.State.Running, false);
    assert.equal(after.State.Pid, 0);
    assert.throws(() => process.kill(before.State.Pid, 0), { code: 'ESRCH' });
    await driver.stop(sandbox.name);
    await assert.rejects(sh(sandbox, 'true'), isCode('sandboxLost'));
    await driver.remove(sandbox.name);
    await driver.stop(sandbox.name);
  });

  test('tells every file that differs: odd names, links, 5,000 files, a large one; and nothing of ours', async () => {
    const { name } = await setUp(String.raw`
      mkdir -p /root/new/deep; cd /root/new; for i in $(seq 5000); do echo "$i" > f$i; done
      printf 'newline' > $'/root/new/two\nlines'; printf 'latin' > $'/root/new/caf\351'; printf 'in a known folder' > $'/etc/caf\351 known'
      printf 'utf' > /root/new/ü; ln -s $'/no\xffwhere' $'/etc/li\xffnk'; ln -s ../target /root/new/link
      printf 'content' > /opt/one; ln /opt/one /opt/two; mkfifo /opt/pipe
      head -c 100M /dev/zero > /opt/large; mkdir /empty; long="/$(printf 'd%.0s' $(seq 120))/$(printf 'e%.0s' $(seq 120))"; mkdir -p $long; printf long > "$long/$(printf 'f%.0s' $(seq 120))"
      echo more >> /etc/profile; rm /etc/debian_version; chmod 711 /usr; touch /etc/hostname2
      echo SECRET > /run/codex/kept; echo inner > /run/inner`);
    const began = performance.now();
    const found = await seen(name);
    console.log(`# ${found.size} changed paths in ${Math.round(performance.now() - began)} ms`);
    for (let i = 1; i <= 5_000; i++) assert.equal(found.get(`/root/new/f${i}`)?.sha, shaOf(`${i}\n`));
    assert.equal(found.get('/root/new/two\nlines')?.sha, shaOf('newline'));
    assert.equal(found.get('/root/new/caf\xe9')?.sha, shaOf('latin'));
    assert.equal(found.get('/etc/caf\xe9 known')?.sha, shaOf('in a known folder'));
    assert.equal(found.get(Buffer.from('/root/new/ü').toString('latin1'))?.sha, shaOf('utf'));
    assert.equal(found.get('/etc/li\xffnk')?.target, '/no\xffwhere');
    assert.equal(found.get('/root/new/link')?.target, '../target');
    assert.deepEqual(
      [found.get('/opt/one')?.sha, found.get('/opt/two')?.sha],
      [shaOf('content'), shaOf('content')],
    );
    assert.deepEqual(found.get('/opt/pipe'), {});
    assert.equal(found.get('/opt/large')?.bytes, 100 * MIB);
    assert.deepEqual(found.get('/empty'), {});
    const long = `/${'d'.repeat(120)}/${'e'.repeat(120)}/${'f'.repeat(120)}`;
    assert.equal(found.get(long)?.sha, shaOf('long'));
    assert.ok((found.get('/etc/profile')?.bytes ?? 0) > 100);
    assert.equal(found.get('/run/inner')?.sha, shaOf('inner\n'));
    const paths = [...found.keys()];
    assert.deepEqual(
      paths.filter((path) => /^\/(opt\/codex\/|run\/codex\/|proc\/|sys\/|usr\/bin\/)/.test(path)),
      [],
    );
    assert.equal(found.has('/etc/debian_version'), false);
    assert.equal(found.has('/etc/group'), false, 'unchanged');
    await driver.remove(name);
  });

  test('a hard link in a folder of its own has its content, wherever the other name is', async () => {
    const { name } = await setUp('mkdir /srv/a /srv/b; echo one > /srv/a/one; ln /srv/a/one /srv/b/two');
    const found = await seen(name);
    assert.deepEqual(
      [found.get('/srv/a/one')?.sha, found.get('/srv/b/two')?.sha],
      [shaOf('one\n'), shaOf('one\n')],
    );
    await driver.remove(name);
  });

  test('hundreds of changes in known folders are read in one go', async () => {
    const { name } = await setUp(
      String.raw`cd /usr/share; for d in $(find . -mindepth 1 -maxdepth 1 -type d | head -50); do for i in 1 2 3 4 5 6; do echo "$d $i" > $d/changed-$i; done; done; for f in $(find /usr/share/doc -type f | head -50); do echo x >> $f; done; echo odd > $'/usr/share/\xff'`,
    );
    const began = performance.now();
    const found = await seen(name);
    console.log(`# ${found.size} scattered paths in ${Math.round(performance.now() - began)} ms`);
    const changed = [...found].filter(([path]) => /^\/usr\/share\/[^/]+\/changed-\d$/.test(path));
    assert.ok(changed.length >= 200 && changed.length % 6 === 0, `${changed.length}`);
    for (const [path, { sha }] of changed) {
      const [, folder, number] = /^\/usr\/share\/([^/]+)\/changed-(\d)$/.exec(path) ?? [];
      assert.equal(sha, shaOf(`./${folder} ${number}\n`));
    }
    assert.equal(
      [...found].filter(([path, { bytes }]) => path.startsWith('/usr/share/doc/') && bytes).length >= 50,
      true,
    );
    assert.equal(found.get('/usr/share/\xff')?.sha, shaOf('odd\n'));
    assert.ok(found.size < 450, `${found.size}`);
    await driver.remove(name);
  });

  test('contents that nobody reads are skipped, and whoever stops early leaves nothing open', async () => {
    const { name } = await setUp(
      'for i in $(seq 5); do head -c 3M /dev/zero > /srv/f$i; done; mkdir /srv/d; echo last > /srv/d/last',
    );
    let count = 0;
    for await (const file of driver.changedFiles(name)) {
      count++;
      if (count === 1) file.content?.destroy();
      else if (count === 2 && file.content) await once(file.content, 'data');
    }
    assert.ok(count >= 7, `${count}`);
    const early = driver.changedFiles(name)[Symbol.asyncIterator]();
    await early.next();
    await early.return?.();
    await driver.remove(name);
  });

  test('is not read while it runs, or when it is gone', async () => {
    const sandbox = await driver.open({ ...newTask(), role: 'setup' });
    await assert.rejects(seen(sandbox.name), isCode('conflict'));
    await assert.rejects(driver.snapshot(sandbox.name, {}), isCode('conflict'));
    await sandbox.detach();
    await driver.remove(sandbox.name);
    await assert.rejects(seen(sandbox.name), isCode('sandboxLost'));
    await assert.rejects(driver.snapshot(sandbox.name, {}), isCode('sandboxLost'));
  });

  test('a snapshot holds its files, its image’s configuration, our labels, and no kept output', async () => {
    const { name, spec } = await setUp(
      'echo kept > /root/kept; echo output-of-the-setup; head -c 5M /dev/urandom > /srv/five',
    );
    const began = performance.now();
    const { id, bytes } = await driver.snapshot(name, { key: 'a key', repo: 'r' });
    console.log(`# a snapshot of 5 MB in ${Math.round(performance.now() - began)} ms`);
    assert.ok(bytes >= 5 * MIB && bytes < 6 * MIB, `${bytes}`);
    const image = await docker.getImage(id).inspect();
    const from = await docker.getImage(await driver.imageIdentity(undefined)).inspect();
    assert.deepEqual(image.Config.Env, from.Config.Env);
    assert.deepEqual(image.Config.Entrypoint ?? [], from.Config.Entrypoint ?? []);
    assert.deepEqual(image.Config.Cmd, from.Config.Cmd);
    assert.equal(image.Config.Labels['codex-tasks.prepared'], 'true');
    assert.match(image.Config.Labels['codex-tasks.owner'] ?? '', /^[0-9a-f]{16}$/);
    assert.equal(image.Config.Labels['codex-tasks.sandbox'], '');
    assert.match(image.RepoTags[0] ?? '', /^codex-tasks\/prepared:/);
    const [ref] = await driver.snapshots();
    assert.deepEqual(ref?.labels, { key: 'a key', repo: 'r' });
    assert.ok(Math.abs((ref?.createdAt ?? 0) - Date.now()) < 60_000);

    const opening = performance.now();
    const sandbox = await driver.open({ ...spec, role: 'agent', snapshot: id });
    console.log(`# a sandbox of it in ${Math.round(performance.now() - opening)} ms`);
    assert.equal(sandbox.how, 'prepared');
    const { output } = await sh(
      sandbox,
      'cat /root/kept; ls /run/codex/commands | wc -l; grep -rl output-of-the-setup /run/codex /var /tmp 2>/dev/null',
    );
    assert.match(output, /^kept\n1\n/, 'its own command alone');
    assert.doesNotMatch(output, /^\/var/m);
    assert.equal(await driver.removeSnapshot(id), false, 'a sandbox needs it');
    await driver.remove(name);
    await sandbox.detach();
    await driver.stop(sandbox.name);
    assert.equal(await driver.removeSnapshot(id), false, 'a stopped one too');
    await driver.remove(sandbox.name);
    assert.equal(await driver.removeSnapshot(id), true);
    assert.equal(await driver.removeSnapshot(id), true);
    assert.deepEqual(await driver.snapshots(), []);
    await assert.rejects(driver.open({ ...spec, role: 'agent', snapshot: id }), isCode('imageMissing'));
  });

  test('a snapshot may stand on a snapshot, and no deeper', async () => {
    const make = async (script: string, snapshot?: string): Promise<string> => {
      const { name } = await setUp(script, snapshot === undefined ? {} : { snapshot });
      try {
        return (await driver.snapshot(name, { what: script })).id;
      } finally {
        await driver.remove(name);
      }
    };
    const one = await make('echo 1 > /srv/one');
    const two = await make('cat /srv/one; echo 2 > /srv/two', one);
    await assert.rejects(make('cat /srv/one /srv/two', two), isCode('internal'));
    assert.deepEqual((await driver.snapshots()).find((ref) => ref.id === two)?.labels, {
      what: 'cat /srv/one; echo 2 > /srv/two',
    });
    assert.equal(await driver.removeSnapshot(one), false);
    assert.equal(await driver.removeSnapshot(two), true);
    assert.equal(await driver.removeSnapshot(one), true);
  });

  test('the identity of an image is its content’s, and of one that is not there an error', async () => {
    assert.match(await driver.imageIdentity(undefined), /^sha256:[0-9a-f]{64}$/);
    await assert.rejects(driver.imageIdentity('codex-tasks-test/none:1'), (error) =>
      /Missing|BuildFailed/.test((error as { code: string }).code),
    );
  });

  test('its volumes go with it', async () => {
    const { name } = await setUp('true');
    const own = (await docker.getContainer(name).inspect()).Mounts.filter(
      (mount) => mount.Destination === '/run/codex',
    );
    assert.equal(own.length, 1);
    await driver.remove(name);
    await assert.rejects(docker.getVolume(own[0]?.Name ?? '').inspect(), { statusCode: 404 });
  });

  test('another role under its name is refused', async () => {
    const { name, spec } = await setUp('true');
    const { Id } = await docker.getContainer(name).inspect();
    const wrong = name.replace('codex-setup-', 'codex-task-');
    await docker.getContainer(Id).rename({ name: wrong });
    await assert.rejects(driver.open({ ...spec, role: 'agent' }), isCode('internal'));
    await driver.remove(wrong);
  });
});
