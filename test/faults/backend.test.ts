/** A backend that is killed, doubled, spoken to wrongly or by the wrong one; always the real process. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { findBackend } from '../../client/backend-process/index.ts';
import { createDriver } from '../../server/sandbox/index.ts';
import { LOCAL, atEnd, assertSentence, codexTasks, outcomeOf, place, repository, serve } from './harness.ts';

const here = place();
const backend = await serve(here, LOCAL);

function open(headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(`${backend.url.replace('http', 'ws')}/api/v1/ws`, {
    headers: { authorization: `Bearer ${backend.token}`, ...headers },
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (_request, response) => {
      socket.once('error', () => undefined).terminate();
      reject(Object.assign(new Error(`HTTP ${response.statusCode}`), { status: response.statusCode }));
    });
    socket.once('error', reject);
  });
}

async function ask(
  socket: WebSocket,
  frame: string | Buffer,
): Promise<{ error?: { data: { code: string } } }> {
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  socket.send(frame);
  return JSON.parse((await answered)[0].toString('utf8')) as { error?: { data: { code: string } } };
}

const HELLO = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'server.hello',
  params: { protocol: 1, client: { name: 'test', version: '0' } },
});

describe('a running backend', { concurrency: 4 }, () => {
  test('lives on through frames that are none, methods that are none, and 50 MB', async () => {
    const bystander = await open();
    assert.equal((await ask(bystander, HELLO)).error, undefined);
    const list = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'task.list', params: {} });
    for (const frame of [
      '',
      '{',
      '[]',
      'null',
      '{"jsonrpc":"1.0"}',
      '\0',
      Buffer.from([0xff, 0x00]),
      '['.repeat(100_000),
    ]) {
      const socket = await open();
      assert.equal((await ask(socket, frame)).error?.data.code, 'badRequest');
      assert.equal((await ask(socket, HELLO)).error, undefined, 'the same socket goes on');
      socket.close();
    }
    const socket = await open();
    for (const method of ['no.such', '__proto__', 'constructor', 'x'.repeat(10_000)]) {
      const answer = await ask(socket, JSON.stringify({ jsonrpc: '2.0', id: 3, method, params: {} }));
      assert.equal(answer.error?.data.code, 'unknownMethod');
    }
    const closed = once(
      socket.on('error', () => undefined),
      'close',
    ) as Promise<[number]>;
    socket.send(Buffer.alloc(50 * 1024 * 1024, 'a').toString());
    // Too large; or the connection's reset was quicker than the word for it, with most of it still unread.
    assert.ok([1009, 1006].includes((await closed)[0]));
    assert.equal((await ask(bystander, list)).error, undefined, 'other sockets are unhurt');
    bystander.close();
    assert.equal(backend.child.exitCode, null);
  });

  test('refuses a foreign origin, a foreign host and a token that is wrong', async () => {
    await assert.rejects(open({ origin: 'https://evil.example' }), { status: 403 });
    await assert.rejects(open({ host: 'evil.example' }), { status: 403 });
    await assert.rejects(open({ authorization: 'Bearer wrong' }), { status: 401 });
    await assert.rejects(open({ authorization: '' }), { status: 401 });
    const git = request(`${backend.url}/git/abcdefgh.git/info/refs?service=git-upload-pack`).end();
    const [response] = (await once(git, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    assert.equal(response.statusCode, 401);
  });

  test('run says what to do about a token that is wrong, missing or no token, and an address that is none', async () => {
    const repo = await repository(here.at('tokens'));
    const cases: [Record<string, string>, number, RegExp][] = [
      [{ CODEX_SERVER_TOKEN: 'wrong-wrong-wrong' }, 1, /did not accept the token\. Set the token/],
      [{}, 2, /is set, but neither CODEX_SERVER_TOKEN nor --token-file is/],
      [{ CODEX_SERVER_TOKEN: 'with\nnewline' }, 2, /stands for the token is none: it holds/],
      [
        { CODEX_SERVER_URL: 'nonsense', CODEX_SERVER_TOKEN: 'x'.repeat(20) },
        1,
        /address: “nonsense” is none\. Give one like http/,
      ],
    ];
    await Promise.all(
      cases.map(async ([env, exit, says]) => {
        const run = codexTasks(['run', '--repo', repo, 'x'], {
          env: { CODEX_SERVER_URL: backend.url, ...env },
        });
        const { code, stdout, stderr } = await run.ended;
        assertSentence(stdout + stderr, says);
        assert.equal(code, exit, stdout + stderr);
      }),
    );
  });

  test('keeps its port and its data folder from a second one', async () => {
    const other = here.at('other');
    const taken = await codexTasks(['serve', ...LOCAL, '--port', String(backend.port), '--data', other])
      .ended;
    assert.equal(taken.code, 1);
    assertSentence(taken.stderr, new RegExp(`Port ${backend.port} is in use .* Choose another one, or 0`));
    const busy = await codexTasks(['serve', ...LOCAL, '--data', here.dataDir]).ended;
    assert.equal(busy.code, 75);
    assertSentence(busy.stderr, /Another backend \(process \d+\) already works on .* stop it, or choose/);
    // `run` takes the one that is there; told to have another kind, it says what is in the way.
    const repo = await repository(here.at('second'));
    const run = ['run', '--repo', repo, '--data', here.dataDir];
    const same = await outcomeOf(codexTasks([...run, '--scripted-model', '--json', '$ true']));
    assert.equal(same.result.status, 'completed');
    const different = await codexTasks([...run, '--scripted-model', '--sandbox', 'docker', 'x']).ended;
    assert.equal(different.code, 1);
    assertSentence(different.stdout, /one already runs on .* Stop it, or choose another folder/);
    assert.equal((await findBackend(here.dataDir))?.pid, backend.child.pid);
  });
});

test('killed in the middle of a command in a container, and again: the command ran once, no event is lost', async () => {
  const killed = place();
  atEnd(async () => {
    const driver = createDriver({ kind: 'docker', dataDir: killed.dataDir });
    for (const { name } of await driver.list()) await driver.remove(name);
  });
  const repo = await repository(killed.at('repo'));
  const running = codexTasks([
    'run',
    '--json',
    '--repo',
    repo,
    '--data',
    killed.dataDir,
    '--sandbox',
    'docker',
    '--scripted-model',
    // It goes on when the test says so: what is killed is always in its middle, however slow the machine.
    '$ echo ran >> count.txt; for i in 1 2 3; do echo tick $i; until test -e /tmp/go$i; do sleep 0.1; done; done; wc -l < count.txt\n$ echo second >> count.txt',
  ]);
  const [started] = [await running.line(/"sandbox.started"/)];
  const container = /"name":"([^"]+)"/.exec(started)?.[1] ?? '';
  const letGo = (step: number) => execFileSync('docker', ['exec', container, 'touch', `/tmp/go${step}`]);
  for (const step of [1, 2]) {
    await running.line(new RegExp(`tick ${step}`));
    const backendNow = await findBackend(killed.dataDir);
    assert.ok(backendNow);
    process.kill(backendNow.pid, 'SIGKILL');
    letGo(step);
  }
  await running.line(/tick 3/);
  letGo(3);
  const { result, output, stderr, events } = await outcomeOf(running);
  assert.equal(result.status, 'completed', stderr);
  assert.match(stderr, /The backend does not answer; trying again…\nConnected again; going on\./);
  assert.equal(output.replace(/\s+/g, ' '), 'tick 1 tick 2 tick 3 1 ');
  assert.equal(events.filter((event) => event.code === 'turn.finished').length, 1);
  assert.equal(result.patch?.added, 2);
});

test('a backend elsewhere that is gone for good is told, with the task and how to look at it again', async () => {
  const gone = place();
  const repo = await repository(gone.at('repo'));
  const server = await serve(gone, LOCAL);
  const env = { CODEX_SERVER_URL: server.url, CODEX_SERVER_TOKEN: server.token };
  const run = codexTasks(['run', '--repo', repo, '$ echo up; sleep 60'], { env });
  // It really runs: a command that was only announced would be told as interrupted, and the turn end.
  await run.line(/│ up/);
  server.child.kill('SIGKILL');
  await run.line(/does not answer; trying again/);
  // It comes back on its port and the run goes on: here it is cancelled then.
  const again = await serve(gone, [...LOCAL, '--port', String(server.port)]);
  await run.line(/Connected again; going on/);
  run.child.kill('SIGINT');
  const { code, stdout } = await run.ended;
  assert.equal(code, 130, stdout);
  assert.match(stdout, /– Cancelled/);
  again.child.kill('SIGTERM');
  assert.equal((await again.ended).code, 0);
});
