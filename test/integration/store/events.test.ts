import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { knownEvent, type NewEvent, WireEvent } from '../../../protocol/events.ts';
import { openStore } from '../../../server/store/store.ts';
import { appendEvents, readEvents } from '../../../server/tasks/events.ts';
import { loadPatch, removeResults, storeResult } from '../../../server/tasks/patches.ts';
import { openWithTask, TASK, temporaryFolder } from './fixture.ts';

const KILLS = 20;
const MAX = 64 * 1024;
const output = (text: string): NewEvent => ({ code: 'output', params: { itemId: 'i', offset: 0, text } });
const owner = (generation: number) => ({ taskId: TASK, turn: 1, generation });
const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

test('seq has neither gap nor duplicate with many writers at once', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  const stored = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      store.write((tx) =>
        appendEvents(
          tx,
          owner(1),
          Array.from({ length: 1 + (index % 4) }, () => output('x')),
          MAX,
        ),
      ),
    ),
  );
  const seqs = stored.flat().map((event) => event.seq);
  const all = await store.read((db) => readEvents(db, TASK, 0, 1_000));
  assert.deepEqual(
    all.map((event) => event.seq),
    Array.from({ length: seqs.length }, (_, index) => index + 1),
  );
  assert.equal(new Set(seqs).size, seqs.length);
  await store.close();
  await remove();
});

test(`seq stays whole and nothing acknowledged is lost when the writer is killed ${KILLS} times`, async () => {
  const { dataDir, remove } = await temporaryFolder();
  await (await openWithTask(dataDir)).close();
  let acknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const script = join(import.meta.dirname, 'crashing-writer.ts');
    const child = spawn(process.execPath, ['--no-warnings', script, dataDir, TASK], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let lines = 0;
    // Later at each kill, so that it falls into different moments of a write.
    const enough = 1 + ((kill * 7) % 23);
    for await (const line of createInterface({ input: child.stdout })) {
      if (line !== 'ready') acknowledged = Math.max(acknowledged, Number(line));
      if (++lines > enough) child.kill('SIGKILL');
    }
    const [, signal] = (await exited) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL');
  }
  const store = await openStore({ dataDir });
  const seqs = (await store.read((db) => readEvents(db, TASK, 0, 100_000))).map((event) => event.seq);
  assert.deepEqual(
    seqs,
    Array.from({ length: seqs.length }, (_, index) => index + 1),
  );
  assert.ok(seqs.length >= acknowledged && acknowledged > KILLS, `${seqs.length} of ${acknowledged}`);
  await store.close();
  await remove();
});

test('a write of a superseded owner changes nothing', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  await store.write((tx) => appendEvents(tx, owner(1), [output('first')], MAX));
  await store.write((tx) => tx.updateTable('turns').set({ generation: 2 }).execute());
  await assert.rejects(
    store.write((tx) => appendEvents(tx, owner(1), [output('late')], MAX)),
    withCode('generationSuperseded'),
  );
  const [event] = await store.write((tx) => appendEvents(tx, owner(2), [output('second')], MAX));
  assert.equal(event?.seq, 2);
  const texts = (await store.read((db) => readEvents(db, TASK, 0, 10))).map((one) => one.params.text);
  assert.deepEqual(texts, ['first', 'second']);
  await store.close();
  await remove();
});

test('what a hostile program prints is stored as it is: NUL, half a surrogate pair, escapes', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  const text = '\0\ud800 \u001b[31m"\\u0000';
  await store.write((tx) => appendEvents(tx, owner(1), [output(text)], MAX));
  const [event] = await store.read((db) => readEvents(db, TASK, 0, 10));
  assert.equal(event?.params.text, text);
  await store.close();
  await remove();
});

test('a patch comes back byte for byte, and a chunk is kept while any result names it', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  const shared = Buffer.alloc(1024 * 1024, 7);
  const patch = Buffer.concat([shared, Buffer.from([0, 255, 128, 13, 10])]);
  const summary = { bytes: patch.length, sha256: '', files: 1, added: 0, removed: 0, binaries: 1 };
  const result = { resultSha: 'a'.repeat(40), patch, summary, files: [] };
  const chunks = () => store.read((db) => db.selectFrom('chunks').select('sha256').execute());
  await store.write((tx) => storeResult(tx, { taskId: TASK, turn: 1, attempt: 1 }, result));
  await store.write((tx) =>
    storeResult(tx, { taskId: TASK, turn: 1, attempt: 2 }, { ...result, patch: shared }),
  );
  assert.equal((await chunks()).length, 2);
  assert.ok((await store.read((db) => loadPatch(db, { taskId: TASK, turn: 1, attempt: 1 }))).equals(patch));
  await store.write((tx) => removeResults(tx, { taskId: TASK, turn: 1, attempt: 1 }));
  assert.equal((await chunks()).length, 1);
  assert.ok((await store.read((db) => loadPatch(db, { taskId: TASK, turn: 1, attempt: 2 }))).equals(shared));
  await store.write((tx) => removeResults(tx, { taskId: TASK }));
  assert.equal((await chunks()).length, 0);
  await store.close();
  await remove();
});

test('stored events of every version load', () => {
  const folder = join(import.meta.dirname, '../../fixtures/stored');
  const files = readdirSync(folder).filter((name) => /^events-v\d+\.jsonl$/.test(name));
  assert.ok(files.length > 0);
  const codes = new Set<string>();
  for (const file of files) {
    for (const line of readFileSync(join(folder, file), 'utf8').trim().split('\n')) {
      const event = WireEvent.parse(JSON.parse(line));
      assert.ok(knownEvent(event), line);
      codes.add(event.code);
    }
  }
  assert.ok(codes.has('turn.finished') && codes.has('patch.ready') && codes.has('output'));
});
