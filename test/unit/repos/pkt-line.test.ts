import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { mayPush, packet, readCommands } from '../../../server/repos/pkt-line.ts';

const ZERO = '0'.repeat(40);
const A = 'a'.repeat(40);
const REF = 'refs/codex/in/01234567-89ab-8cde-8f01-23456789abcd';
const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('the commands of a push', () => {
  const push = bytes(
    `${packet(`${ZERO} ${A} ${REF}\0 report-status side-band-64k`)}${packet(`${ZERO} ${A} refs/heads/x\n`)}0000PACK…`,
  );

  test('are read up to the flush', () => {
    assert.deepEqual(readCommands(push), {
      state: 'complete',
      commands: [
        { from: ZERO, to: A, ref: REF },
        { from: ZERO, to: A, ref: 'refs/heads/x' },
      ],
    });
  });

  test('are incomplete at every byte before that', () => {
    const end = push.indexOf('0000PACK') + 4;
    for (let length = 0; length < end; length += 1) {
      assert.equal(readCommands(push.subarray(0, length)).state, 'incomplete', String(length));
    }
    assert.equal(readCommands(push.subarray(0, end)).state, 'complete');
  });

  test('of a shallow clone are read as well, and none at all is a probe', () => {
    const shallow = bytes(`${packet(`shallow ${A}`)}${packet(`${ZERO} ${A} ${REF}\0`)}0000`);
    assert.equal(readCommands(shallow).state, 'complete');
    assert.deepEqual(readCommands(bytes('0000')), { state: 'complete', commands: [] });
  });

  test('that are anything else are malformed', () => {
    for (const text of [
      'xxxx',
      '0001',
      '0003',
      packet('push-cert\0'),
      packet(`${ZERO} ${A}`),
      packet(`${ZERO} ${A} ref with space`),
      packet(`${ZERO} ${A.slice(1)} ${REF}`),
      packet(`${ZERO} ${A} ${REF}`).repeat(17),
    ]) {
      assert.equal(readCommands(bytes(`${text}0000`)).state, 'malformed', text.slice(0, 60));
    }
  });
});

describe('what may be pushed', () => {
  test('is a new incoming ref', () => {
    assert.equal(mayPush({ from: ZERO, to: A, ref: REF }), true);
  });

  test('is nothing else', () => {
    for (const command of [
      { from: A, to: A, ref: REF },
      { from: A, to: ZERO, ref: REF },
      { from: ZERO, to: ZERO, ref: REF },
      { from: ZERO, to: A, ref: 'refs/heads/main' },
      { from: ZERO, to: A, ref: 'HEAD' },
      { from: ZERO, to: A, ref: `${REF}/x` },
      { from: ZERO, to: A, ref: `${REF}\n` },
      { from: ZERO, to: A, ref: 'refs/codex/in/../../heads/main' },
      { from: ZERO, to: A, ref: REF.toUpperCase() },
      { from: ZERO, to: A, ref: 'refs/codex/tasks/aaaaaaaa/1/1' },
    ]) {
      assert.equal(mayPush(command), false, command.ref);
    }
  });
});
