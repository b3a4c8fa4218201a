/** Which models there are when some are listed, some servers are asked, and some do not answer. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { METHODS } from '../../../protocol/rpc.ts';
import type { ListedModel, ModelConnection } from '../../../server/model/connections.ts';
import { openModels, type ModelsOptions } from '../../../server/model/directory.ts';

function connection(name: string, models: (string | ListedModel)[] | null, more = {}): ModelConnection {
  return {
    name,
    settings: { apiKey: `key-of-${name}`, baseUrl: `https://${name}.example/v1` },
    models: (models ?? []).map((model) => (typeof model === 'string' ? { name: model } : model)),
    asksServer: models === null,
    takesAny: false,
    ...more,
  };
}

/** Servers that tell these names, by address; another one does not answer. */
function servers(names: Record<string, string[]>) {
  const asked: string[] = [];
  const namesOf: ModelsOptions['namesOf'] = async ({ baseUrl = '' }) => {
    const { hostname } = new URL(baseUrl);
    asked.push(hostname);
    const told = names[hostname.replace('.example', '')];
    if (!told) throw new CodexError('modelUnavailable', { message: `no route, key-of-home sent` });
    return told;
  };
  return { asked, namesOf, names };
}

const options = (more: Partial<ModelsOptions> = {}): ModelsOptions => ({
  wrong: (reason) => new Error(reason),
  namesOf: async () => assert.fail('no server is asked'),
  ...more,
});
const namesOf = async (models: ReturnType<typeof openModels>) =>
  (await models.list()).models.map(({ name }) => name);

test('what is listed is found without a word to a server, the default one first', async () => {
  const models = openModels(
    [connection('a', ['one', { name: 'two', windowTokens: 9_000 }]), connection('b', ['gpt-5.5', 'one'])],
    options({ default: 'gpt-5.5' }),
  );
  const list = METHODS['model.list'].result.parse(await models.list());
  assert.deepEqual(list, {
    models: [
      { name: 'gpt-5.5', connection: 'b', efforts: ['low', 'medium', 'high', 'xhigh'] },
      { name: 'a/one', connection: 'a' },
      { name: 'two', connection: 'a', windowTokens: 9_000 },
      { name: 'b/one', connection: 'b' },
    ],
    connections: [{ name: 'a' }, { name: 'b' }],
  });
  assert.equal((await models.clientFor(null)).name, 'gpt-5.5');
  assert.equal((await models.clientFor('a/one')).name, 'one');
  assert.equal((await models.clientFor('two')).windowTokens, 9_000);
  assert.equal(await models.clientFor('two'), await models.clientFor('a/two'), 'one client for each model');
  assert.notEqual(await models.clientFor('a/one'), await models.clientFor('b/one'));
});

test('a name that is nobody’s is refused with what there is', async () => {
  const models = openModels([connection('a', ['one', 'two']), connection('b', ['one'])], options());
  for (const name of ['three', 'one', 'b/two'])
    await assert.rejects(models.clientFor(name), (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'modelUnknown');
      assert.deepEqual(error.wire.params, { name, models: 'a/one, two, b/one' });
      assert.match(
        errorWords(error.wire).text,
        /no model “.*” on this backend. Choose one of these: a\/one, two/,
      );
      return true;
    });
});

test('without a word about it the default one is the first that is listed', async () => {
  assert.equal(openModels([connection('a', null), connection('b', ['one'])], options()).default, 'one');
  assert.equal(openModels([connection('a', ['one']), connection('b', ['one'])], options()).default, 'a/one');
  assert.throws(() => openModels([connection('a', null)], options()), /say which model a task gets/);
  assert.throws(
    () => openModels([connection('a', ['one'])], options({ default: 'three' })),
    /there is no model “three”; there are one/,
  );
  assert.equal(openModels([connection('a', null)], options({ default: 'three' })).default, 'three');
  const none = openModels([], options());
  assert.deepEqual([none.default, none.configured], ['', false]);
  await assert.rejects(none.clientFor(null), { code: 'modelNotConfigured' });
  await assert.rejects(none.clientFor('one'), { code: 'modelNotConfigured' });
  assert.deepEqual(await none.list(), { models: [], connections: [] });
});

test('a server that is not listed is asked once, and what it has is there', async () => {
  const { asked, namesOf: ask } = servers({ home: ['qwen3-coder:latest', 'gemma'] });
  const models = openModels([connection('home', null)], options({ default: 'gemma', namesOf: ask }));
  assert.deepEqual(asked, [], 'not before somebody wants to know');
  assert.deepEqual(await Promise.all([namesOf(models), namesOf(models)]), [
    ['gemma', 'qwen3-coder:latest'],
    ['gemma', 'qwen3-coder:latest'],
  ]);
  assert.equal((await models.clientFor('qwen3-coder')).name, 'qwen3-coder:latest');
  assert.deepEqual(asked, ['home.example']);
});

test('what a server gets later is found when it is asked for', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    const { asked, namesOf: ask, names } = servers({ home: ['gemma'] });
    const models = openModels([connection('home', null)], options({ default: 'gemma', namesOf: ask }));
    await assert.rejects(models.clientFor('qwen3'), { code: 'modelUnknown' });
    names['home'] = ['gemma', 'qwen3'];
    await assert.rejects(models.clientFor('qwen3'), { code: 'modelUnknown' }, 'not with every request');
    mock.timers.tick(20_000);
    assert.equal((await models.clientFor('qwen3')).name, 'qwen3');
    assert.equal(asked.length, 2);
    mock.timers.tick(11 * 60_000);
    names['home'] = [];
    assert.deepEqual(await namesOf(models), []);
  } finally {
    mock.timers.reset();
  }
});

test('a server that does not answer hinders no other, and is asked again later', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    const { asked, namesOf: ask, names } = servers({});
    const models = openModels(
      [connection('openai', ['o3']), connection('home', null)],
      options({ namesOf: ask }),
    );
    const list = await models.list();
    assert.deepEqual(
      list.models.map(({ name }) => name),
      ['o3'],
    );
    assert.deepEqual(list.connections?.[0], { name: 'openai' });
    const problem = list.connections?.[1]?.problem;
    assert.equal(problem?.code, 'modelUnavailable');
    assert.equal(problem.params['message'], 'no route, … sent', 'what it quotes is left out');
    // It could be there, and whoever named the connection meant it.
    assert.equal((await models.clientFor('home/qwen3')).name, 'qwen3');
    await assert.rejects(models.clientFor('qwen3'), { code: 'modelUnknown' });
    assert.equal(asked.length, 1);
    names['home'] = ['gemma'];
    mock.timers.tick(20_000);
    assert.deepEqual(await namesOf(models), ['o3', 'home/gemma']);
    assert.deepEqual((await models.list()).connections, [{ name: 'openai' }, { name: 'home' }]);
  } finally {
    mock.timers.reset();
  }
});

test('a connection without its key says so, is never asked, and leaves the others', async () => {
  const models = openModels(
    [connection('a', ['one'], { missing: 'A_KEY' }), connection('b', null, { missing: 'B_KEY' })],
    options(),
  );
  assert.equal(models.configured, false);
  assert.equal(
    openModels([connection('a', ['one'], { missing: 'A' }), connection('b', ['two'])], options()).configured,
    true,
  );
  await assert.rejects(models.clientFor(null), (error: unknown) => {
    assert.ok(error instanceof CodexError && error.code === 'modelNotConfigured');
    assert.match(errorWords(error.wire).text, /connection “a” has no key: A_KEY is not set/);
    return true;
  });
  assert.deepEqual(
    (await models.list()).connections?.map(({ name, problem }) => [name, problem?.params['variable']]),
    [
      ['a', 'A_KEY'],
      ['b', 'B_KEY'],
    ],
  );
});
