import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOptions } from '../../../cli/run/options.ts';
import { UsageError } from '../../../cli/usage.ts';

function options(...args: string[]) {
  const parsed = runOptions(args);
  assert.notEqual(parsed, 'help');
  return parsed as Exclude<typeof parsed, 'help'>;
}

const refuses = (args: string[], words: RegExp) =>
  assert.throws(
    () => runOptions(args),
    (error: unknown) => error instanceof UsageError && words.test(error.message),
  );

describe('the command line of run', () => {
  it('takes the words that are left as the prompt', () => {
    assert.equal(options('fix', 'the', 'tests').prompt, 'fix the tests');
    assert.equal(options('--mode', 'ask', '--', '--why').prompt, '--why');
  });

  it('is about code in this folder unless it says otherwise', () => {
    const { mode, repo, includeLocal, apply, json } = options('x');
    assert.deepEqual([mode, repo, includeLocal, apply, json], ['code', '.', false, false, false]);
  });

  it('a bare --scripted-model takes the script that ships, one with a value that file', () => {
    assert.equal(options('x').own.scriptedModel, null);
    assert.equal(options('--scripted-model', 'x').own.scriptedModel, '');
    assert.equal(options('--scripted-model', 'x').prompt, 'x');
    assert.match(options('--scripted-model=a.yaml', 'x').own.scriptedModel ?? '', /a\.yaml$/);
  });

  it('names an environment, or leaves it to the backend', () => {
    assert.equal(options('x').environment, null);
    assert.equal(options('--env', 'node-22', 'x').environment, 'node-22');
    refuses(['--env', 'no name', 'x'], /“no name” can’t be an environment’s name/);
  });

  it('makes one attempt, or up to four, of which one may be chosen before they run', () => {
    const { attempts, choose } = options('x');
    assert.deepEqual([attempts, choose], [1, null]);
    assert.equal(options('--attempts', '4', '--choose', '3', 'x').choose, 3);
    refuses(['--attempts', '5', 'x'], /--attempts is a whole number from 1 to 4, not “5”/);
    refuses(['--attempts', '2', '--choose', '3', 'x'], /--choose is a whole number from 1 to 2/);
    refuses(['--choose', '1', 'x'], /--choose is for several attempts/);
  });

  it('what makes no sense is refused with a sentence', () => {
    refuses([], /prompt is missing/);
    refuses(['  '], /prompt is missing/);
    refuses(['--mode', 'write', 'x'], /ask, code, review, not “write”/);
    refuses(['--sandbox', 'none', 'x'], /docker, local/);
    refuses(['--attempts', 'two', 'x'], /whole number from 1 to 4/);
    refuses(['--ref', 'main', '--include-local', 'x'], /exclude each other/);
    refuses(['--frobnicate', 'x'], /--frobnicate/);
    refuses(['x'.repeat(300_000)], /longer than 256 KiB/);
  });
});
