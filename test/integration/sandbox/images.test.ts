/** Images as people bring them: with users of their own, or not made for this. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import type { CodexError } from '../../../protocol/errors.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { newTask, scratchDir, sh } from './help.ts';
import { isCode } from './suite.ts';

describe('images', { timeout: 180_000 }, () => {
  const docker = new Docker();
  const data = scratchDir();
  const driver = createDriver({ kind: 'docker', dataDir: data.path });
  const made: string[] = [];
  after(async () => {
    for (const ref of await driver.list()) await driver.remove(ref.name);
    for (const name of made) await docker.getImage(name).remove({ force: true });
    data.remove();
  });

  async function base(): Promise<string> {
    return driver.imageIdentity(undefined);
  }

  async function build(lines: string, from?: string): Promise<string> {
    const name = `codex-tasks-test/image:${process.pid}-${made.length}`;
    const tar = pack();
    tar.entry({ name: 'Dockerfile' }, `FROM ${from ?? (await base())}\n${lines}\n`);
    tar.finalize();
    const stream = await docker.buildImage(Readable.from(tar), { t: name, rm: true, forcerm: true });
    await new Promise<void>((resolve, reject) =>
      docker.modem.followProgress(stream, (error: Error | null, events: { error?: string }[]) => {
        const failed = error?.message ?? events.find((event) => event.error !== undefined)?.error;
        if (failed === undefined) resolve();
        else reject(new Error(failed));
      }),
    );
    made.push(name);
    return name;
  }

  async function runsAs(image: string): Promise<string> {
    const sandbox = await driver.open({ ...newTask(), image });
    try {
      await sandbox.put(`${sandbox.workdir}/put`, Buffer.from('x'));
      const { output } = await sh(
        sandbox,
        `id -u; id -g; echo "$HOME"; touch "$HOME/x" /workspace/x ${sandbox.workdir}/y && echo writes
         grep CapEff /proc/self/status; stat -c %u /run/codex ${sandbox.workdir}/put; stat -c %u /proc/$PPID`,
        { env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: sandbox.home } },
      );
      return output;
    } finally {
      await sandbox.detach();
      await driver.remove(sandbox.name);
    }
  }

  const NONE = 'CapEff:\t0000000000000000';

  test('a named user of the image runs the commands, at home', async () => {
    const image = await build('RUN useradd -m -u 1234 -s /bin/bash worker\nUSER worker');
    assert.equal(
      (await runsAs(image)).replaceAll(/ +/g, ''),
      `1234\n1234\n/home/worker\nwrites\n${NONE}\n1234\n1234\n1234\n`,
    );
  });

  test('a user by number that is in no list has a home too', async () => {
    const image = await build('USER 4242:4343');
    assert.equal(
      (await runsAs(image)).replaceAll(/ +/g, ''),
      `4242\n4343\n/home/codex\nwrites\n${NONE}\n4242\n4242\n4242\n`,
    );
  });

  test('a user that the image does not have is named', async () => {
    const image = await build('USER ghost');
    await assert.rejects(driver.open({ ...newTask(), image }), (error) => misfit(error, /ghost/));
  });

  test('an image is known by its id as well', async () => {
    const image = await base();
    const sandbox = await driver.open({ ...newTask(), image });
    assert.equal((await sh(sandbox, 'id -u')).output, '0\n');
    await sandbox.detach();
    await driver.remove(sandbox.name);
  });

  test('what does not fit is said: no bash and git, musl, no shell', async () => {
    const bare = await build('RUN rm -f /bin/bash /usr/bin/bash /usr/bin/git');
    await assert.rejects(driver.open({ ...newTask(), image: bare }), (error) =>
      misfit(error, /it has no bash; it has no git/),
    );
    const musl = await build('RUN touch /lib/ld-musl-x86_64.so.1 && rm -f $(ls /usr/lib/*/libstdc++.so.6)');
    await assert.rejects(driver.open({ ...newTask(), image: musl }), (error) => misfit(error, /musl/));
    const shell = await build('RUN rm -f /bin/sh /usr/bin/sh');
    await assert.rejects(driver.open({ ...newTask(), image: shell }), (error) =>
      misfit(error, /no \/bin\/sh/),
    );
    assert.deepEqual(await driver.list(), []);
  });

  test('one that can’t be pulled is missing, with the engine’s reason', async () => {
    for (const image of ['codex-tasks.invalid/none:1', `codex-tasks.invalid/none@sha256:${'0'.repeat(64)}`]) {
      await assert.rejects(driver.open({ ...newTask(), image }), (error) => {
        assert.ok(isCode('imageMissing')(error));
        const { params } = (error as CodexError).wire;
        assert.equal(params['image'], image);
        return String(params['reason']).length > 10;
      });
    }
  });
});

function misfit(error: unknown, why: RegExp): boolean {
  assert.match((error as Error).message, why);
  return isCode('sandboxStartFailed')(error);
}
