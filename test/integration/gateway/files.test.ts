/** Single files of a result over HTTP: both sides of what its patch changes, and nothing else of the repository. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmodSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PATHS } from '../../../protocol/http.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { Backend } from '../../../server/backend.ts';
import { openRepos } from '../../../server/repos/store.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import {
  commitAll,
  git,
  gitAsync,
  gitBytes,
  initRepository,
  removeFolder,
  temporaryFolder,
  write,
} from '../../support/git.ts';
import { backend, client, finished, taskRequest, TOKEN, type TestClient } from './harness.ts';

const BASE = Buffer.from('one\r\ntwo\n');
const RESULT = Buffer.from([0, 255, 1, 13, 10, 0]);
const MAX_BYTES = 4_096;

let dir: string;
let work: string;
let repos: Repos;
let running: Backend;
let peer: TestClient;
let taskId: string;

/** Turn 1 changes `a.txt` to bytes and moves a file; turn 2 adds a file that is too large, and a link. */
const results: string[] = [];

before(async () => {
  dir = temporaryFolder('codex-files');
  work = join(dir, 'work');
  initRepository(work);
  write(work, 'a.txt', BASE);
  write(work, 'same.txt', 'never changed\n');
  write(work, 'moved.txt', 'moves along\n');
  const base = commitAll(work, 'base');
  write(work, 'a.txt', RESULT);
  renameSync(join(work, 'moved.txt'), join(work, 'there.txt'));
  chmodSync(join(work, 'there.txt'), 0o755);
  results.push(commitAll(work, 'first'));
  rmSync(join(work, 'there.txt'));
  write(work, 'large.bin', Buffer.alloc(MAX_BYTES + 1));
  symlinkSync('a.txt', join(work, 'link'));
  results.push(commitAll(work, 'second'));

  repos = await openRepos({ dataDir: join(dir, 'data') });
  running = await backend({
    dataDir: join(dir, 'data'),
    repos,
    limits: { patchBytes: MAX_BYTES },
    runTurn: async (turn) => {
      await turn.setState('running');
      const resultSha = results[turn.turn - 1]!;
      const patch = Buffer.from('not looked at');
      const summary = { bytes: patch.length, sha256: 'x', files: 1, added: 0, removed: 0, binaries: 1 };
      await turn.setResult(1, { resultSha, patch, summary, files: [] });
      await turn.finish({ answer: 'done', usage: NO_USAGE });
    },
  });
  const repoId = await repos.resolve({ name: 'work', remote: null, folder: 'work' });
  for (const sha of [base, ...results]) {
    await gitAsync(work, [
      ...['-c', `http.extraHeader=Authorization: Bearer ${TOKEN}`],
      ...['push', '-q', running.url + PATHS.git(repoId), `${sha}:refs/codex/in/${randomUUID()}`],
    ]);
  }
  peer = await client(running.url);
  const request = taskRequest({ repo: { repoId, name: 'work', sha: base, includesLocal: false } });
  taskId = (await peer.call('task.create', request)).task.id;
  await peer.call('task.subscribe', { taskId, after: 0 });
  await peer.event((event) => event.turn === 1 && finished(event));
  await peer.call('turn.create', { requestId: 'follow-up-files', taskId, prompt: 'and' });
  await peer.event((event) => event.turn === 2 && finished(event));
});
after(async () => {
  peer.ws.close();
  await running.close();
  removeFolder(dir);
});

const oid = (name: string) => git(work, ['rev-parse', name]);

async function file(id: string, turn = 1, query = ''): Promise<[number, Buffer | string]> {
  const response = await fetch(running.url + PATHS.file(taskId, turn, 1, id) + query, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return [response.status, response.ok ? bytes : (JSON.parse(bytes.toString()) as { code: string }).code];
}

test('both sides of a changed file come as they are', async () => {
  const [base, first] = [oid(`${results[0]}~:a.txt`), oid(`${results[0]}:a.txt`)];
  assert.deepEqual(await file(base), [200, BASE]);
  assert.deepEqual(await file(first), [200, RESULT]);
  assert.deepEqual(await file(oid(`${results[0]}:there.txt`)), [200, Buffer.from('moves along\n')]);
  assert.deepEqual(await file(oid(`${results[1]}:link`), 2), [200, Buffer.from('a.txt')]);
});

test('nothing else of the repository is given, and nothing for another name or attempt', async () => {
  assert.deepEqual(await file(oid(`${results[0]}:same.txt`)), [404, 'notFound']);
  assert.deepEqual(await file(results[0]!), [404, 'notFound']);
  assert.deepEqual(await file(oid(`${results[0]}^{tree}`)), [404, 'notFound']);
  assert.deepEqual(await file('0'.repeat(40)), [404, 'notFound']);
  assert.deepEqual(await file('HEAD'), [400, 'badRequest']);
  assert.deepEqual(await file(oid(`${results[1]}:link`)), [404, 'notFound'], 'of a later turn');
  assert.deepEqual(await file(oid(`${results[0]}:a.txt`), 3), [404, 'notFound']);
  const stranger = await fetch(running.url + PATHS.file(taskId, 1, 1, oid(`${results[0]}:a.txt`)));
  assert.equal(stranger.status, 401);
});

test('what came after an earlier turn has the sides of that step', async () => {
  assert.deepEqual(await file(oid(`${results[0]}:there.txt`), 2, '?from=1'), [
    200,
    gitBytes(work, ['cat-file', 'blob', `${results[0]}:there.txt`]),
  ]);
  assert.deepEqual(await file(oid(`${results[0]}:a.txt`), 2, '?from=1'), [404, 'notFound']);
});

test('a file over the limit is refused by its size', async () => {
  assert.deepEqual(await file(oid(`${results[1]}:large.bin`), 2), [429, 'limitReached']);
});
