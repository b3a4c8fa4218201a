import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode, wireError } from '../../../protocol/errors.ts';
import { LIMIT_NAMES } from '../../../protocol/limits.ts';
import {
  ERROR_WORDS,
  bytesWords,
  commandEndWords,
  durationWords,
  errorWords,
  limitWords,
  warningWords,
} from '../../../client/words/index.ts';

describe('the words for errors', () => {
  it('every code has a sentence without parameters, which ends as a sentence', () => {
    for (const code of ErrorCode.options) {
      const { text } = errorWords(wireError(code));
      assert.match(text, /^[A-Z].*\.$/, code);
      assert.doesNotMatch(text, /[{}]/, code);
    }
  });

  it('no sentence shouts', () => {
    for (const sentence of Object.values(ERROR_WORDS).flat()) assert.doesNotMatch(sentence, /!/);
  });

  it('a sentence uses the parameters that are there', () => {
    assert.match(errorWords(wireError('portTaken', { port: 8080 })).text, /^Port 8080 is in use/);
    assert.match(errorWords(wireError('portTaken')).text, /^The port is in use/);
  });

  it('numbers get the unit of their parameter', () => {
    const { text } = errorWords(wireError('patchTooLarge', { bytes: 2 ** 27, maxBytes: 2 ** 26 }));
    assert.match(text, /^The result is 128 MiB, more than the limit of 64 MiB\./);
    assert.match(
      warningWords('modelRetry', { reason: 'network', delayMs: 1_500, attempt: 1, of: 3 }),
      /in 1\.5 s, 1 of 3/,
    );
  });

  it('a parameter cannot forge lines or colours, nor fill the screen', () => {
    const { text } = errorWords(
      wireError('sandboxLost', { detail: `a\n\u001b[31mb\u202e${'x'.repeat(5_000)}` }),
    );

    assert.doesNotMatch(text, /[\u0000-\u001f\u202e]/);
    assert.ok(text.length < 500);
  });

  it('the action comes with the label of its button', () => {
    assert.deepEqual(errorWords(wireError('unauthorized')).action, { id: 'setToken', label: 'Set Token' });
    assert.equal(errorWords(wireError('badRequest')).action, undefined);
  });

  it('everything goes through the translation, with template and parameters apart', () => {
    const seen: string[] = [];
    errorWords(wireError('portTaken', { port: 1 }), (template, params) => {
      seen.push(template, JSON.stringify(params));
      return 'übersetzt';
    });
    assert.deepEqual(seen.slice(0, 2), [ERROR_WORDS.portTaken[0], '{"port":1}']);
  });
});

describe('the words for what happens in a task', () => {
  it('every limit has a sentence, and an unknown one is named', () => {
    for (const name of LIMIT_NAMES) assert.doesNotMatch(limitWords(name, 1_000), /[{}]|“/, name);
    assert.equal(limitWords('newLimit', 7), 'The limit “newLimit” (7) was reached.');
  });

  it('an unknown warning is shown by its code', () => {
    assert.equal(warningWords('fromTheFuture', {}), 'Warning: fromTheFuture');
    assert.equal(warningWords('constructor', {}), 'Warning: constructor');
  });

  it('a command says how it ended only when it did not end well', () => {
    const item = { type: 'command', id: 'a', command: 'x', cwd: '/' } as const;
    assert.equal(commandEndWords({ ...item, end: 'exited', exitCode: 0 }), '');
    assert.equal(commandEndWords({ ...item, end: 'exited', exitCode: 3 }), 'exit code 3');
    assert.equal(commandEndWords({ ...item, end: 'timedOut', exitCode: 124 }), 'stopped at its time limit');
  });

  it('durations and sizes have units', () => {
    assert.deepEqual([12, 1_500, 59_949, 59_960, 125_000, 3_780_000].map(durationWords), [
      '12 ms',
      '1.5 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 5 s',
      '1 h 3 min',
    ]);
    assert.deepEqual([5, 1_536, 67_108_864, 1_048_575].map(bytesWords), [
      '5 bytes',
      '1.5 KiB',
      '64 MiB',
      '1 MiB',
    ]);
  });
});
