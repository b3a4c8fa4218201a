/** A sandbox that is lost, and commands that never end, print without end or kill what runs them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'node:test';
import Docker from 'dockerode';
import { createDriver } from '../../server/sandbox/index.ts';
import {
  assertSentence,
  atEnd,
  codexTasks,
  fingerprint,
  outcomeOf,
  place,
  repository,
  serve,
} from './harness.ts';

const KILL_THE_RUNNER = 'kill -9 $(pgrep -f "runner[.]cjs serve" || echo -1)';
const MIB = 1024 * 1024;

describe('in a container', { concurrency: 3 }, async () => {
  const here = place();
  atEnd(async () => {
    const driver = createDriver({ kind: 'docker', dataDir: here.dataDir });
    for (const { name } of await driver.list()) await driver.remove(name);
  });
  const server = await serve(here, ['--port', '0', '--sandbox', 'docker', '--scripted-model'], {
    CODEX_COMMAND_TIMEOUT_MS: '4000',
    CODEX_COMMAND_OUTPUT_BYTES: String(MIB),
    CODEX_PATCH_BYTES: String(MIB),
  });
  const env = { CODEX_SERVER_URL: server.url, CODEX_SERVER_TOKEN: server.token };
  const start = async (name: string, ...args: string[]) =>
    codexTasks(
      ['run', '--repo', await repository(here.at(name)), '--output', here.at(`${name}.patch`), ...args],
      { env },
    );

  test('a command that never ends is stopped with all that it started, told, and the turn goes on', async () => {
    const run = await start(
      'endless',
      '$ trap "" TERM INT; (setsid sleep 3141 &); echo waiting; while :; do sleep 1; done\n$ pgrep -x sleep || echo none is left',
    );
    const { code, stdout } = await run.ended;
    assert.equal(code, 0, stdout);
    assertSentence(stdout, /stopped at its time limit/);
    assert.match(stdout, /│ none is left/);
  });

  test('a command that prints a gigabyte is cut with a word, and costs the backend no memory', async () => {
    const run = await start('loud', '--json', '$ yes "a line of some length" | head -c 1000000000; echo end');
    const { result, events, output } = await outcomeOf(run);
    assert.equal(result.status, 'completed');
    assert.ok(events.some((event) => event.params['limit'] === 'commandOutputBytes'));
    assert.ok(Buffer.byteLength(output) <= 2 * MIB, `${output.length} characters are kept`);
    const status = await readFile(`/proc/${server.child.pid}/status`, 'utf8').catch(() => '');
    const peakKib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    assert.ok(peakKib < 1.5 * 1024 * 1024, `the backend took ${peakKib} KiB at most`);
  });

  test('a command that kills the runner is told as interrupted, files are kept and the turn goes on', async () => {
    const run = await start(
      'killer',
      '--json',
      `$ echo kept > kept.txt; ${KILL_THE_RUNNER}; kill -9 -1\n$ cat kept.txt`,
    );
    const { result, output, events } = await outcomeOf(run);
    assert.equal(result.status, 'completed', JSON.stringify(result.error));
    assert.match(output, /kept\n$/);
    assert.ok(events.some((event) => event.code === 'sandbox.lost'));
    assert.equal(result.patch?.files, 1);
  });

  test('a result over the limit is refused with its size, and the repository stays as it is', async () => {
    const run = await start('big', '--apply', '$ head -c 3000000 /dev/urandom > big.bin');
    const before = await fingerprint(here.at('big'));
    const { code, stdout } = await run.ended;
    assert.equal(code, 1, stdout);
    assertSentence(stdout, /larger than|more than the limit/);
    assertSentence(stdout, /Raise the limit “patchBytes”, or ask for less\./);
    assert.deepEqual(await fingerprint(here.at('big')), before);
    assert.ok(!existsSync(here.at('big.patch')));
  });
});

test('Docker that stops in the middle of a command: one sentence, and the task can be retried', async (t) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return t.skip('needs root on Linux');
  const here = place();
  const engine = here.at('engine');
  await mkdir(engine);
  const socket = `${engine}/docker.sock`;
  const startEngine = () =>
    // In a network namespace of its own: with `--bridge none` an engine removes docker0, whoever's it is.
    spawn(
      'unshare',
      [
        '--net',
        'dockerd',
        '--data-root',
        `${engine}/root`,
        '--exec-root',
        `${engine}/exec`,
        '--pidfile',
        `${engine}/pid`,
      ].concat(['--host', `unix://${socket}`, '--bridge', 'none', '--iptables=false', '--ip-masq=false']),
      { stdio: 'ignore' },
    );
  let daemon = startEngine();
  atEnd(async () => {
    const ended = once(daemon, 'exit');
    if (daemon.exitCode === null && daemon.kill('SIGTERM')) await ended;
  });
  const docker = new Docker({ socketPath: socket });
  await answers(docker);
  await copyImage(docker);
  const env = { DOCKER_HOST: `unix://${socket}` };
  const args = ['run', '--data', here.dataDir, '--sandbox', 'docker', '--scripted-model'];
  const repo = await repository(here.at('repo'));
  const run = codexTasks([...args, '--repo', repo, '$ echo up; sleep 600'], { env });
  await run.line(/│ up/);
  const stopped = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await stopped;
  const { code, stdout } = await run.ended;
  assert.equal(code, 1, stdout);
  assertSentence(stdout, /Docker does not answer|Start Docker/);
  const without = await codexTasks([...args, '--repo', repo, '$ true'], { env }).ended;
  assert.equal(without.code, 1);
  assertSentence(without.stdout, /Docker does not answer|Start Docker/);

  daemon = startEngine();
  await answers(docker);
  const again = await outcomeOf(codexTasks([...args, '--repo', repo, '--json', '$ echo back'], { env }));
  assert.equal(again.output, 'back\n');
  for (const { Id } of await docker.listContainers({ all: true }))
    await docker.getContainer(Id).remove({ force: true });
});

async function answers(docker: Docker): Promise<void> {
  for (let left = 100; ; left--) {
    const there = await docker.ping().then(
      () => true,
      () => false,
    );
    if (there) return;
    if (left === 0) throw new Error('the second engine did not start');
    await delay(100);
  }
}

/** What a sandbox needs of the default image, under its name: the whole of it would take half a minute. */
async function copyImage(to: Docker): Promise<void> {
  const from = new Docker();
  const images = await from.listImages();
  const name = images
    .flatMap((image) => image.RepoTags ?? [])
    .find((tag) => tag.startsWith('codex-tasks/base:'));
  assert.ok(name, 'the default image is there');
  const container = await from.createContainer({
    Image: name,
    Entrypoint: ['tar', '-C', '/', '-c', '--one-file-system'],
    Cmd: [
      ...[
        'usr/lib/gcc',
        'usr/lib/python3*',
        'usr/share',
        'usr/local',
        'usr/include',
        'usr/bin/*-linux-gnu-*',
        '*.a',
      ],
      ...['usr/lib/x86_64-linux-gnu/perl', 'usr/lib/valgrind', 'var', 'proc', 'sys', 'dev'],
    ]
      .map((path) => `--exclude=${path}`)
      .concat('.'),
    HostConfig: { NetworkMode: 'none' },
  });
  try {
    const tar = await container.attach({ stream: true, stdout: true, stderr: true });
    const { PassThrough } = await import('node:stream');
    const out = new PassThrough();
    from.modem.demuxStream(tar, out, process.stderr);
    tar.on('end', () => out.end());
    await container.start();
    const [repo, tag] = name.split(':');
    const imported = await to.importImage(out, { repo, tag });
    imported.resume();
    await once(imported, 'end');
  } finally {
    await container.remove({ force: true });
  }
}
