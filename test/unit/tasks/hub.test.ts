import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireEvent } from '../../../protocol/events.ts';
import type { NotificationOf, TaskSummary } from '../../../protocol/rpc.ts';
import { Hub, type Sink } from '../../../server/tasks/hub.ts';

const TASK = 'abcdefgh';

function eventOf(seq: number): WireEvent {
  return { taskId: TASK, attempt: 1, turn: 1, seq, at: 0, v: 1, code: 'output', params: { text: 'x' } };
}

/** A log, and a socket that can be made slow. */
function world() {
  const log: WireEvent[] = [];
  const pages: number[] = [];
  const hub = new Hub(async (_taskId, after, limit) => {
    pages.push(after);
    await new Promise((resolve) => setImmediate(resolve));
    return log.filter((event) => event.seq > after).slice(0, limit);
  });
  const append = (count: number, publish = true) => {
    const events = Array.from({ length: count }, () => {
      const event = eventOf(log.length + 1);
      log.push(event);
      return event;
    });
    if (publish) hub.publish(TASK, events);
    return events;
  };
  return { log, pages, hub, append };
}

function sink() {
  const seqs: number[] = [];
  const others: string[] = [];
  const end = new AbortController();
  let room = Promise.withResolvers<void>();
  room.resolve();
  let slow = false;
  const target: Sink = {
    notify(name, params) {
      if (name === 'events')
        seqs.push(...(params as NotificationOf<'events'>).events.map((event) => event.seq));
      else others.push(name === 'task.changed' ? (params as { task: TaskSummary }).task.title : name);
    },
    drained: () => room.promise,
    isBehind: () => slow,
    closed: end.signal,
  };
  return {
    target,
    seqs,
    others,
    close: () => end.abort(),
    block() {
      slow = true;
      room = Promise.withResolvers<void>();
    },
    unblock() {
      slow = false;
      room.resolve();
    },
  };
}

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);
const settle = async () => {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('a subscriber pages from the log and goes on live, without gap or duplicate', async () => {
  const { hub, append, log } = world();
  append(1_200, false);
  const one = sink();
  hub.subscribe(TASK, 0, log.length, one.target);
  append(3);
  await settle();
  append(2);
  await settle();
  assert.deepEqual(one.seqs, upTo(1_205));
});

test('it gets only what follows its own last seq', async () => {
  const { hub, append, log } = world();
  append(10, false);
  const one = sink();
  hub.subscribe(TASK, 7, log.length, one.target);
  await settle();
  assert.deepEqual(one.seqs, [8, 9, 10]);
});

test('a live subscriber does not read the log', async () => {
  const { hub, append, pages } = world();
  const one = sink();
  hub.subscribe(TASK, 0, 0, one.target);
  for (let round = 0; round < 5; round++) {
    append(2);
    await settle();
  }
  assert.deepEqual(one.seqs, upTo(10));
  assert.deepEqual(pages, []);
});

test('events that are published twice or out of order arrive once and in order', async () => {
  const { hub, append } = world();
  const one = sink();
  hub.subscribe(TASK, 0, 0, one.target);
  const [first, second, third] = append(3, false);
  assert.ok(first && second && third);
  hub.publish(TASK, [third]);
  hub.publish(TASK, [first]);
  hub.publish(TASK, [second]);
  hub.publish(TASK, [second, third]);
  await settle();
  assert.deepEqual(one.seqs, [1, 2, 3]);
});

test('a slow socket loses its queue and pages again; others and the producer do not wait for it', async () => {
  const { hub, append, pages } = world();
  const slow = sink();
  const quick = sink();
  hub.subscribe(TASK, 0, 0, slow.target);
  hub.subscribe(TASK, 0, 0, quick.target);
  append(1);
  await settle();
  slow.block();
  for (let round = 0; round < 30; round++) append(100);
  hub.delta({ taskId: TASK, turn: 1, itemId: 'item', text: 'text' });
  await settle();
  assert.deepEqual(quick.seqs, upTo(3_001));
  assert.deepEqual(slow.seqs, [1]);
  const before = pages.length;
  slow.unblock();
  await settle();
  assert.deepEqual(slow.seqs, upTo(3_001));
  assert.ok(pages.length > before);
  assert.deepEqual(slow.others, [], 'its deltas were dropped');
});

test('a closed socket is forgotten, also one that was slow', async () => {
  const { hub, append } = world();
  const one = sink();
  hub.subscribe(TASK, 0, 0, one.target);
  one.block();
  append(5);
  await settle();
  one.close();
  one.unblock();
  await settle();
  assert.equal(hub.size, 0);
  assert.deepEqual(one.seqs, []);
});

test('a log that can not be read is asked again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let fail = true;
  const errors: unknown[] = [];
  const hub = new Hub(
    async () => {
      if (fail) throw new Error('the disk is full');
      return [eventOf(1)];
    },
    (error) => errors.push(error),
  );
  const one = sink();
  hub.subscribe(TASK, 0, 1, one.target);
  await settle();
  assert.equal(errors.length, 1);
  fail = false;
  t.mock.timers.tick(1_000);
  await settle();
  assert.deepEqual(one.seqs, [1]);
});

test('a slow watcher of the list gets the newest state of each task only', async () => {
  const { hub } = world();
  const one = sink();
  hub.watch(one.target);
  const task = (title: string, id = TASK) => ({ id, title }) as TaskSummary;
  one.block();
  for (const title of ['a', 'b', 'c']) hub.taskChanged(task(title));
  hub.taskChanged(task('other', 'zzzzzzzz'));
  one.unblock();
  await settle();
  assert.deepEqual(one.others, ['c', 'other']);
});
