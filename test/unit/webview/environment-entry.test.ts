/** The environment on a task's page: one entry a try, its cache, and commands that are not the agent's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheWords, environmentParts, roughWords } from '../../../client/words/index.ts';
import type { EventCode, EventParams } from '../../../protocol/events.ts';
import type { PageEvent } from '../../../protocol/pages.ts';
import { savedBy, type EnvironmentEntry } from '../../../webview/task/environment/entry.ts';
import { applyEvent, newTaskModel } from '../../../webview/task/model.ts';

const APPLIED: EventParams<'environment.applied'> = {
  name: 'web',
  image: 'universal',
  versions: { node: '22' },
  workdir: '',
  setup: 'script',
  maintenance: 'none',
  variables: ['CI'],
  secrets: ['NPM_TOKEN'],
  from: { image: 'stored', setup: 'file' },
};

function task() {
  const model = newTaskModel();
  let seq = 0;
  const put = <C extends EventCode>(code: C, params: EventParams<C>) => {
    seq++;
    const event = { taskId: 'task0001', turn: 1, attempt: 1, at: seq, v: 1, seq, code, params };
    applyEvent(model, event as unknown as PageEvent);
  };
  const entries = () => model.turns[0]?.attempts[0]?.entries ?? [];
  return { model, put, entries };
}

test('what holds and what the cache said are one entry, and its view sees each change', () => {
  const { put, entries } = task();
  put('environment.applied', APPLIED);
  put('environment.cache', { outcome: 'miss' });
  const [entry] = entries() as EnvironmentEntry[];
  const before = entry?.rev ?? 0;
  put('item.started', { item: { type: 'command', id: 's', by: 'setup', command: 'npm ci', cwd: '/w' } });
  put('environment.cache', { outcome: 'stored', bytes: 2048, savedMs: 48_000 });
  assert.deepEqual(
    entries().map(({ kind }) => kind),
    ['environment', 'command'],
  );
  assert.deepEqual(
    entry?.cache.map(({ outcome }) => outcome),
    ['miss', 'stored'],
  );
  assert.ok((entry?.rev ?? 0) > before);
});

test('a turn that is tried again gets an entry of its own; told twice in a row it is one', () => {
  const { put, entries } = task();
  put('environment.applied', APPLIED);
  put('environment.applied', { ...APPLIED, image: 'base' });
  assert.equal(entries().length, 1);
  put('warning', { code: 'modelRetry', params: {} });
  put('environment.applied', APPLIED);
  put('environment.cache', { outcome: 'hit', ageMs: 1, savedMs: 2 });
  const [first, , second] = entries() as EnvironmentEntry[];
  assert.deepEqual([first?.cache.length, second?.cache.length], [0, 1]);
});

test('the setup’s own commands are not counted as the agent’s', () => {
  const { model, put } = task();
  put('item.started', { item: { type: 'command', id: 's', by: 'setup', command: 'npm ci', cwd: '/w' } });
  put('item.started', { item: { type: 'command', id: 'm', by: 'maintenance', command: 'true', cwd: '/w' } });
  put('item.started', { item: { type: 'command', id: 'a', command: 'ls', cwd: '/w' } });
  assert.equal(model.turns[0]?.attempts[0]?.commands, 1);
});

test('only a setup that was not run has saved its time', () => {
  const { put, entries } = task();
  assert.equal(savedBy(entries()), undefined);
  put('environment.applied', APPLIED);
  put('environment.cache', { outcome: 'miss' });
  assert.equal(savedBy(entries()), undefined);
  put('environment.cache', { outcome: 'hit', ageMs: 7_200_000, savedMs: 48_000 });
  assert.equal(savedBy(entries())?.savedMs, 48_000);
});

test('the words say the most that is known', () => {
  assert.deepEqual(environmentParts(APPLIED), ['web', 'universal', 'setup script of the repository']);
  assert.deepEqual(environmentParts({ ...APPLIED, setup: 'automatic', from: {} }).at(-1), 'automatic setup');
  assert.equal(
    cacheWords({ outcome: 'hit', ageMs: 7_200_000, savedMs: 48_000 }),
    'prepared 2 h ago, saved 48 s',
  );
  assert.equal(cacheWords({ outcome: 'hit' }), 'prepared earlier');
  assert.equal(cacheWords({ outcome: 'stored', bytes: 3 * 1024 ** 2 }), 'kept for later tasks, 3 MiB');
  assert.equal(
    cacheWords({ outcome: 'off', reason: 'noDefaultBranch' }),
    'not kept for later tasks: the default branch is not known',
  );
  assert.equal(cacheWords({ outcome: 'refused', reason: 'toString' }), 'not kept for later tasks: toString');
  assert.deepEqual([400, 48_200, 600_000, 7_200_000, 300_000_000].map(roughWords), [
    '0.4 s',
    '48 s',
    '10 min',
    '2 h',
    '3 d',
  ]);
});
