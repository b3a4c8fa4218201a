/** Under which name a model is asked for, whose it is, and what is known of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  effortsOf,
  findModel,
  settingsOf,
  tableOf,
  type ListedModel,
  type ModelConnection,
} from '../../../server/model/connections.ts';

const NOTHING = new Map<string, string[]>();

function connection(name: string, models: (string | ListedModel)[] | null, more = {}): ModelConnection {
  return {
    name,
    settings: { apiKey: `key of ${name}`, baseUrl: `https://${name}.example/v1` },
    models: (models ?? []).map((model) => (typeof model === 'string' ? { name: model } : model)),
    asksServer: models === null,
    takesAny: false,
    ...more,
  };
}

const ids = (connections: ModelConnection[], found = NOTHING) =>
  tableOf(connections, found).map(({ id }) => id);
const whose = (wanted: string, connections: ModelConnection[], found = NOTHING) => {
  const entry = findModel(wanted, connections, found);
  return entry && [entry.id, entry.connection.name, entry.model.name];
};

test('a name that one connection lists is asked for as it is, and with its connection before it', () => {
  const both = [connection('openai', ['gpt-5.5', 'codex-mini-latest']), connection('home', ['qwen3-coder'])];
  assert.deepEqual(ids(both), ['gpt-5.5', 'codex-mini-latest', 'qwen3-coder']);
  assert.deepEqual(whose('qwen3-coder', both), ['qwen3-coder', 'home', 'qwen3-coder']);
  assert.deepEqual(whose('openai/gpt-5.5', both), ['openai/gpt-5.5', 'openai', 'gpt-5.5']);
  for (const wrong of ['gpt-5', 'home/gpt-5.5', 'nowhere/gpt-5.5', 'openai/', '/gpt-5.5'])
    assert.equal(findModel(wrong, both, NOTHING), null, wrong);
});

test('a name that two connections list belongs to neither until one is named', () => {
  const both = [connection('openai', ['gpt-5.5', 'o3']), connection('company', ['gpt-5.5'])];
  assert.deepEqual(ids(both), ['openai/gpt-5.5', 'o3', 'company/gpt-5.5']);
  assert.equal(findModel('gpt-5.5', both, NOTHING), null);
  assert.deepEqual(whose('company/gpt-5.5', both), ['company/gpt-5.5', 'company', 'gpt-5.5']);
});

test('a name with a slash is never taken for another connection’s', () => {
  const both = [
    connection('openai', ['gpt-oss-120b']),
    connection('lab', ['openai/gpt-oss-120b', 'Qwen/Qwen3']),
  ];
  assert.deepEqual(ids(both), ['gpt-oss-120b', 'lab/openai/gpt-oss-120b', 'Qwen/Qwen3']);
  assert.deepEqual(whose('openai/gpt-oss-120b', both)?.[1], 'openai');
  assert.deepEqual(whose('lab/openai/gpt-oss-120b', both)?.slice(1), ['lab', 'openai/gpt-oss-120b']);
  assert.deepEqual(whose('Qwen/Qwen3', both)?.[1], 'lab');
});

test('what a server told is plain where there is one connection, and the same whoever answers', () => {
  const home = connection('home', null);
  const found = new Map([['home', ['qwen3-coder:latest', 'gemma']]]);
  assert.deepEqual(ids([home], found), ['qwen3-coder:latest', 'gemma']);
  assert.deepEqual(whose('qwen3-coder', [home], found)?.[2], 'qwen3-coder:latest');
  assert.equal(findModel('gpt-5.5', [home], found), null);

  const both = [home, connection('lab', null)];
  const all = new Map([...found, ['lab', ['gemma']]]);
  for (const some of [found, all]) {
    assert.equal(findModel('gemma', both, some), null, 'else a silent lab would send it home');
    assert.deepEqual(whose('home/gemma', both, some)?.slice(1), ['home', 'gemma']);
    assert.deepEqual(whose('home/qwen3-coder', both, some)?.[2], 'qwen3-coder:latest');
  }
});

test('what a server has not told yet is found only where nobody else can be meant', () => {
  const home = connection('home', null);
  assert.deepEqual(whose('qwen3', [home]), ['qwen3', 'home', 'qwen3']);
  const both = [home, connection('openai', ['o3'])];
  assert.equal(findModel('qwen3', both, NOTHING), null);
  assert.deepEqual(whose('home/qwen3', both), ['home/qwen3', 'home', 'qwen3']);
  assert.equal(findModel('openai/qwen3', both, NOTHING), null);
});

test('the connection of the environment takes any name alone, and steps back beside others', () => {
  const own = connection('default', ['gpt-5-codex'], { takesAny: true, asksServer: true });
  assert.deepEqual(whose('whatever', [own], new Map([['default', ['o3']]])), [
    'whatever',
    'default',
    'whatever',
  ]);
  const company = connection('company', ['gpt-5-codex', 'x']);
  assert.deepEqual(ids([company, own]), ['gpt-5-codex', 'x']);
  assert.deepEqual(whose('gpt-5-codex', [company, own])?.[1], 'company');
  assert.equal(findModel('whatever', [company, own], NOTHING), null);
  assert.deepEqual(whose('default/whatever', [company, own])?.slice(1), ['default', 'whatever']);
});

test('a client is made from the connection’s settings and the model’s own', () => {
  const prices = { inputPerMillion: 1, outputPerMillion: 2 };
  const one = connection('lab', [
    { name: 'big', windowTokens: 9_000, prices, effort: 'low', efforts: ['low'] },
  ]);
  const entry = findModel('big', [one], NOTHING);
  assert.ok(entry);
  assert.deepEqual(settingsOf(entry), {
    name: 'big',
    apiKey: 'key of lab',
    baseUrl: 'https://lab.example/v1',
    windowTokens: 9_000,
    prices,
    effort: 'low',
  });
});

test('how much a model can think is known by its name, or said by the owner', () => {
  const efforts = (name: string) => effortsOf({ name })?.join(' ');
  for (const [name, known] of [
    ['gpt-5', 'minimal low medium high'],
    ['gpt-5-mini', 'minimal low medium high'],
    ['gpt-5-codex', 'low medium high'],
    ['gpt-5-pro', 'high'],
    ['gpt-5.1', 'low medium high'],
    ['gpt-5.1-codex-max', 'low medium high xhigh'],
    ['gpt-5.5', 'low medium high xhigh'],
    ['gpt-5.2-codex', 'low medium high xhigh'],
    ['o3', 'low medium high'],
    ['o4-mini', 'low medium high'],
    ['openai/gpt-oss-120b', 'low medium high'],
    ['gpt-5-chat-latest', undefined],
    ['gpt-4o', undefined],
    ['o365', undefined],
    ['codex-mini-latest', undefined],
    ['qwen3-coder', undefined],
  ] as const)
    assert.equal(efforts(name), known, name);
  assert.deepEqual(effortsOf({ name: 'qwen3-coder', efforts: ['low', 'high'] }), ['low', 'high']);
});
