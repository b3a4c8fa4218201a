/** The room of terminals against a real sandbox and a real database. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CodexError } from '../../../protocol/errors.ts';
import { TERMINALS_PER_CONNECTION, resolveLimits } from '../../../protocol/limits.ts';
import type { NotificationName, NotificationOf } from '../../../protocol/rpc.ts';
import type { TurnState } from '../../../protocol/states.ts';
import { NO_LOG } from '../../../server/log.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { doorGeneration } from '../../../server/sandbox/of-turn.ts';
import type { Sandbox, SandboxDriver } from '../../../server/sandbox/sandbox.ts';
import type { Store } from '../../../server/store/store.ts';
import type { Sink } from '../../../server/tasks/hub.ts';
import { chooseSandbox } from '../../../server/terminals/sandboxes.ts';
import { Terminals } from '../../../server/terminals/terminals.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

const WAIT_MS = 15_000;
const SIZE = { columns: 80, rows: 24 };
const OF = { taskId: TASK, attempt: 1, ...SIZE };

/** A connection that keeps what it is told. */
class FakeSink implements Sink {
  readonly #closing = new AbortController();
  readonly closed = this.#closing.signal;
  text = '';
  readonly ends: NotificationOf<'terminal.ended'>[] = [];

  notify<N extends NotificationName>(name: N, params: NotificationOf<N>): void {
    if (name === 'terminal.output')
      this.text += Buffer.from((params as NotificationOf<'terminal.output'>).data, 'base64').toString('utf8');
    if (name === 'terminal.ended') this.ends.push(params as NotificationOf<'terminal.ended'>);
  }
  drained(): Promise<void> {
    return this.closed.aborted ? new Promise(() => {}) : Promise.resolve();
  }
  isBehind(): boolean {
    return false;
  }
  close(): void {
    this.#closing.abort();
  }
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: Store;
let driver: SandboxDriver;
let terminals: Terminals;
let ended: Sandbox | undefined;

async function setTurn(turn: number, generation: number, state: TurnState): Promise<void> {
  await store.write(async (tx) => {
    await tx.updateTable('turns').set({ turn, generation, state }).where('task_id', '=', TASK).execute();
    await tx.updateTable('tasks').set({ turns: turn, state }).where('id', '=', TASK).execute();
  });
}

const openAs = (turn: number, generation: number): Promise<Sandbox> =>
  driver.open({
    taskId: TASK,
    attempt: 1,
    generation: doorGeneration({ turn, generation }),
    repoName: 'r',
    limits: resolveLimits(),
  });

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 20) {
    assert.ok(waited < WAIT_MS, `not within ${WAIT_MS} ms: ${what}`);
    await pause(20);
  }
}

const refusedFor = (param: string) => (error: unknown) => {
  assert.ok(error instanceof CodexError, String(error));
  assert.equal(error.code, 'terminalUnavailable');
  assert.ok(param in error.wire.params, JSON.stringify(error.wire.params));
  return true;
};

const type = (id: string, text: string, sink: Sink) => terminals.write(id, Buffer.from(text), sink);

/** A turn has ended and left its sandbox parked for a minute. */
beforeEach(async () => {
  folder = await temporaryFolder();
  store = await openWithTask(folder.dataDir);
  driver = createDriver({ kind: 'local', dataDir: folder.dataDir });
  terminals = new Terminals({
    store,
    driver,
    environments: { get: () => Promise.reject(new CodexError('environmentUnknown')) },
    limits: resolveLimits(),
    log: NO_LOG,
    serveOrigin: (_taskId, stream) => stream.destroy(),
  });
  const sandbox = await openAs(1, 1);
  await sandbox.put('/workspace/r/left.txt', Buffer.from('left by the turn\n'));
  await sandbox.park(Date.now() + 60_000);
  await sandbox.detach();
  await setTurn(1, 1, 'completed');
});
afterEach(async () => {
  await terminals.closeAll();
  await ended?.detach();
  ended = undefined;
  for (const ref of await driver.list()) await driver.remove(ref.name);
  await store.close();
  await folder.remove();
});

test('a shell stands in the repository, keeps the sandbox, and gives it back parked', async () => {
  const sink = new FakeSink();
  const id = await terminals.open(OF, sink);
  assert.equal(terminals.uses(TASK), true);
  await type(id, 'cat left.txt; echo "$TERM in $PWD"; exit 3\r', sink);
  await until('the end', () => sink.ends.length > 0);
  assert.match(sink.text, /left by the turn\r\nxterm-256color in \/workspace\/r\r\n/);
  assert.deepEqual(sink.ends, [{ terminalId: id, exitCode: 3, reason: 'exited' }]);
  await until('it is let go', () => !terminals.uses(TASK));
  const [ref] = await driver.list();
  assert.ok((ref?.expiresAt ?? 0) > Date.now() + 9 * 60_000, 'parked for ten minutes more');
});

test('a turn that starts takes the sandbox over, works, and the terminals say so', async () => {
  const sink = new FakeSink();
  const first = await terminals.open(OF, sink);
  const second = await terminals.open(OF, sink);
  await type(first, 'echo hel""lo; sleep 1000\r', sink);
  await until('the shell', () => sink.text.includes('hello'));
  await setTurn(2, 1, 'preparing');
  ended = await openAs(2, 1);
  await until('both ends', () => sink.ends.length === 2);
  assert.deepEqual(new Set(sink.ends.map(({ reason }) => reason)), new Set(['turnStarted']));
  assert.deepEqual(new Set(sink.ends.map(({ terminalId }) => terminalId)), new Set([first, second]));
  assert.equal((await ended.get('/workspace/r/left.txt', 100))?.toString(), 'left by the turn\n');
  await pause(500);
  assert.equal(ended.lost.aborted, false, 'the turn keeps its door');
  await assert.rejects(terminals.open(OF, sink), refusedFor('busyTask'));
});

test('a terminal that comes too late for a turn never takes its door', async () => {
  ended = await openAs(2, 1);
  await assert.rejects(terminals.open(OF, new FakeSink()), refusedFor('busyTask'));
  assert.equal(ended.lost.aborted, false);
  assert.equal(terminals.uses(TASK), false);
});

test('there is none while a turn runs, and none without a sandbox', async () => {
  await setTurn(1, 1, 'running');
  await assert.rejects(terminals.open(OF, new FakeSink()), refusedFor('busyTask'));
  await setTurn(1, 1, 'failed');
  for (const ref of await driver.list()) await driver.remove(ref.name);
  await assert.rejects(terminals.open(OF, new FakeSink()), refusedFor('noSandbox'));
  assert.deepEqual(await driver.list(), [], 'nothing was made for it');
});

test('it ends with its connection, and is nobody else’s', async () => {
  const sink = new FakeSink();
  const stranger = new FakeSink();
  const id = await terminals.open(OF, sink);
  await assert.rejects(type(id, 'echo no\r', stranger), { code: 'notFound' });
  terminals.close(id, stranger);
  await type(id, 'echo st""ill\r', sink);
  await until('it is still there', () => sink.text.includes('still'));
  await type(id, 'yes\r', sink);
  await until('a flood', () => sink.text.length > 100_000);
  sink.close();
  await until('it is let go', () => !terminals.uses(TASK));
  assert.deepEqual(sink.ends, []);
});

test('one connection has a few at most, and may open another when one has ended', async () => {
  const sink = new FakeSink();
  const ids: string[] = [];
  for (let open = 0; open < TERMINALS_PER_CONNECTION; open++) ids.push(await terminals.open(OF, sink));
  await assert.rejects(terminals.open(OF, sink), refusedFor('most'));
  terminals.close(ids[0] ?? '', sink);
  await until('one has ended', () => sink.ends.length === 1);
  assert.equal(sink.ends[0]?.reason, 'closed');
  await until('its place is free', () => terminals.open(OF, sink).then(Boolean, () => false));
});

test('the agent’s sandbox comes first, then the one whose setup failed', () => {
  const ref = (role: 'agent' | 'setup', attempt = 1) => ({
    name: `${role}-${attempt}`,
    taskId: TASK,
    attempt,
    running: true,
    role,
  });
  assert.equal(chooseSandbox([ref('setup'), ref('agent')], TASK, 1)?.name, 'agent-1');
  assert.equal(chooseSandbox([ref('setup'), ref('agent', 2)], TASK, 1)?.name, 'setup-1');
  assert.equal(chooseSandbox([ref('setup')], 'another', 1), undefined);
});
