/** Pictures of prompts over HTTP: in, out, named by a task, gone with it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { attachmentOf, sendPictures } from '../../../client/attachments.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { Attachment } from '../../../protocol/events.ts';
import { PATHS } from '../../../protocol/http.ts';
import { LIMITS, PATCH_CHUNK_BYTES, REQUEST_IMAGES_BYTES } from '../../../protocol/limits.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { Backend } from '../../../server/backend.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { backend, client, finished, taskRequest, TOKEN, type TestClient } from './harness.ts';

/** Smaller than by default: what is tested is the limit. */
const MAX_BYTES = 3 * PATCH_CHUNK_BYTES;
let running: Backend;
let peer: TestClient;
const turns: TurnContext[] = [];
before(async () => {
  running = await backend({
    limits: { attachmentBytes: MAX_BYTES },
    runTurn: async (turn) => {
      turns.push(turn);
      await turn.setState('running');
      if (turn.prompt === 'show') assert.equal(await turn.pictures.keep(png('shown')), sha(png('shown')));
      await turn.finish({ answer: 'done', usage: NO_USAGE });
    },
  });
  peer = await client(running.url);
});
after(async () => {
  peer.ws.close();
  await running.close();
});

const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;
const PNG_START = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const png = (text: string, size = 0) => Buffer.concat([PNG_START, Buffer.from(text), Buffer.alloc(size)]);
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function put(bytes: Buffer, path = PATHS.blob(sha(bytes)), token = TOKEN): Promise<[number, string]> {
  const response = await fetch(running.url + path, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(bytes),
  });
  const text = await response.text();
  return [response.status, text === '' ? '' : (JSON.parse(text) as { code: string }).code];
}

async function get(sha256: string): Promise<Response> {
  return fetch(running.url + PATHS.blob(sha256), { headers: { authorization: `Bearer ${TOKEN}` } });
}

const connection = {
  putBlob: async (sha256: string, bytes: Uint8Array) => {
    assert.deepEqual(await put(Buffer.from(bytes), PATHS.blob(sha256)), [204, '']);
  },
};

test('a picture is taken once, whoever sends it again, and comes back as it was', async () => {
  const bytes = png('one');
  assert.deepEqual(await put(bytes), [204, '']);
  assert.deepEqual(await put(bytes), [204, '']);
  const response = await get(sha(bytes));
  assert.equal(response.headers.get('content-type'), 'image/png');
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes);
  assert.equal((await get('0'.repeat(64))).status, 404);
});

test('what is no picture, has another hash, is too large or comes from a stranger is refused', async () => {
  assert.deepEqual(await put(Buffer.from('<svg/>')), [400, 'attachmentUnreadable']);
  assert.deepEqual(await put(Buffer.alloc(0)), [400, 'attachmentUnreadable']);
  assert.deepEqual(await put(png('two'), PATHS.blob('0'.repeat(64))), [400, 'badRequest']);
  assert.deepEqual(await put(png('two'), '/api/v1/blobs/..%2f..%2fx'), [400, 'badRequest']);
  assert.deepEqual(await put(png('two'), PATHS.blob(sha(png('two'))), 'wrong'), [401, 'unauthorized']);
  const large = png('large', MAX_BYTES);
  assert.deepEqual(await put(large), [413, 'attachmentTooLarge']);
  assert.equal((await get(sha(large))).status, 404);
});

test('the largest picture is taken', async () => {
  const bytes = png('', MAX_BYTES - PNG_START.length);
  assert.deepEqual(await put(bytes), [204, '']);
  assert.equal((await (await get(sha(bytes))).arrayBuffer()).byteLength, bytes.length);
});

test('a client names what is wrong before it sends anything', async () => {
  const never = { putBlob: () => Promise.reject(new Error('sent')) };
  const good = { name: 'good.png', bytes: png('good') };
  await assert.rejects(
    sendPictures(never, [good, { name: 'text.png', bytes: Buffer.from('text') }]),
    withCode('attachmentUnreadable'),
  );
  const large = png('', LIMITS.attachmentBytes.default);
  await assert.rejects(
    sendPictures(never, [good, { name: 'large.png', bytes: large }]),
    withCode('attachmentTooLarge'),
  );
});

test('a task has its pictures: in its first event, its turn, and where the agent reads them', async () => {
  const images = await sendPictures(connection, [
    { name: 'a.png', bytes: png('a') },
    { name: 'again.png', bytes: png('a') },
    { name: 'b.png', bytes: png('b') },
  ]);
  assert.deepEqual(
    images.map(({ name }) => name),
    ['a.png', 'b.png'],
  );
  const { task } = await peer.call('task.create', taskRequest({ images }));
  await peer.call('task.subscribe', { taskId: task.id, after: 0 });
  const started = await peer.event((event) => event.taskId === task.id && event.code === 'turn.started');
  assert.deepEqual(started.params['images'], images);
  await peer.event((event) => event.taskId === task.id && finished(event));
  const view = (await peer.call('task.get', { taskId: task.id })).task;
  assert.deepEqual(view.turnList[0]?.images, images);
  const turn = turns.find((one) => one.task.id === task.id);
  assert.deepEqual(turn?.images, images);
  assert.deepEqual(await turn?.pictures.load(sha(png('b'))), png('b'));

  const followUp = await sendPictures(connection, [{ name: 'c.png', bytes: png('c') }]);
  await peer.call('turn.create', {
    requestId: 'follow-up-c',
    taskId: task.id,
    prompt: 'and',
    images: followUp,
  });
  const second = (await peer.call('task.get', { taskId: task.id })).task.turnList[1];
  assert.deepEqual(second?.images, followUp);
});

test('a task that names a picture which is not there, or is another, is refused', async () => {
  const missing = await attachmentOf({ name: 'gone.png', bytes: png('never sent') });
  await assert.rejects(
    peer.call('task.create', taskRequest({ images: [missing] })),
    withCode('attachmentMissing'),
  );
  const [there] = await sendPictures(connection, [{ name: 'there.png', bytes: png('there') }]);
  assert.ok(there);
  for (const wrong of [
    { ...there, mediaType: 'image/jpeg' as const },
    { ...there, bytes: there.bytes + 1 },
  ]) {
    await assert.rejects(
      peer.call('task.create', taskRequest({ images: [wrong] })),
      withCode('attachmentUnreadable'),
    );
  }
  const many: Attachment[] = Array.from({ length: 2 }, () => ({ ...there, bytes: REQUEST_IMAGES_BYTES }));
  await assert.rejects(
    peer.call('task.create', taskRequest({ images: many })),
    withCode('attachmentTooLarge'),
  );
});

test('a deleted task takes along the pictures that no other task has', async () => {
  const images = await sendPictures(connection, [
    { name: 'mine.png', bytes: png('mine') },
    { name: 'shared.png', bytes: png('shared') },
  ]);
  const one = await peer.call('task.create', taskRequest({ images }));
  const other = await peer.call('task.create', taskRequest({ images: images.slice(1) }));
  await peer.call('task.delete', { taskId: one.task.id });
  assert.equal((await get(sha(png('mine')))).status, 404);
  assert.equal((await get(sha(png('shared')))).status, 200);
  await peer.call('task.delete', { taskId: other.task.id });
  assert.equal((await get(sha(png('shared')))).status, 404);
});

test('what the model was shown is kept with the task, and goes with it', async () => {
  const { task } = await peer.call('task.create', taskRequest({ prompt: 'show' }));
  await peer.call('task.subscribe', { taskId: task.id, after: 0 });
  await peer.event((event) => event.taskId === task.id && finished(event));
  assert.deepEqual(Buffer.from(await (await get(sha(png('shown')))).arrayBuffer()), png('shown'));
  await peer.call('task.delete', { taskId: task.id });
  assert.equal((await get(sha(png('shown')))).status, 404);
});
