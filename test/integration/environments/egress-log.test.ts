import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import {
  EgressLog,
  type EgressLogDeps,
  type NewEgressEntry,
} from '../../../server/environments/egress-log.ts';
import { makeLog, NO_LOG } from '../../../server/log.ts';
import type { Store } from '../../../server/store/store.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

let store: Store;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const open: EgressLog[] = [];
before(async () => {
  folder = await temporaryFolder();
  store = await openWithTask(folder.dataDir);
});
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  await store.write((tx) => tx.deleteFrom('egress_log').execute());
  await store.write((tx) => tx.deleteFrom('egress_totals').execute());
});
after(async () => {
  await store.close();
  await folder.remove();
});

function egressLog(more: Partial<EgressLogDeps> = {}): EgressLog {
  const log = new EgressLog({ store, maxEntries: LIMITS.egressLogEntries.default, log: NO_LOG, ...more });
  open.push(log);
  return log;
}

function entry(more: Partial<NewEgressEntry> = {}): NewEgressEntry {
  return {
    taskId: TASK,
    turn: 1,
    attempt: 1,
    at: Date.now(),
    phase: 'agent',
    host: 'a.example',
    port: 443,
    method: 'CONNECT',
    verdict: 'allowed',
    reason: null,
    address: '192.0.2.1',
    bytesIn: 1_000,
    bytesOut: 10,
    durationMs: 12.5,
    ...more,
  };
}

/** The same database with every write counted, and refused as long as it is told to. */
function watched() {
  let writes = 0;
  const state = { broken: false };
  const watching: Store = {
    ...store,
    write: (fn) => {
      writes++;
      return state.broken ? Promise.reject(new CodexError('diskFull')) : store.write(fn);
    },
  };
  return { store: watching, state, writes: () => writes };
}

async function hosts(log: EgressLog): Promise<string[]> {
  return (await log.page(TASK, 0, 1_000)).entries.map(({ host }) => host);
}

test('what is appended is there at once, as it was, in its order', async () => {
  const log = egressLog();
  const all = [
    entry(),
    entry({ verdict: 'denied', reason: 'notAllowed', address: null, port: null, host: '', bytesIn: 0 }),
    entry({ verdict: 'failed', reason: 'connectFailed', phase: 'setup', turn: 2, attempt: 3 }),
  ];
  for (const one of all) log.append(one);
  const { entries, more } = await log.page(TASK, 0, 10);
  assert.equal(more, false);
  assert.deepEqual(
    entries,
    all.map((one, at) => ({ id: (entries[0]?.id ?? 0) + at, ...one })),
  );
  assert.deepEqual(await log.totals(TASK), {
    allowed: 1,
    denied: 1,
    failed: 1,
    bytesIn: 2_000,
    bytesOut: 30,
  });
});

test('a pager sees every entry once, also while more arrive', async () => {
  const log = egressLog();
  const seen: string[] = [];
  for (let at = 0; at < 20; at++) log.append(entry({ host: `h${at}` }));
  for (let after = 0, more = true; more;) {
    const page = await log.page(TASK, after, 7);
    seen.push(...page.entries.map(({ host }) => host));
    after = page.entries.at(-1)?.id ?? after;
    more = page.more;
    if (seen.length === 7) for (let at = 20; at < 30; at++) log.append(entry({ host: `h${at}` }));
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 30 }, (_, at) => `h${at}`),
  );
});

test('entries gather into few transactions, and are written without being asked for', async () => {
  const { store: counting, writes } = watched();
  const log = egressLog({ store: counting });
  for (let at = 0; at < 1_500; at++) log.append(entry());
  const until = Date.now() + 10_000;
  const stored = () =>
    store.read((db) => db.selectFrom('egress_log').select('id').where('task_id', '=', TASK).execute());
  while ((await stored()).length < 1_500 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await stored()).length, 1_500);
  assert.ok(writes() <= 3, `${writes()} transactions`);
  log.append(entry({ host: 'last' }));
  await log.close();
  assert.equal((await stored()).length, 1_501, 'closing writes what waits');
});

test('nothing is lost or doubled while the disk is full, and it is not asked in a loop', async () => {
  const { store: breaking, state, writes } = watched();
  const warned: string[] = [];
  const log = egressLog({ store: breaking, log: makeLog('warn', (line) => warned.push(line)) });
  state.broken = true;
  for (let at = 0; at < 250; at++) log.append(entry({ host: `h${at}` }));
  await log.flush();
  for (let at = 250; at < 500; at++) log.append(entry({ host: `h${at}` }));
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(writes(), 1, 'it waits before the next try');
  assert.match(warned.join('\n'), /egress log could not be written/);
  state.broken = false;
  assert.deepEqual(
    await hosts(log),
    Array.from({ length: 500 }, (_, at) => `h${at}`),
  );
  assert.equal((await log.totals(TASK)).allowed, 500);
});

test('a full log takes no more, says so once, and goes on counting, over restarts too', async () => {
  const first = egressLog({ maxEntries: 25 });
  const told: object[] = [];
  first.onFull((task) => told.push(task));
  for (let at = 0; at < 20; at++) first.append(entry());
  await first.flush();
  assert.equal(told.length, 0);
  for (let at = 0; at < 20; at++) first.append(entry({ turn: 2, host: `late${at}` }));
  await first.flush();
  assert.deepEqual(told, [{ taskId: TASK, turn: 2, attempt: 1, limit: 25 }]);
  first.append(entry());
  await first.close();

  const second = egressLog({ maxEntries: 25 });
  second.onFull((task) => told.push(task));
  second.append(entry({ host: 'after a restart' }));
  assert.equal((await second.page(TASK, 0, 100)).entries.length, 25);
  assert.equal((await hosts(second)).at(-1), 'late4', 'the oldest are kept');
  assert.equal((await second.totals(TASK)).allowed, 42);
  assert.equal(told.length, 1);
});

test('whatever a sandbox asks for can be stored and listed, and one entry can’t hold up the others', async () => {
  const log = egressLog();
  const odd = ['nul\0byte', '\ud800', 'a\u001b[31m\nb', 'x'.repeat(100_000), '\u202e'.repeat(10_000)];
  for (const host of odd) log.append(entry({ host, method: host, reason: host, address: host }));
  log.append(entry({ host: 'plain' }));
  const { entries } = await log.page(TASK, 0, 1_000);
  assert.equal(entries.length, odd.length + 1);
  for (const one of entries) {
    assert.ok(JSON.stringify(one).length < 2_000);
    assert.doesNotMatch(one.host + one.method + String(one.reason), /[\u0000-\u001f\u202e]/);
  }
});

test('a task that is gone takes its entries along, and late ones of it disturb nobody', async () => {
  const log = egressLog();
  log.append(entry({ taskId: 'goneforever', host: 'late' }));
  log.append(entry({ host: 'here' }));
  assert.deepEqual(await hosts(log), ['here']);
  assert.deepEqual((await log.page('goneforever', 0, 10)).entries, []);
});
