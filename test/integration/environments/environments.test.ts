import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { AccessPolicy } from '../../../protocol/egress.ts';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { Environments } from '../../../server/environments/environments.ts';
import type { Store } from '../../../server/store/store.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

let store: Store;
let environments: Environments;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
before(async () => {
  folder = await temporaryFolder();
  store = await openWithTask(folder.dataDir);
});
after(async () => {
  await store.close();
  await folder.remove();
});
beforeEach(() => (environments = new Environments(store)));
afterEach(() => store.write((tx) => tx.deleteFrom('environments').execute()));

const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

function environment(name: string, agent: Partial<AccessPolicy> = {}): Environment {
  const { internet } = defaultEnvironment(name);
  return { name, internet: { ...internet, agent: { ...internet.agent, ...agent } } };
}

const limited: Partial<AccessPolicy> = { access: 'on', preset: 'none', allow: ['a.example'] };

test('the default one is there before anybody stored it: agent off, setup on', async () => {
  const [only, ...others] = await environments.list();
  assert.deepEqual(others, []);
  assert.deepEqual(only, await environments.get('default'));
  assert.equal(only?.updatedAt, 0);
  assert.equal((await environments.policyOf(null, 'agent')).access, 'off');
  const setup = await environments.policyOf(null, 'setup');
  assert.deepEqual([setup.access, setup.preset], ['on', 'all']);
});

test('what is put is what is there, for a new instance too, the default one first', async () => {
  await environments.put(environment('web', limited), 'anna');
  await environments.put(environment('default', { access: 'on', preset: 'common' }), 'anna');
  const later = await new Environments(store).list();
  assert.deepEqual(
    later.map(({ name, updatedBy }) => [name, updatedBy]),
    [
      ['default', 'anna'],
      ['web', 'anna'],
    ],
  );
  assert.deepEqual(later[1]?.internet.agent, environment('web', limited).internet.agent);
  assert.ok(Date.now() - (later[1]?.updatedAt ?? 0) < 60_000);
  assert.equal((await environments.policyOf('web', 'agent')).preset, 'none');
  assert.equal((await environments.policyOf(null, 'agent')).preset, 'common');
});

test('what an older version stored gets the defaults of what came since', async () => {
  await store.write((tx) =>
    tx
      .insertInto('environments')
      .values({
        name: 'old',
        definition: '{"internet":{"agent":{"access":"on"},"setup":{}}}',
        updated_at: 1,
        updated_by: 'x',
      })
      .execute(),
  );
  const { internet } = await environments.get('old');
  assert.deepEqual(internet.agent, {
    access: 'on',
    preset: 'none',
    allow: [],
    deny: [],
    methods: 'all',
  });
});

test('every definition that a version of ours stored loads, and keeps every field it had', async () => {
  const stored = await readFile(new URL('../../fixtures/stored/environments.jsonl', import.meta.url), 'utf8');
  for (const [at, definition] of stored.trimEnd().split('\n').entries()) {
    const name = `stored-${at}`;
    const row = { name, definition, updated_at: 1, updated_by: 'x' };
    await store.write((tx) => tx.insertInto('environments').values(row).execute());
    const { name: _name, updatedAt, updatedBy, ...loaded } = await environments.get(name);
    assert.deepEqual([loaded, updatedAt, updatedBy, _name], [JSON.parse(definition), 1, 'x', name]);
    // And it can be stored again as it is.
    await environments.put({ ...loaded, name }, 'anna');
  }
});

test('adding a domain keeps every other field', async () => {
  const before = { ...environment('web'), image: 'universal', setup: 'make', variables: { A: '1' } };
  await environments.put(before, 'anna');
  const { internet, updatedAt, updatedBy, ...rest } = await environments.allow('web', 'a.example', 'bob');
  assert.deepEqual(rest, { name: 'web', image: 'universal', setup: 'make', variables: { A: '1' } });
  assert.deepEqual([internet.agent.allow, updatedBy, updatedAt > 0], [['a.example'], 'bob', true]);
});

test('a list with an entry that is no rule is refused whole, and nothing changes', async () => {
  await environments.put(environment('web', limited), 'anna');
  const before = await environments.get('web');
  const told: string[] = [];
  environments.onChange((name) => told.push(name));
  await assert.rejects(
    environments.put(environment('web', { ...limited, deny: ['fine.example', '*'] }), 'bob'),
    withCode('badPolicy'),
  );
  assert.deepEqual(await environments.get('web'), before);
  assert.deepEqual(told, []);
});

test('all environments together stay small enough for one frame', async () => {
  const many = Array.from({ length: 1_000 }, (_, at) => `${'x'.repeat(60)}.${'y'.repeat(60)}.n${at}.example`);
  const large = { ...limited, allow: many, deny: many };
  await environments.put(environment('one', large), 'anna');
  await environments.put(environment('two', large), 'anna');
  await assert.rejects(
    environments.put(environment('three', large), 'anna'),
    withCode('environmentsTooLarge'),
  );
  assert.deepEqual(
    (await environments.list()).map(({ name }) => name),
    ['default', 'one', 'two'],
  );
});

test('an unknown environment is an error, for a policy too: it opens nothing', async () => {
  await assert.rejects(environments.get('nope'), withCode('environmentUnknown'));
  await assert.rejects(environments.policyOf('nope', 'agent'), withCode('environmentUnknown'));
  await assert.rejects(environments.delete('nope'), withCode('environmentUnknown'));
  await assert.rejects(environments.allow('nope', 'a.example', 'anna'), withCode('environmentUnknown'));
});

test('one that tasks in work use is kept; an ended task does not hold it', async () => {
  await environments.put(environment('web', limited), 'anna');
  const setTask = (state: 'running' | 'queued' | 'completed', name: string | null) =>
    store.write((tx) =>
      tx.updateTable('tasks').set({ state, environment: name }).where('id', '=', TASK).execute(),
    );
  for (const state of ['running', 'queued'] as const) {
    await setTask(state, 'web');
    await assert.rejects(environments.delete('web'), withCode('environmentInUse'));
    assert.equal((await environments.get('web')).name, 'web', 'it is still there');
  }
  await setTask('completed', 'web');
  await environments.delete('web');
  await assert.rejects(environments.get('web'), withCode('environmentUnknown'));
  await setTask('running', null);
});

test('deleting the default one brings its defaults back, and running tasks hear of it', async () => {
  await environments.put(environment('default', { access: 'on', preset: 'all' }), 'anna');
  const told: [string, string][] = [];
  environments.onChange((name, { internet }) => told.push([name, internet.agent.access]));
  await environments.delete('default');
  assert.deepEqual(told, [['default', 'off']]);
  assert.equal((await environments.get('default')).updatedAt, 0);
});

test('allowing domains at once loses none, and listeners hear what holds, in order', async () => {
  const heard: number[] = [];
  const stop = environments.onChange((_name, { internet }) => heard.push(internet.agent.allow.length));
  const other = new Environments(store);
  const domains = Array.from({ length: 10 }, (_, at) => `d${at}.example`);
  await Promise.all(
    domains.map((domain, at) => (at % 2 === 0 ? environments : other).allow(null, domain, 'anna')),
  );
  const { agent } = (await environments.get('default')).internet;
  assert.deepEqual([agent.access, agent.preset], ['on', 'none']);
  assert.deepEqual([...agent.allow].sort(), domains);
  assert.deepEqual(
    heard,
    heard.toSorted((a, b) => a - b),
  );
  assert.equal(heard.length, 5);
  stop();
  await environments.allow(null, 'later.example', 'anna');
  assert.equal(heard.length, 5, 'not after it stopped');
});

test('a refused domain leaves the environment as it was, also one that was never stored', async () => {
  await assert.rejects(environments.allow(null, 'com', 'anna'), withCode('badPolicy'));
  assert.equal((await environments.get('default')).updatedAt, 0);
  await environments.put(environment('web', { ...limited, deny: ['bad.example'] }), 'anna');
  await assert.rejects(environments.allow('web', 'x.bad.example', 'anna'), withCode('domainDenied'));
  assert.deepEqual((await environments.policyOf('web', 'agent')).allow, ['a.example']);
  assert.ok(
    (await environments.allow('web', 'b.example', 'anna')).internet.agent.allow.includes('b.example'),
  );
});
