import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../protocol/limits.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { endOf, OutputEvents, pieces } from '../../../server/agent/output.ts';

type Output = Extract<NewEvent, { code: 'output' }>['params'];
const params = (events: NewEvent[]) => events.map((event) => event.params as Output);

const plain = (bytes: Buffer) => ({ bytes, standsFor: bytes.length });

test('pieces cover every byte once and fit into an event, whatever the bytes', () => {
  const samples = [
    Buffer.from('ä€😀 text\n'.repeat(20_000)),
    Buffer.alloc(200_000, 0),
    Buffer.alloc(200_000, 0xff),
    Buffer.alloc(200_000, 1),
    Buffer.from([0x80]),
  ];
  for (const bytes of samples) {
    const found = params(pieces('c', 7, bytes));
    let at = 7;
    for (const piece of found) {
      assert.equal(piece.offset, at);
      assert.ok(Buffer.byteLength(JSON.stringify(piece)) < LIMITS.eventBytes.default);
      at = found[found.indexOf(piece) + 1]?.offset ?? 7 + bytes.length;
    }
    assert.equal(at, 7 + bytes.length);
  }
  const text = params(pieces('c', 0, samples[0] ?? Buffer.alloc(0))).map((piece) => piece.text);
  assert.equal(text.join(''), samples[0]?.toString());
});

test('a character that arrives in two halves is told whole, with the right offsets', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const told: NewEvent[] = [];
  const events = new OutputEvents('c', 0, async (...more) => void told.push(...more));
  const bytes = Buffer.from('a€b');
  events.push(plain(bytes.subarray(0, 2)));
  context.mock.timers.tick(100);
  events.push(plain(bytes.subarray(2)));
  told.push(...(await events.end()));
  assert.deepEqual(
    params(told).map(({ offset, text }) => [offset, text]),
    [
      [0, 'a'],
      [1, '€b'],
    ],
  );
});

test('escape sequences are kept and NUL is not', async () => {
  const told: NewEvent[] = [];
  const events = new OutputEvents('c', 0, async (...more) => void told.push(...more));
  events.push(plain(Buffer.from('\u001b[31mred\u001b[0m\0')));
  told.push(...(await events.end()));
  assert.equal(params(told)[0]?.text, '\u001b[31mred\u001b[0m\ufffd');
});

test('many small writes become one event', async () => {
  const told: NewEvent[] = [];
  const events = new OutputEvents('c', 0, async (...more) => void told.push(...more));
  for (let index = 0; index < 1_000; index++) events.push(plain(Buffer.from('x')));
  told.push(...(await events.end()));
  assert.equal(told.length, 1);
});

test('what the log has already is passed over, to the byte', async () => {
  const told: NewEvent[] = [];
  const events = new OutputEvents('c', 5, async (...more) => void told.push(...more));
  events.push(plain(Buffer.from('012')));
  events.push(plain(Buffer.from('3456')));
  told.push(...(await events.end()));
  assert.deepEqual(params(told), [{ itemId: 'c', offset: 5, text: '56', bytes: 2 }]);
});

test('a log that refuses an event fails the command', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const events = new OutputEvents('c', 0, () => Promise.reject(new Error('full')));
  events.push(plain(Buffer.from('x')));
  context.mock.timers.tick(100);
  await assert.rejects(events.end(), /full/);
});

test('what is told after a crash begins after the mark that was told before it, wherever its end was', () => {
  const part = { bytes: Buffer.from('[secret TOKEN]\n'), standsFor: 41, end: { plain: 1, marked: 40 } };
  for (const count of [1, 2, 39, 40]) assert.equal(endOf(part, count).bytes.toString(), '\n');
  const after = { bytes: Buffer.from('a [secret TOKEN] b'), standsFor: 44, end: { plain: 2, marked: 40 } };
  assert.equal(endOf(after, 44).bytes.toString(), 'a [secret TOKEN] b');
});

test('redacted parts count the bytes that they stand for, whichever way they are sent', async () => {
  const told: NewEvent[] = [];
  const events = new OutputEvents('c', 0, async (...more) => void told.push(...more));
  events.push(plain(Buffer.from('a ')));
  events.push({ bytes: Buffer.from('[secret TOKEN]'), standsFor: 8 });
  events.push({ bytes: Buffer.from('*'), standsFor: 30_000 });
  events.push({ bytes: Buffer.alloc(0), standsFor: 3 });
  events.push(plain(Buffer.from(' b')));
  told.push(...(await events.end()));
  const outputs = told.flatMap((event) => (event.code === 'output' ? [event.params] : []));
  assert.equal(outputs.map((one) => one.text).join(''), 'a [secret TOKEN]*  b');
  let at = 0;
  for (const one of outputs) {
    assert.equal(one.offset, at);
    at += one.bytes ?? 0;
  }
  assert.equal(at, 2 + 8 + 30_000 + 3 + 2);
});
