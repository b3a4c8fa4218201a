/** What the doctor finds of the owner's model connections, and that it prints no key of theirs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkModels } from '../../../cli/doctor/models.ts';

const KEY = 'needle-in-the-haystack';

let dir = '';
let url = '';
/** Takes the right key alone, and quotes what else it was sent. */
const server = createServer((request, response) => {
  const isRight = request.headers.authorization === `Bearer ${KEY}`;
  response.writeHead(isRight ? 200 : 400, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify(
      isRight
        ? { object: 'list', data: [{ id: 'one' }] }
        : { error: { message: `Got ${JSON.stringify(request.headers)}` } },
    ),
  );
});
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'codex-doctor-'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(dir, { recursive: true });
});

async function found(connections: string, env: NodeJS.ProcessEnv = {}) {
  await writeFile(join(dir, 'config.yaml'), `models:\n  connections:\n${connections}`);
  const checks = await checkModels(dir, env);
  assert.ok(!JSON.stringify(checks).includes(KEY), 'no key is printed');
  return checks.map(({ name, state, detail, advice }) => [name, state, `${detail} — ${advice}`] as const);
}

test('each connection has a line, and one that works is enough', async () => {
  const [good, bad, none, ...more] = await found(
    `    good: { baseUrl: "${url}", key: { env: KEY } }
    bad: { baseUrl: "${url}", key: none, headers: { X-Token: { env: KEY } } }
    none: { key: { env: NOT_SET } }
`,
    { KEY },
  );
  assert.deepEqual(more, []);
  assert.deepEqual(good, ['model connection good', 'ok', `${new URL(url).origin} answers — `]);
  assert.deepEqual(bad?.slice(0, 2), ['model connection bad', 'warn']);
  assert.match(bad?.[2] ?? '', /refused the request: .*Got .*"x-token":"…"/);
  assert.deepEqual(none, [
    'model connection none',
    'warn',
    'no key: NOT_SET is not set — Set it where the backend is started.',
  ]);
});

test('without one that works it fails, and so does a key that others can read', async () => {
  const [bad] = await found(`    bad: { baseUrl: "${url}", key: none }\n`);
  assert.equal(bad?.[1], 'fail');
  await writeFile(join(dir, 'my.key'), KEY);
  await chmod(join(dir, 'my.key'), 0o644);
  const [good, open] = await found(
    `    good: { baseUrl: "${url}", key: { env: KEY } }\n    open: { key: { file: my.key } }\n`,
    { KEY },
  );
  assert.equal(good?.[1], 'ok');
  assert.equal(open?.[1], 'fail');
  assert.match(open?.[2] ?? '', /others can read .*my\.key \(mode 0644\).*The backend does not start/);
});

test('what variables name has a line beside them, unless a connection has that key', async () => {
  const env = { KEY, OPENAI_API_KEY: KEY, OPENAI_BASE_URL: url, CODEX_MODEL: 'one' };
  const names = async (key: string) =>
    (await found(`    good: { baseUrl: "${url}", key: { env: ${key} } }\n`, env)).map(([name, state]) => [
      name,
      state,
    ]);
  assert.deepEqual(await names('KEY'), [
    ['model connection good', 'ok'],
    ['model', 'ok'],
  ]);
  assert.deepEqual(await names('OPENAI_API_KEY'), [['model connection good', 'ok']]);
  await writeFile(join(dir, 'config.yaml'), '');
  assert.deepEqual(
    (await checkModels(dir, {})).map(({ name, state }) => [name, state]),
    [['model', 'warn']],
  );
});
