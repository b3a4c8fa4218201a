/** Secrets through the front door: RPC, the command line, a restart, and the log. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { Backend, Rooms } from '../../../server/backend.ts';
import { makeLog } from '../../../server/log.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';
import { answerAtOnce, backend, client, taskRequest, temporaryFolder, TOKEN } from '../gateway/harness.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const VALUE = 'Needle"in\\the haystack\nof 0815 lines';

let dataDir = '';
let running: Backend;
let rooms: Promise<Rooms>;
const logged: string[] = [];

async function startAgain(): Promise<void> {
  const turn = Promise.withResolvers<Rooms>();
  rooms = turn.promise;
  running = await backend({
    dataDir,
    log: makeLog('debug', (line) => logged.push(line)),
    runTurn: (context, all) => {
      turn.resolve(all);
      return answerAtOnce(context);
    },
  });
}
before(async () => {
  dataDir = await temporaryFolder();
  await startAgain();
});
after(async () => {
  await running.close();
  await rm(dataDir, { recursive: true, force: true });
});

const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

async function command(input: string, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'secret', ...args], {
    env: { PATH: process.env.PATH, CODEX_SERVER_URL: running.url, CODEX_SERVER_TOKEN: TOKEN },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

test('a client sets, lists and deletes secrets, and never sees a value again', async () => {
  const one = await client(running.url);
  const messages: string[] = [];
  one.ws.on('message', (data: Buffer) => messages.push(data.toString('utf8')));
  const { secret } = await one.call('secret.put', { environment: 'default', name: 'NEEDLE', value: VALUE });
  assert.deepEqual([secret.name, secret.updatedBy], ['NEEDLE', 'owner']);
  assert.deepEqual((await one.call('secret.list', { environment: 'default' })).secrets, [secret]);
  assert.deepEqual(await one.call('secret.rotate', {}), { rewrapped: 1 });
  await one.call('environment.get', { name: 'default' });
  await one.call('environment.list', {});
  await assert.rejects(
    one.call('secret.put', { environment: 'nowhere', name: 'NEEDLE', value: VALUE }),
    withCode('environmentUnknown'),
  );
  await assert.rejects(
    one.call('secret.delete', { environment: 'default', name: 'NOPE' }),
    withCode('secretUnknown'),
  );
  await assert.rejects(
    one.call('secret.put', { environment: 'default', name: 'NEEDLE', value: `${VALUE}\0` }),
    withCode('badRequest'),
  );
  // As it would be sent by a client that does not check.
  const answer = once(one.ws, 'message') as Promise<[Buffer]>;
  one.ws.send(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 900,
      method: 'secret.put',
      params: { environment: 'default', name: 'PATH', value: VALUE },
    }),
  );
  assert.match((await answer)[0].toString(), /badRequest/);
  const redactor = createRedactor([{ name: 'NEEDLE', id: '', value: VALUE }]);
  assert.ok(messages.length > 5);
  for (const message of messages) assert.equal(redactor.find(Buffer.from(message)), null, message);
  one.close();
});

test('the turn gets the value, after a restart too, and it is in no file and no line of the log', async () => {
  await running.close();
  await startAgain();
  const one = await client(running.url);
  await one.call('task.create', taskRequest());
  const { vault } = await rooms;
  assert.deepEqual(
    (await vault.open('default')).map(({ name, value }) => [name, value]),
    [['NEEDLE', VALUE]],
  );
  one.close();
  await running.close();
  const redactor = createRedactor([{ name: 'NEEDLE', id: '', value: VALUE }]);
  let named = false;
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    named ||= bytes.includes('NEEDLE');
    assert.equal(redactor.find(bytes), null, entry.name);
  }
  assert.ok(named, 'the database was looked at');
  assert.ok(logged.length > 0);
  assert.equal(redactor.find(Buffer.from(logged.join('\n'))), null);
  await startAgain();
});

test('the secrets of an environment go with it', async () => {
  const one = await client(running.url);
  await one.call('environment.put', { environment: defaultEnvironment('web') });
  await one.call('secret.put', { environment: 'web', name: 'A', value: 'value-of-a' });
  await one.call('environment.delete', { name: 'web' });
  await one.call('environment.put', { environment: defaultEnvironment('web') });
  assert.deepEqual((await one.call('secret.list', { environment: 'web' })).secrets, []);
  assert.equal((await one.call('secret.list', { environment: 'default' })).secrets.length, 1);
  one.close();
});

test('the command line sets a value from standard input, and shows names alone', async () => {
  const put = await command('typed-by-hand\n', 'put', 'HAND', '--env', 'web');
  assert.deepEqual(put, {
    code: 0,
    stdout: 'Set: HAND in web (13 bytes, without the line’s end)\n',
    stderr: '',
  });
  assert.equal((await command('of two\nlines\n', 'put', 'FILE', '--env', 'web')).code, 0);
  assert.equal((await command('with its end\n', 'put', 'EXACT', '--exact', '--env', 'web')).code, 0);
  const one = await client(running.url);
  await one.call('task.create', taskRequest());
  const opened = await (await rooms).vault.open('web');
  assert.deepEqual(
    opened.map(({ name, value }) => [name, value]),
    [
      ['EXACT', 'with its end\n'],
      ['FILE', 'of two\nlines\n'],
      ['HAND', 'typed-by-hand'],
    ],
  );
  one.close();
  const list = await command('', 'list', '--env', 'web');
  assert.match(list.stdout, /^EXACT {2}\d{4}-.* by owner\nFILE .*\nHAND .*\n$/);
  assert.match((await command('', 'rotate')).stdout, /^4 secrets are now wrapped with the newest key/);
  assert.equal((await command('', 'delete', 'HAND', '--env', 'web')).stdout, 'Deleted: HAND in web\n');
  const gone = await command('', 'delete', 'HAND', '--env', 'web');
  assert.deepEqual([gone.code, gone.stdout], [1, '']);
  assert.match(gone.stderr, /There is no secret “HAND” in the environment “web”/);
  const json = await command('', 'list', '--env', 'web', '--json');
  assert.equal((JSON.parse(json.stdout) as { secrets: unknown[] }).secrets.length, 2);
});

test('the command line says what is wrong, and repeats no value', async () => {
  for (const [input, args, code, message] of [
    ['Hush1\n', ['put', 'A'], 2, /5 bytes; a secret has at least 8/],
    ['', ['put', 'A'], 2, /empty/],
    ['Hush-Hush-Hush', ['put', 'A', '--env', 'nowhere'], 1, /There is no environment “nowhere”/],
    ['', ['put', 'A', 'Hush-Hush-Hush'], 2, /standard input/],
    ['', ['list', '--env', 'nowhere'], 1, /There is no environment “nowhere”/],
  ] as const) {
    const ended = await command(input, ...args);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes('Hush'));
  }
});
