/** Internet access on the task's page: refusals of a turn, the level, the rows of the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english } from '../../../client/words/index.ts';
import type { EventCode, EventParams } from '../../../protocol/events.ts';
import type { EgressEntry } from '../../../protocol/environment.ts';
import type { PageEvent } from '../../../protocol/pages.ts';
import {
  addPage,
  EMPTY_LOG,
  filtered,
  isFull,
  MAX_ROWS,
  ROW_PX,
  rowsInSight,
} from '../../../webview/task/internet/log-model.ts';
import { domainToAllow, placeOf } from '../../../webview/task/internet/denial.ts';
import type { Denial } from '../../../webview/task/attempt.ts';
import { applyEvent, newTaskModel } from '../../../webview/task/model.ts';

function task() {
  const model = newTaskModel();
  let seq = 0;
  const put = <C extends EventCode>(code: C, params: EventParams<C>) => {
    seq++;
    const event = { taskId: 'task0001', turn: 1, attempt: 1, at: seq, v: 1, seq, code, params };
    applyEvent(model, event as unknown as PageEvent);
  };
  return { model, put };
}
const refused = (host: string) => ({ host, port: 443, reason: 'notAllowed', domain: host });

test('the level is that of the phase that runs, and unknown before any', () => {
  const { model, put } = task();
  assert.equal(model.access, undefined);
  put('policy.changed', { access: 'on', phase: 'setup' });
  assert.equal(model.access, 'on');
  put('policy.changed', { access: 'limited', phase: 'agent' });
  assert.equal(model.access, 'limited');
  put('policy.changed', { access: 'off', phase: 'agent' });
  assert.equal(model.access, 'off');
});

test('what is refused one after the other is one entry; what comes between begins another', () => {
  const { model, put } = task();
  put('policy.denied', refused('a.example'));
  put('policy.denied', refused('b.example'));
  put('item.started', { item: { type: 'command', id: 'c', command: 'curl c.example', cwd: '/w' } });
  put('policy.denied', refused('c.example'));
  const entries = model.turns[0]?.attempts[0]?.entries ?? [];
  assert.deepEqual(
    entries.map((entry) =>
      entry.kind === 'denials' ? entry.denials.map(({ host, seq }) => `${host}@${seq}`) : entry.kind,
    ),
    [['a.example@1', 'b.example@2'], 'command', ['c.example@4']],
  );
  assert.equal(entries[0]?.rev, 1, 'the view sees that it changed');
});

const entry = (id: number, verdict: EgressEntry['verdict'] = 'allowed') => ({ id, verdict }) as EgressEntry;

test('pages go on where the rows end; one that comes twice changes nothing', () => {
  const first = { after: 0, entries: [entry(3), entry(7)], more: true };
  const log = addPage(EMPTY_LOG, first);
  assert.deepEqual([log.after, log.more, log.loaded], [7, true, true]);
  assert.equal(addPage(log, first), log);
  const whole = addPage(log, { after: 7, entries: [entry(9)], more: false });
  assert.deepEqual(
    whole.entries.map(({ id }) => id),
    [3, 7, 9],
  );
  const polled = addPage(whole, { after: 9, entries: [], more: false });
  assert.equal(polled.entries, whole.entries);
  assert.equal(polled.after, 9);
});

test('the page keeps so many rows and no more', () => {
  const many = Array.from({ length: MAX_ROWS + 500 }, (_, at) => entry(at + 1));
  const log = addPage(EMPTY_LOG, { after: 0, entries: many, more: true });
  assert.equal(log.entries.length, MAX_ROWS);
  assert.ok(isFull(log));
});

test('“refused” leaves out what was allowed and keeps what failed', () => {
  const entries = [entry(1), entry(2, 'denied'), entry(3, 'failed')];
  assert.deepEqual(
    filtered(entries, 'refused').map(({ id }) => id),
    [2, 3],
  );
  assert.equal(filtered(entries, 'all'), entries);
});

test('only the rows in sight are drawn, whatever their number', () => {
  assert.deepEqual(rowsInSight(3, 0, 400), { first: 0, last: 3 });
  const middle = rowsInSight(10_000, 5_000 * ROW_PX, 20 * ROW_PX);
  assert.ok(middle.first < 5_000 && middle.last >= 5_020);
  assert.ok(middle.last - middle.first < 60, `${middle.last - middle.first} rows`);
  assert.deepEqual(rowsInSight(0, 100, 400), { first: 0, last: 0 });
  // The filter made the list short while the person was far down.
  const short = rowsInSight(5, 9_000, 400);
  assert.ok(short.first <= short.last && short.last === 5);
});

test('a refusal names what to allow only where that helps', () => {
  const denial = (more: Partial<Denial>): Denial => ({
    host: 'a.example',
    port: 443,
    reason: 'x',
    seq: 1,
    ...more,
  });
  assert.equal(domainToAllow(denial({ reason: 'notAllowed', domain: 'a.example' })), 'a.example');
  assert.equal(domainToAllow(denial({ reason: 'port', port: 8443 })), 'a.example:8443');
  assert.equal(domainToAllow(denial({ reason: 'port', host: '2001:db8::1', port: 22 })), '[2001:db8::1]:22');
  assert.equal(domainToAllow(denial({ reason: 'policyChanged' })), 'a.example');
  for (const reason of ['metadataAddress', 'privateAddress', 'method', 'deniedDomain', 'newReason']) {
    assert.equal(domainToAllow(denial({ reason })), undefined, reason);
  }
  assert.equal(domainToAllow(denial({ reason: 'port', host: '' })), undefined);
});

test('a refusal is named by its host, with method and port where they say something', () => {
  const place = (more: Partial<Denial>) =>
    placeOf({ host: 'a.example', port: 443, reason: 'x', seq: 1, ...more }, english);
  assert.equal(place({}), 'a.example');
  assert.equal(place({ method: 'CONNECT', port: 8443 }), 'a.example:8443');
  assert.equal(place({ method: 'POST' }), 'a.example');
  assert.equal(place({ method: 'POST', reason: 'method' }), 'POST a.example');
  assert.equal(place({ host: '', port: 0 }), 'A request');
});
