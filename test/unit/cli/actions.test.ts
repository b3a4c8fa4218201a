import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saidAction } from '../../../cli/actions.ts';

const OPTIONS = { json: { type: 'boolean' }, name: { type: 'string' }, all: { type: 'boolean' } } as const;
const said = (...args: string[]) =>
  saidAction('thing', args, ['list', 'put', 'drop'], OPTIONS, { json: ['list'], name: ['put', 'drop'] });

test('the first word says what to do, and every option may stand anywhere', () => {
  const put = said('--name', 'x', 'put', 'one', '--all', '--data', '/d', '--scripted-model', 'two');
  assert.deepEqual(put && [put.action, put.rest, put.values.name, put.values.all], [
    'put',
    ['one', 'two'],
    'x',
    true,
  ]);
  assert.deepEqual([put?.own.dataDir, put?.own.scriptedModel], ['/d', '']);
  assert.equal(said('list', '--json')?.values.json, true);
});

test('help goes before everything that could be wrong', () => {
  for (const args of [['-h'], ['--help', 'fly'], ['drop', '--json', '-h']]) assert.equal(said(...args), null);
});

test('an action that is not there and an option of another one are refused with a sentence', () => {
  for (const [args, why] of [
    [[], /^Say what to do: list, put, drop\.$/],
    [['fly'], /^The word after thing is one of list, put, drop, not “fly”\.$/],
    [['put', '--json'], /^--json belongs to thing list\.$/],
    [['list', '--name', ''], /^--name belongs to thing put and thing drop\.$/],
    [['list', '--sandbox', 'moon'], /--sandbox is one of/],
    [['list', '--what'], /--what/],
  ] as const)
    assert.throws(() => said(...args), { name: 'UsageError', message: why });
});
