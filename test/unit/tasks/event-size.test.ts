import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNewEvent, type NewEvent } from '../../../protocol/events.ts';
import { fitEvents } from '../../../server/tasks/event-size.ts';

const MAX = 64 * 1024;
const sizeOf = (event: NewEvent) => Buffer.byteLength(JSON.stringify(event));

test('an event that fits is left alone', () => {
  const event: NewEvent = { code: 'task.created', params: { title: 'T', mode: 'ask' } };
  assert.deepEqual(fitEvents([event], MAX), [event]);
});

test('long output becomes several events that join to the same text', () => {
  const text = '\u001b[31m€😀'.repeat(30_000);
  const events = fitEvents([{ code: 'output', params: { itemId: 'i', offset: 100, text } }], MAX);
  assert.ok(events.length > 1);
  let offset = 100;
  let joined = '';
  for (const event of events) {
    assert.ok(event.code === 'output' && sizeOf(event) <= MAX);
    assert.equal(event.params.offset, offset);
    offset += Buffer.byteLength(event.params.text);
    joined += event.params.text;
    assert.ok(event.params.text.isWellFormed(), 'no character is cut in two');
  }
  assert.equal(joined, text);
});

test('any other text is cut with a mark, and the limit is an event of its own', () => {
  const text = '😀'.repeat(100_000);
  const events = fitEvents(
    [
      {
        code: 'item.completed',
        attempt: 2,
        params: { item: { type: 'message', id: 'm', role: 'assistant', text } },
      },
    ],
    MAX,
  );
  const [cut, limit] = events;
  assert.ok(cut?.code === 'item.completed' && cut.params.item.type === 'message');
  assert.ok(cut.params.item.text.endsWith('… [cut]') && cut.params.item.text.isWellFormed());
  assert.deepEqual(limit, {
    code: 'limit.reached',
    attempt: 2,
    params: { limit: 'eventBytes', value: MAX, itemId: 'm' },
  });
  for (const event of events) {
    assert.ok(sizeOf(event) <= MAX);
    checkNewEvent(event);
  }
});

test('a long list is cut too', () => {
  const file = {
    path: { path: 'x'.repeat(200) },
    kind: 'added',
    binary: false,
    oldMode: '',
    newMode: '100644',
  } as const;
  const patch = { bytes: 1, sha256: '', files: 2_000, added: 0, removed: 0, binaries: 0 };
  const [cut] = fitEvents(
    [
      {
        code: 'patch.ready',
        params: { patch, files: Array.from({ length: 2_000 }, () => structuredClone(file)), filesCut: false },
      },
    ],
    MAX,
  );
  assert.ok(cut && sizeOf(cut) <= MAX);
  checkNewEvent(cut);
});
