import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DoorRefusal } from '../../../runner/failure.ts';
import { joinNul, splitNul } from '../../../runner/git.ts';
import { asCallId, asCheckout, asCommand, asPath, parseHello } from '../../../runner/requests.ts';

const COMMAND = { argv: ['true'], cwd: '/', env: { A: 'b' }, timeoutMs: 1, maxOutputBytes: 0 };

test('a hello is taken with its generation, and nothing else is', () => {
  assert.deepEqual(parseHello('{"door":1,"generation":7,"pump":3,"more":true}'), {
    door: 1,
    generation: 7,
    pump: 3,
  });
  for (const line of [
    '',
    'null',
    '{"door":1}',
    '{"door":1,"generation":-1}',
    '{"door":1,"generation":1.5}',
    'x'.repeat(2_000),
  ]) {
    assert.equal(parseHello(line), null, line.slice(0, 40));
  }
});

test('a command is taken whole or refused', () => {
  assert.deepEqual(asCommand(COMMAND), COMMAND);
  const typedTo = { ...COMMAND, stdin: 'open', tty: { columns: 80, rows: 24 } };
  assert.deepEqual(asCommand(typedTo), typedTo);
  const wrong = [
    { argv: [] },
    { argv: ['a\0b'] },
    { cwd: 'relative' },
    { env: { A: 1 } },
    { timeoutMs: -1 },
    { maxOutputBytes: '1' },
    { stdin: 'pipe' },
    { tty: true },
    { tty: { columns: 0, rows: 24 } },
  ];
  for (const part of wrong)
    assert.throws(() => asCommand({ ...COMMAND, ...part }), DoorRefusal, JSON.stringify(part));
});

test('a call id can be a file name and nothing more', () => {
  assert.equal(asCallId('call_Ab-1.2'), 'call_Ab-1.2');
  for (const id of ['', '.', '..', 'a/b', '.hidden', 'a b', 'x'.repeat(200)])
    assert.throws(() => asCallId(id), DoorRefusal, id);
});

test('no branch and no commit can be an option of git', () => {
  const good = { workdir: '/w', sha: 'a'.repeat(40), branch: 'topic/x' };
  assert.deepEqual(asCheckout(good), good);
  for (const part of [
    { branch: '--upload-pack=x' },
    { branch: 'a b' },
    { sha: '--all' },
    { sha: 'HEAD' },
    { asUncommitted: 'main' },
  ]) {
    assert.throws(() => asCheckout({ ...good, ...part }), DoorRefusal, JSON.stringify(part));
  }
  assert.throws(() => asPath('../etc', 'path'), DoorRefusal);
});

test('names between NULs are bytes', () => {
  const names = [Buffer.from([0xff, 0x0a]), Buffer.from('b')];
  assert.deepEqual(splitNul(joinNul(names)), names);
  assert.deepEqual(splitNul(Buffer.alloc(0)), []);
});
