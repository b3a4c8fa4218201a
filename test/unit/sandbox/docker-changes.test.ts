import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack } from 'tar-stream';
import type { Change } from '../../../server/sandbox/docker/changes-plan.ts';
import { listedAs, planChanges } from '../../../server/sandbox/docker/changes-plan.ts';
import { tarEntries } from '../../../server/sandbox/docker/tar.ts';
import { snapshotConfig } from '../../../server/sandbox/docker/snapshots.ts';

const GIB = 1024 ** 3;
const OURS = ['/opt/codex/tasks', '/run/codex', '/proc'];
const changes = (text: string): Change[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .map((line) => ({ Kind: line.startsWith('A') ? 1 : line.startsWith('D') ? 2 : 0, Path: line.slice(2) }));
const plan = (text: string, imageBytes = GIB): string[] =>
  planChanges(changes(text), OURS, imageBytes).map(({ take, path }) => `${take} ${path}`);

test('new folders are taken whole, changed files one by one, deleted ones not at all', () => {
  assert.deepEqual(
    plan(`C /etc
          C /etc/profile
          D /etc/issue
          C /srv
          A /srv/new
          A /srv/new/deep
          A /srv/new/deep/file
          A /srv/.npmrc
          C /usr`),
    ['one /etc/profile', 'all /srv/new', 'all /srv/.npmrc', 'one /usr'],
  );
});

test('what is ours is never read, nor a new folder that holds it taken whole', () => {
  assert.deepEqual(
    plan(`C /opt
          A /opt/codex
          A /opt/codex/tasks
          A /opt/codex/other
          A /opt/tool
          C /run
          A /run/codex
          A /run/codex/commands
          A /run/codexes`),
    ['all /opt/codex/other', 'all /opt/tool', 'all /run/codexes'],
  );
});

test('a name that is not UTF-8 is looked for in its nearest clean folder, once', () => {
  assert.deepEqual(
    plan(`C /srv
          C /srv/a
          A /srv/a/caf\ufffd
          A /srv/a/\ufffd\ufffd
          A /srv/a/\ufffd/below
          A /srv/a/clean
          A /srv/b`),
    ['listed /srv/a', 'all /srv/b'],
  );
  assert.deepEqual(plan('A /\ufffd'), ['listed /']);
  assert.equal(listedAs(Buffer.from('/srv/a/\xff\xfe\xff', 'latin1')), listedAs('/srv/a/\ufffd\ufffd\ufffd'));
});

test('so many single files that an export is cheaper are exported', () => {
  const many = (count: number): string =>
    Array.from({ length: count }, (_, index) => `C /usr/share/${index}/file`).join('\n');
  assert.equal(plan(many(100), GIB).length, 100);
  assert.deepEqual(plan(many(1_000), GIB), ['listed /']);
  assert.equal(plan(many(1_000), 100 * GIB).length, 1_000);
});

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

async function archive(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'folder', type: 'directory' });
  tar.entry({ name: 'folder/file' }, 'x'.repeat(1_000));
  tar.entry({ name: `folder/${'long'.repeat(60)}` }, 'long name');
  tar.entry({ name: 'folder/link', type: 'symlink', linkname: 'file' });
  tar.entry({ name: 'folder/hard', type: 'link', linkname: 'folder/file' });
  tar.entry({ name: 'folder/empty' }, '');
  tar.entry({ name: 'folder/last' }, 'last');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

for (const size of [1, 511, 512, 4_096, 1_000_000]) {
  test(`an archive is read in chunks of ${size}, whether its contents are or not`, async () => {
    const bytes = await archive();
    for (const reads of ['all', 'none', 'a part'] as const) {
      const seen: string[] = [];
      for await (const entry of tarEntries(inChunks(bytes, size))) {
        let content = '';
        if (entry.kind === 'file' && reads !== 'none') {
          for await (const chunk of entry.content as AsyncIterable<Buffer>) {
            content += chunk.toString();
            if (reads === 'a part') break;
          }
        }
        const what = reads === 'all' && entry.kind === 'file' ? ` ${content.length}` : '';
        seen.push(`${entry.kind} ${entry.path.toString().slice(0, 15)} ${entry.target.toString()}${what}`);
      }
      const sizes = reads === 'all' ? [' 1000', ' 9', ' 0', ' 4'] : ['', '', '', ''];
      assert.deepEqual(seen, [
        'folder folder ',
        `file folder/file ${sizes[0]}`,
        `file folder/longlong ${sizes[1]}`,
        'symlink folder/link file',
        'hardlink folder/hard folder/file',
        `file folder/empty ${sizes[2]}`,
        `file folder/last ${sizes[3]}`,
      ]);
    }
  });
}

test('an archive that is cut off or damaged is an error, not a shorter archive', async () => {
  const bytes = await archive();
  const read = async (some: Buffer): Promise<number> => {
    let count = 0;
    for await (const entry of tarEntries(inChunks(some, 300))) {
      count += entry.path.length;
      entry.content.resume();
    }
    return count;
  };
  await assert.rejects(read(bytes.subarray(0, 1_300)), /ends too early/);
  const damaged = Buffer.from(bytes);
  damaged[600] = 0xff;
  await assert.rejects(read(damaged), /damaged/);
});

test('an archive whose reader stops early is closed', async () => {
  const bytes = await archive();
  let closed = false;
  async function* source(): AsyncGenerator<Buffer> {
    try {
      yield* inChunks(bytes, 700);
    } finally {
      closed = true;
    }
  }
  for await (const entry of tarEntries(source())) if (entry.kind === 'file') break;
  assert.equal(closed, true);
});

test('a snapshot is configured as its image, and carries no label of its container', () => {
  const image = {
    Env: ['PATH=/bin'],
    Labels: { theirs: 'yes', 'codex-tasks.image': 'base' },
    Cmd: ['sh'],
    User: '',
  };
  const config = snapshotConfig(
    image as unknown as Parameters<typeof snapshotConfig>[0],
    { theirs: 'yes', 'codex-tasks.sandbox': 'true', 'codex-tasks.task': 't', 'codex-tasks.image': 'base' },
    { 'codex-tasks.prepared': 'true' },
  );
  assert.deepEqual(config, {
    Env: ['PATH=/bin'],
    Cmd: ['sh'],
    User: '',
    Entrypoint: [],
    Labels: {
      theirs: 'yes',
      'codex-tasks.image': '',
      'codex-tasks.sandbox': '',
      'codex-tasks.task': '',
      'codex-tasks.prepared': 'true',
    },
  });
});
