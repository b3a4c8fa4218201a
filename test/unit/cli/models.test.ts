/** The models of a backend as a person reads them in a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelLines } from '../../../cli/models.ts';
import { runOptions } from '../../../cli/run/options.ts';
import { paint } from '../../../cli/terminal.ts';
import { UsageError } from '../../../cli/usage.ts';
import { CodexError } from '../../../protocol/errors.ts';

const NO_KEY = new CodexError('modelNotConfigured', { connection: 'lab', variable: 'LAB_KEY' }).wire;

test('each model has a line with what is known of it, the first is the default one', () => {
  const list = {
    models: [
      { name: 'gpt-5.5', connection: 'openai', efforts: ['low' as const, 'high' as const] },
      { name: 'qwen', connection: 'home\u001b[2J', windowTokens: 131_072 },
      { name: 'scripted' },
    ],
    connections: [{ name: 'openai' }, { name: 'lab', problem: NO_KEY }],
  };
  const lines = modelLines(list, false, paint(false));
  assert.deepEqual(lines.slice(0, 3), [
    'gpt-5.5   openai · effort low, high · default',
    'qwen      home · 131072 tokens',
    'scripted',
  ]);
  assert.match(lines[3] ?? '', /^✗ lab: The model connection “lab” has no key: LAB_KEY is not set/);
  assert.equal(lines.length, 4, 'what answers is told only when it was tried');
  assert.equal(modelLines(list, true, paint(false))[3], '✓ openai answers');
  assert.deepEqual(modelLines({ models: [] }, false, paint(false)), ['No model is known.']);
});

test('a task names a model and an effort, and a name that can be none is refused', () => {
  const options = runOptions(['--model', 'home/qwen', '--effort', 'low', 'Do it']);
  assert.ok(options !== 'help');
  assert.deepEqual([options.model, options.effort], ['home/qwen', 'low']);
  const plain = runOptions(['Do it']);
  assert.ok(plain !== 'help');
  assert.deepEqual([plain.model, plain.effort], [null, null]);
  for (const args of [
    ['--effort', 'huge'],
    ['--model', ''],
    ['--model', 'a b'],
  ])
    assert.throws(() => runOptions([...args, 'Do it']), UsageError, args.join(' '));
});
