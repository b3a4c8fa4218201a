/** The owner's forges as `config.yaml` has them, and what is said when they can't be used. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { CONFIG_FILE, readSettings, wrongInConfig } from '../../../server/config.ts';
import { forgeVariables, ownersForges } from '../../../server/forge-config.ts';

const SECRET = 'ghp_needleInTheHaystack';
const PEM = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs1', format: 'pem' })
  .toString();

let dir = '';
before(async () => (dir = await mkdtemp(join(tmpdir(), 'codex-forge-config-'))));
after(() => rm(dir, { recursive: true }));

async function settingsOf(text: string) {
  await writeFile(join(dir, CONFIG_FILE), text);
  return readSettings(dir, {});
}
async function read(text: string, env: NodeJS.ProcessEnv = {}) {
  const wrong = (place: string, reason: string) => wrongInConfig(dir, place, reason);
  return ownersForges((await settingsOf(text)).forges, { dataDir: dir, env, wrong });
}

const WHOLE = `
publicUrl: https://codex.example.org
forges:
  github.com: { token: { env: FORGE_TOKEN }, webhookSecret: { env: HOOK } }
  git.example.org:8443:
    apiUrl: https://git.example.org:8443/api/v3/
    app: { id: 12, key: { file: app.pem }, webhookSecret: { env: HOOK } }
  127.0.0.1:4000: { token: { file: token.txt } }
`;

test('a whole file is read, its tokens from where it says', async () => {
  await writeFile(join(dir, 'app.pem'), PEM, { mode: 0o600 });
  await writeFile(join(dir, 'token.txt'), `${SECRET}\n`, { mode: 0o600 });
  const settings = await settingsOf(WHOLE);
  assert.equal(settings.publicUrl, 'https://codex.example.org');
  assert.deepEqual(forgeVariables(settings.forges), ['FORGE_TOKEN', 'HOOK', 'HOOK']);
  const [github, own, local] = await read(WHOLE, { FORGE_TOKEN: 'ghp_12345678', HOOK: 'hook-secret' });
  assert.deepEqual(github, {
    host: 'github.com',
    kind: 'github',
    apiUrl: 'https://api.github.com',
    how: 'token',
    from: 'owner',
    secret: { how: 'token', token: 'ghp_12345678' },
    webhookSecret: 'hook-secret',
  });
  assert.deepEqual([own?.apiUrl, own?.webhookSecret], ['https://git.example.org:8443/api/v3', 'hook-secret']);
  assert.deepEqual(own?.secret, { how: 'app', id: '12', key: PEM.trim() });
  assert.deepEqual(
    [local?.apiUrl, local?.secret],
    ['http://127.0.0.1:4000/api/v3', { how: 'token', token: SECRET }],
  );
});

test('a private key in a variable may have its line ends written out', async () => {
  const text = 'forges: { github.com: { app: { id: Iv1.abc, key: { env: KEY } } } }';
  const [forge] = await read(text, { KEY: PEM.replaceAll('\n', '\\n') });
  assert.deepEqual(forge?.secret, { how: 'app', id: 'Iv1.abc', key: PEM.trim() });
});

test('a variable that is not set makes its forge unusable and no other', async () => {
  const [one, other] = await read(
    'forges: { github.com: { token: { env: NOT_SET } }, git.example: { token: { env: SET } } }',
    { SET: SECRET },
  );
  assert.equal(one?.secret, null);
  assert.equal(one?.problem?.code, 'forgeNotConfigured');
  assert.deepEqual(one?.problem?.params, { host: 'github.com', variable: 'NOT_SET' });
  assert.deepEqual(other?.secret, { how: 'token', token: SECRET });
});

test('tokens that lie around are not taken', async () => {
  assert.deepEqual(await read('', { GITHUB_TOKEN: SECRET, GH_TOKEN: SECRET }), []);
});

const WRONG: [string, RegExp][] = [
  [
    `forges: { github.com: { token: ${SECRET} } }`,
    /forges\.github\.com\.token: a token never stands in this file/,
  ],
  ['forges: { github.com: {} }', /forges\.github\.com: needs either token or app/],
  ['forges: { github.com: { token: { env: A }, app: { id: 1, key: { env: B } } } }', /either token or app/],
  ['forges: { "GitHub/x": { token: { env: A } } }', /is no host such as github\.com/],
  ['forges: { git.example: { token: { env: A }, apiUrl: "http://git.example/api/v3" } }', /without TLS/],
  [
    `forges: { git.example: { token: { env: A }, apiUrl: "https://x:${SECRET}@git.example" } }`,
    /never stand in an address/,
  ],
  ['forges: { github.com: { app: { id: 1 } } }', /forges\.github\.com\.app\.key: is missing/],
  ['forges: { git.example: { kind: gitea, token: { env: A } } }', /forges\.git\.example\.kind/],
  [
    'forges: { gitlab.com: { kind: gitlab, app: { id: 1, key: { env: A } } } }',
    /GitLab is connected with a token/,
  ],
  ['forges: { github.com: { token: { env: A }, user: me } }', /forges\.github\.com/],
  ['publicUrl: http://codex.example', /publicUrl: is an address such as/],
  ['publicUrl: https://codex.example/path', /publicUrl/],
];
for (const [text, expected] of WRONG)
  test(`${text.replace(SECRET, '…')} is refused with its place`, async () => {
    await assert.rejects(read(text, {}), (error) => {
      assert.ok(error instanceof CodexError && error.code === 'badRequest');
      assert.match(error.message, expected);
      assert.doesNotMatch(JSON.stringify([error.message, error.wire]), /needle/);
      return true;
    });
  });

test('what is no token and no key is refused without being repeated', async () => {
  for (const [text, value] of [
    ['forges: { github.com: { token: { env: A } } }', `two words ${SECRET}`],
    ['forges: { github.com: { app: { id: 1, key: { env: A } } } }', SECRET],
  ] as const)
    await assert.rejects(read(text, { A: value }), (error) => {
      assert.ok(error instanceof CodexError);
      assert.doesNotMatch(JSON.stringify([error.message, error.wire]), /needle/);
      return true;
    });
});
