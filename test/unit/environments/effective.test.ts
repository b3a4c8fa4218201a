/** What wins over what, field by field. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  defaultEnvironment,
  type Environment,
  type RepositorySettings,
} from '../../../protocol/environment.ts';
import { checkNewEvent } from '../../../protocol/events.ts';
import { LIMITS, resolveLimits } from '../../../protocol/limits.ts';
import { effective, fieldsForEvent } from '../../../server/environments/effective.ts';

const LIMITS_HERE = resolveLimits();
const of = (stored: Partial<Environment>, file: RepositorySettings | null = null, limits = LIMITS_HERE) =>
  effective({ ...defaultEnvironment(), ...stored }, file, limits);

test('what nobody set is the default, and says of itself that nobody set it', () => {
  const environment = of({});
  assert.deepEqual(environment, {
    name: 'default',
    image: 'base',
    versions: {},
    variables: {},
    workdir: '',
    setup: { kind: 'automatic' },
    maintenance: { kind: 'automatic' },
    internet: defaultEnvironment().internet,
    setupTimeoutMs: LIMITS.setupTimeoutMs.default,
    commandTimeoutMs: LIMITS.commandTimeoutMs.default,
    setupForAsk: false,
    limits: LIMITS_HERE,
    cacheMs: LIMITS.cacheMs.default,
    parkedMs: LIMITS.parkedMs.default,
    allowSecretsIn: [],
    approval: { policy: 'never', allow: [], deny: [] },
    from: {},
  });
});

test('a stored environment that only sets other things leaves the file its own', () => {
  const file = { image: 'universal', workdir: 'app', setup: 'npm ci', commandTimeoutMs: 5_000 };
  const environment = of({ setupForAsk: true }, file);
  assert.equal(environment.image, 'universal');
  assert.equal(environment.workdir, 'app');
  assert.deepEqual(environment.setup, { kind: 'script', text: 'npm ci' });
  assert.equal(environment.commandTimeoutMs, 5_000);
  assert.equal(environment.limits.commandTimeoutMs, 5_000);
  assert.deepEqual(environment.from, {
    image: 'file',
    workdir: 'file',
    setup: 'file',
    commandTimeoutMs: 'file',
    setupForAsk: 'stored',
  });
});

test('model and effort are the stored environment’s alone', () => {
  const environment = of({ model: 'company/gpt-5.5', effort: 'low' }, { image: 'universal' });
  assert.deepEqual([environment.model, environment.effort], ['company/gpt-5.5', 'low']);
  assert.deepEqual(environment.from, { model: 'stored', effort: 'stored', image: 'file' });
});

test('what is stored wins over the file, field by field', () => {
  const environment = of(
    { image: 'base', setup: 'make', workdir: '' },
    { image: 'universal', setup: 'npm ci', workdir: 'app', maintenance: 'npm i' },
  );
  assert.equal(environment.image, 'base');
  assert.equal(environment.workdir, '');
  assert.deepEqual(environment.setup, { kind: 'script', text: 'make' });
  assert.deepEqual(environment.maintenance, { kind: 'script', text: 'npm i' });
  assert.deepEqual(environment.from, {
    image: 'stored',
    setup: 'stored',
    workdir: 'stored',
    maintenance: 'file',
  });
});

test('an empty script that is stored switches the file’s script off', () => {
  assert.deepEqual(of({ setup: '' }, { setup: 'npm ci' }).setup, { kind: 'none' });
  assert.deepEqual(of({}, { maintenance: ' \n\t' }).maintenance, { kind: 'none' });
});

test('variables and versions are merged by name, the stored one first', () => {
  const environment = of(
    { variables: { A: 'stored', B: 'stored' }, versions: {} },
    { variables: { A: 'file', C: 'file' }, versions: { node: '22' } },
  );
  assert.deepEqual(environment.variables, { A: 'stored', B: 'stored', C: 'file' });
  assert.deepEqual(environment.versions, { node: '22' });
  assert.deepEqual(environment.from, { variables: 'stored', 'variables.C': 'file', versions: 'file' });
});

test('an environment may ask for more than the backend’s default, never for more than the cap', () => {
  const small = resolveLimits({ sandboxMemoryBytes: 1e9 });
  const asked = of(
    { resources: { memoryBytes: 2e9, cpus: 1_000 }, cacheMs: 0, parkedMs: 5, setupTimeoutMs: 9_000 },
    null,
    small,
  );
  assert.equal(asked.limits.sandboxMemoryBytes, 2e9);
  assert.equal(asked.limits.sandboxCpus, LIMITS.sandboxCpus.cap);
  assert.equal(asked.limits.sandboxPids, LIMITS.sandboxPids.default);
  assert.deepEqual([asked.cacheMs, asked.parkedMs, asked.setupTimeoutMs], [0, 5, 9_000]);
  assert.equal(of({}, null, small).limits.sandboxMemoryBytes, 1e9);
});

test('a folder is written in one way', () => {
  assert.equal(of({ workdir: './packages//web/' }).workdir, 'packages/web');
  assert.equal(of({ workdir: './' }).workdir, '');
});

test('the event names variables and secrets, never a value', () => {
  const environment = of({ variables: { B: 'value-of-b', A: 'value-of-a' } }, { setup: 'echo script-text' });
  const params = fieldsForEvent(environment, ['TOKEN', 'KEY']);
  checkNewEvent({ code: 'environment.applied', params });
  assert.deepEqual(params.variables, ['A', 'B']);
  assert.deepEqual(params.secrets, ['KEY', 'TOKEN']);
  assert.equal(params.setup, 'script');
  assert.doesNotMatch(JSON.stringify(params), /value-of|script-text/);
});
