/** The owner's model connections as `config.yaml` has them, and what is said when they can't be used. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { CONFIG_FILE, readSettings, wrongInConfig } from '../../../server/config.ts';
import { connectionsOf, keyVariables, withDefaultConnection } from '../../../server/models-config.ts';

const SECRET = 'needle-in-the-haystack';

let dir = '';
before(async () => (dir = await mkdtemp(join(tmpdir(), 'codex-models-config-'))));
after(() => rm(dir, { recursive: true }));

async function configOf(text: string, env: NodeJS.ProcessEnv = {}) {
  await writeFile(join(dir, CONFIG_FILE), text);
  return (await readSettings(dir, env)).models;
}

async function read(text: string, env: NodeJS.ProcessEnv = {}) {
  const wrong = (place: string, reason: string) => wrongInConfig(dir, place, reason);
  return connectionsOf(await configOf(text), { dataDir: dir, env, wrong });
}

const WHOLE = `
models:
  default: gpt-5.5
  connections:
    openai: { key: { env: OPENAI_API_KEY }, models: [gpt-5.5, codex-mini-latest] }
    ollama:
      baseUrl: http://127.0.0.1:11434/v1
      wire: chat
      key: none
      models:
        - name: qwen3-coder
          windowTokens: 131072
          prices: { inputPerMillion: 0, outputPerMillion: 0 }
          effort: low
          efforts: [low, high]
    company:
      baseUrl: https://llm.example/v1
      key: { file: company.key }
      organization: org_1
      project: proj_2
      headers: { X-Team: a, X-Api-Key: { env: GATEWAY_KEY } }
      transport: webSocket
`;

test('a whole file is read, its keys from where it says', async () => {
  await writeFile(join(dir, 'company.key'), `${SECRET}\n`, { mode: 0o600 });
  assert.equal((await configOf(WHOLE)).default, 'gpt-5.5');
  const env = { OPENAI_API_KEY: 'sk-1', GATEWAY_KEY: 'gw-1' };
  const [openai, ollama, company, ...more] = await read(WHOLE, env);
  assert.deepEqual(more, []);
  assert.deepEqual(openai, {
    name: 'openai',
    settings: { apiKey: 'sk-1' },
    models: [{ name: 'gpt-5.5' }, { name: 'codex-mini-latest' }],
    asksServer: false,
    takesAny: false,
  });
  assert.deepEqual(ollama, {
    name: 'ollama',
    settings: { baseUrl: 'http://127.0.0.1:11434/v1', wire: 'chat', apiKey: '' },
    models: [
      {
        name: 'qwen3-coder',
        windowTokens: 131_072,
        effort: 'low',
        efforts: ['low', 'high'],
        prices: { inputPerMillion: 0, outputPerMillion: 0 },
      },
    ],
    asksServer: false,
    takesAny: false,
  });
  assert.deepEqual(company?.settings, {
    baseUrl: 'https://llm.example/v1',
    apiKey: SECRET,
    organization: 'org_1',
    project: 'proj_2',
    headers: { 'X-Team': 'a', 'X-Api-Key': 'gw-1' },
    transport: 'webSocket',
  });
  assert.equal(company?.asksServer, true, 'nothing is listed');
  assert.deepEqual(keyVariables(await configOf(WHOLE)), ['OPENAI_API_KEY', 'GATEWAY_KEY']);
});

test('without a word about it there are none, and the variable of the model names the default one', async () => {
  assert.deepEqual(await configOf('log: warn\n'), { connections: {} });
  assert.deepEqual(await configOf('models:\n  default: a\n', { CODEX_MODEL: 'b' }), {
    default: 'b',
    connections: {},
  });
  assert.equal((await configOf('models: { default: a }\n', { CODEX_MODEL: '' })).default, 'a');
});

test('a variable that is not set makes one connection unusable and hinders nothing else', async () => {
  await writeFile(join(dir, 'company.key'), SECRET, { mode: 0o600 });
  const connections = await read(WHOLE, { OPENAI_API_KEY: '  ' });
  assert.deepEqual(
    connections.map(({ name, missing }) => [name, missing]),
    [
      ['openai', 'OPENAI_API_KEY'],
      ['ollama', undefined],
      ['company', 'GATEWAY_KEY'],
    ],
  );
});

const of = (text: string) => `models:\n  connections:\n    lab: {${text}}\n`;
const WRONG: [string, RegExp][] = [
  [of('baseUrl: https://a.example'), /models\.connections\.lab\.key: is missing: write \{ env: NAME \} or/],
  [of(`key: ${SECRET}`), /models\.connections\.lab\.key: a key never stands in this file: write \{ env/],
  [of(`key: {env: ${SECRET}}`), /models\.connections\.lab\.key\.env: is no name of a variable/],
  [of(`key: {value: ${SECRET}}`), /models\.connections\.lab\.key: a key never/],
  [of('key: {env: A, file: b}'), /models\.connections\.lab\.key: a key never/],
  [of(`key: none, headers: {Authorization: Bearer ${SECRET}}`), /lab\.headers\.Authorization: a key never/],
  [of(`key: none, headers: {x-goog-api-key: ${SECRET}}`), /lab\.headers\.x-goog-api-key: a key never/],
  [of(`key: none, headers: {X-Team: "${SECRET}\\r\\nX: y"}`), /lab\.headers\.X-Team: is text of one line/],
  [of(`key: none, headers: {X-Team: [${SECRET}]}`), /lab\.headers\.X-Team: is text of one line, or write/],
  [of('key: none, headers: {Host: a.example}'), /lab\.headers\.Host: is set by Codex itself/],
  [of('key: none, headers: {"X Team": a}'), /lab\.headers\.X Team: is no name of a header/],
  [of('key: none, baseUrl: llm.example'), /lab\.baseUrl: write an address such as https/],
  [of('key: none, baseUrl: "ftp://llm.example"'), /lab\.baseUrl: write an address/],
  [of(`key: none, baseUrl: "https://me:${SECRET}@llm.example"`), /lab\.baseUrl: a name and a password never/],
  [of(`key: none, baseUrl: "https://llm.example/v1?key=${SECRET}"`), /lab\.baseUrl: an address ends before/],
  [of('key: none, wire: grpc'), /lab\.wire: /],
  [of('key: none, transport: pigeon'), /lab\.transport: /],
  [of('key: none, organization: "a b"'), /lab\.organization: is printable text/],
  [of('key: none, models: []'), /lab\.models: is empty: leave it out/],
  [of('key: none, models: [a, b, a]'), /lab\.models\.2: “a” is there twice/],
  [of('key: none, models: ["a b"]'), /lab\.models\.0\.name: is no model’s name/],
  [of('key: none, models: [{name: a, window: 5}]'), /lab\.models\.0: .*window/],
  [of('key: none, models: [{name: a, prices: {inputPerMillion: 1}}]'), /lab\.models\.0\.prices\.outputPerM/],
  [
    of('key: none, models: [{name: a, prices: {inputPerMillion: -1, outputPerMillion: 1}}]'),
    /inputPerMillion/,
  ],
  [of('key: none, models: [{name: a, effort: huge}]'), /lab\.models\.0\.effort: /],
  [of('key: none, adress: x'), /models\.connections\.lab: .*adress/],
  ['models: {conections: {}}\n', /models: .*conections/],
  ['models:\n  connections:\n    "a/b": {key: none}\n', /models\.connections\.a\/b: is no name/],
  [
    'models:\n  connections:\n    default: {key: none}\n',
    /models\.connections\.default: is the name of what/,
  ],
];
for (const [text, message] of WRONG) {
  test(`${text.replaceAll(/\s+/g, ' ').trim()} is refused with its place`, async () => {
    await assert.rejects(configOf(text), (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'badRequest', String(error));
      assert.match(error.message, message);
      assert.match(error.message, /config\.yaml/);
      assert.ok(!JSON.stringify([error.message, error.wire]).includes(SECRET), 'no value is repeated');
      return true;
    });
  });
}

test('a file that others can read is refused, and one that holds no key too', async () => {
  const text = of('key: {file: lab.key}');
  const path = join(dir, 'lab.key');
  const fails = async (message: RegExp) =>
    assert.rejects(read(text), (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'badRequest', String(error));
      assert.match(error.message, message);
      assert.ok(!error.message.includes(SECRET));
      return true;
    });
  await fails(/models\.connections\.lab\.key: .*lab\.key can’t be read/);
  await writeFile(path, SECRET);
  for (const mode of [0o644, 0o640, 0o604]) {
    await chmod(path, mode);
    await fails(/models\.connections\.lab\.key: others can read .*lab\.key \(mode 06\d\d\): run “chmod 600/);
  }
  await chmod(path, 0o600);
  assert.equal((await read(text))[0]?.settings.apiKey, SECRET);
  await writeFile(path, '\n');
  await fails(/lab\.key is empty/);
  await writeFile(path, `${SECRET}\n${SECRET}\n`);
  await fails(/more than one line/);
  await writeFile(path, SECRET.repeat(1_000));
  await fails(/larger than any key/);
});

test('what variables name stays as it was alone, and is not there twice beside the file’s', async () => {
  const implicit = { name: 'gpt-5-codex', apiKey: 'sk-1', baseUrl: 'https://a.example/v1' };
  const none = await configOf('');
  const [alone, ...more] = withDefaultConnection([], none, implicit);
  assert.deepEqual(more, []);
  assert.deepEqual(alone, {
    name: 'default',
    settings: { apiKey: 'sk-1', baseUrl: 'https://a.example/v1' },
    models: [{ name: 'gpt-5-codex' }],
    asksServer: true,
    takesAny: true,
  });
  assert.deepEqual(withDefaultConnection([], none, null), []);
  const names = async (text: string) =>
    withDefaultConnection(await read(text), await configOf(text), implicit).map(({ name }) => name);
  assert.deepEqual(await names(of('key: {env: OTHER}, models: [a]')), ['lab', 'default']);
  assert.deepEqual(await names(of('key: {env: OPENAI_API_KEY}, models: [a]')), ['lab']);
});
