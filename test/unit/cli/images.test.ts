import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readPictures } from '../../../cli/run/images.ts';
import { runOptions } from '../../../cli/run/options.ts';
import { UsageError } from '../../../cli/usage.ts';
import { imageTypeOf } from '../../../protocol/images.ts';
import { LIMITS } from '../../../protocol/limits.ts';

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-images-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const says = (pattern: RegExp) => (error: unknown) =>
  error instanceof UsageError && pattern.test(error.message);

test('--image can be given several times', () => {
  const options = runOptions(['--image', 'a.png', '--image', 'b.png', 'look at these']);
  assert.ok(options !== 'help');
  assert.deepEqual(options.images, ['a.png', 'b.png']);
});

test('pictures are read with the names of their files', async () => {
  await writeFile(join(folder, 'shot.png'), PNG);
  assert.deepEqual(await readPictures([join(folder, 'shot.png')]), [{ name: 'shot.png', bytes: PNG }]);
});

test('a file that is missing, no file, no picture or too large is named with why', async () => {
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'text.png'), 'text');
  await writeFile(join(folder, 'large.png'), PNG);
  await truncate(join(folder, 'large.png'), LIMITS.attachmentBytes.default + 1);
  await assert.rejects(
    readPictures([join(folder, 'none.png')]),
    says(/--image: .*none\.png can’t be read \(ENOENT/),
  );
  await assert.rejects(readPictures([join(folder, 'sub')]), says(/sub can’t be read \(it is no file\)/));
  await assert.rejects(
    readPictures([join(folder, 'text.png')]),
    says(/text\.png is no image that can be sent/),
  );
  await assert.rejects(
    readPictures([join(folder, 'large.png')]),
    says(/large\.png is too large: an image may have 20\b/),
  );
  await assert.rejects(readPictures(Array.from({ length: 11 }, () => 'x')), says(/10 times/));
});

test('a picture is known by its first bytes', () => {
  const kinds = [
    ['image/png', PNG],
    ['image/jpeg', Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    ['image/gif', Buffer.from('GIF87a')],
    ['image/gif', Buffer.from('GIF89a')],
    ['image/webp', Buffer.from('RIFF\0\0\0\0WEBP')],
    [null, Buffer.from('GIF88a')],
    [null, Buffer.from('RIFF\0\0\0\0WAVE')],
    [null, Buffer.from('<svg xmlns')],
    [null, Buffer.alloc(0)],
  ] as const;
  for (const [kind, bytes] of kinds) assert.equal(imageTypeOf(bytes), kind, bytes.toString('latin1'));
});
