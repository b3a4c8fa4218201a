import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownImage, readContext } from '../../../server/sandbox/docker/contexts.ts';
import { imageUserName, understood } from '../../../server/sandbox/docker/probe.ts';

test('only two names are images of ours', () => {
  assert.equal(ownImage(undefined), 'base');
  assert.equal(ownImage('universal'), 'universal');
  assert.equal(ownImage('universal:1'), null);
});

test('a context is all files below its folder, and its image is named after their content', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'codex-tasks-context-'));
  try {
    mkdirSync(join(dir, 'scripts', 'deep'), { recursive: true });
    writeFileSync(join(dir, 'Dockerfile'), 'FROM x\n');
    writeFileSync(join(dir, 'scripts', 'deep', 'verify'), '#!/bin/sh\n', { mode: 0o600 });
    const context = await readContext('universal', dir);
    assert.deepEqual(
      context.files.map(({ path, mode }) => ({ path, mode })),
      [
        { path: 'Dockerfile', mode: 0o644 },
        { path: 'scripts/deep/verify', mode: 0o755 },
      ],
    );
    assert.equal(context.suite, 'trixie');
    assert.match(context.image, /^codex-tasks\/universal:[0-9a-f]{12}$/);
    writeFileSync(join(dir, 'scripts', 'deep', 'verify'), '#!/bin/sh\ntrue\n');
    assert.notEqual((await readContext('universal', dir)).image, context.image);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('what a probe says is an image’s user, or why it does not fit', () => {
  const user = (fields: object): string =>
    `user ${JSON.stringify({ uid: 1000, gid: 1000, home: '/home/node', writable: true, ...fields })}\nprobed\n`;
  assert.deepEqual(understood(user({})), { fits: true, user: { uid: 1000, gid: 1000, home: '/home/node' } });
  const homeOf = (fields: object): string => {
    const probed = understood(user(fields));
    return probed.fits ? probed.user.home : probed.why;
  };
  assert.equal(homeOf({ home: '/', writable: false }), '/home/codex');
  assert.equal(homeOf({ home: '/root', uid: 0, writable: false }), '/root');
  assert.equal(homeOf({ home: '/x\ny' }), '/home/codex');
  assert.equal(homeOf({ uid: -1 }), 'its user can’t be found out');

  const why = (said: string): string => {
    const probed = understood(said);
    return probed.fits ? '' : probed.why;
  };
  assert.equal(why(''), 'it has no /bin/sh that starts');
  assert.equal(why(`missing bash\nmissing git\n${user({})}`), 'it has no bash; it has no git');
  assert.match(why('musl\nnode not found\nprobed\n'), /musl/);
  const old =
    "node: libstdc++.so.6: version `GLIBCXX_3.4.26' not found libc.so.6: version `GLIBC_2.28' not found";
  assert.equal(why(`node ${old}\nprobed\n`), 'its glibc is older than 2.28');
  assert.match(why('node libstdc++.so.6: cannot open shared object file\nprobed\n'), /libstdc\+\+6/);
});

test('root stays root however an image says it', () => {
  assert.deepEqual(
    [undefined, '', 'root', '0', '0:0', 'root:root', 'node', '1000:1000', 'rooty'].map(imageUserName),
    ['0:0', '0:0', '0:0', '0:0', '0:0', '0:0', 'node', '1000:1000', 'rooty'],
  );
});
