/** `codex-tasks forge` and `doctor` as a person runs them; no token is in what they print. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tokenFilePath } from '../../../client/backend-process/index.ts';
import { checkForges } from '../../../cli/doctor/forges.ts';
import type { Backend } from '../../../server/backend.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { backend, client, TOKEN } from '../gateway/harness.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

let github: StandIn;
let running: Backend;
let token = '';
before(async () => {
  github = await startGitHub();
  token = github.addToken('octo').value;
  running = await backend();
});
after(async () => {
  await running.close();
  await github.close();
});

async function command(input: string, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'forge', ...args], {
    env: { PATH: process.env.PATH, CODEX_SERVER_URL: running.url, CODEX_SERVER_TOKEN: TOKEN },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  assert.ok(!`${stdout}${stderr}`.includes(token), 'no token is printed');
  return { code, stdout, stderr };
}

test('connect, list and disconnect, the token by standard input', async () => {
  const { host } = github;
  assert.match((await command('', 'list')).stdout, /No forge is connected/);
  const wrong = await command('ghp_not-a-known-token\n', 'connect', host);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /does not accept the token any more/);
  assert.equal((await command('two words\n', 'connect', host)).code, 2);

  const connected = await command(`${token}\n`, 'connect', host);
  assert.deepEqual([connected.code, connected.stdout], [0, `Connected: ${host} as octo\n`]);
  assert.match((await command('', 'list', '--check')).stdout, /✓ 127\.0\.0\.1:\d+ {2}token · octo/);
  github.expireTokens(token);
  const expired = await command('', 'list', '--check');
  assert.equal(expired.code, 1);
  assert.match(expired.stdout, /✗ 127.*\n {2}127.* does not accept the token any more/);
  assert.equal((await command('', 'disconnect', host)).code, 0);
  assert.equal((await command('', 'disconnect', host)).code, 1);
});

test('app tells the page, waits, and says where repositories are given', async () => {
  const child = spawn(process.execPath, [MAIN, 'forge', 'app', github.host], {
    env: { PATH: process.env.PATH, CODEX_SERVER_URL: running.url, CODEX_SERVER_TOKEN: TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  const told = Promise.withResolvers<string>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const url = /http:\/\/\S+/.exec(stdout)?.[0];
    if (url !== undefined) told.resolve(url);
  });
  const code = github.codeFor(github.addApp({ name: 'Mine', owner: 'octo' }));
  const done = await fetch(`${await told.promise}/callback?code=${code}`);
  assert.equal(done.status, 200);
  await once(child, 'close');
  assert.equal(child.exitCode, 0);
  assert.match(
    stdout,
    /Connected: 127.* as the app Mine\nGive it repositories: http.*\/installations\/new\n$/,
  );
});

test('the doctor tries what the owner has, and says what is wrong with each', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'codex-doctor-forges-'));
  t.after(() => rm(dir, { recursive: true }));
  assert.deepEqual(
    (await checkForges(dir, {})).map(({ state, detail }) => [state, detail]),
    [['ok', 'none is connected (docs/github.md)']],
  );
  const good = github.addToken('rita').value;
  await writeFile(
    join(dir, 'config.yaml'),
    `forges:\n  ${github.host}: { token: { env: GOOD } }\n  git.example: { token: { env: NOT_SET } }\n` +
      '  other.example: { token: { file: none.txt } }\n',
  );
  const checks = await checkForges(dir, { GOOD: good });
  assert.ok(!JSON.stringify(checks).includes(good));
  const [ok, missing, unread] = checks;
  assert.deepEqual([ok?.state, ok?.detail], ['ok', 'answers, a token of rita']);
  assert.deepEqual([missing?.state, unread?.state], ['warn', 'fail']);
  assert.match(missing?.advice ?? '', /NOT_SET is not set/);
  assert.match(unread?.detail ?? '', /none\.txt can’t be read/);
});

test('a backend that runs is asked by the doctor: it knows what was connected', async (t) => {
  const own = await backend();
  t.after(() => own.close());
  await writeFile(tokenFilePath(own.dataDir), TOKEN, { mode: 0o600 });
  const one = await client(own.url);
  const connected = github.addToken('ann').value;
  await one.call('forge.connect', { host: github.host, token: connected });
  one.close();
  const [check, ...more] = await checkForges(own.dataDir, {});
  assert.deepEqual(
    [check?.name, check?.state, check?.detail, more],
    [`forge ${github.host}`, 'ok', 'answers, a token of ann', []],
  );
});
