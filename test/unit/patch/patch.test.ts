import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import {
  applyFilePatch,
  blobId,
  parsePatch,
  pathFromBytes,
  writePatch,
} from '../../../client/patch/index.ts';
import { decodeLines, encodeLines } from '../../../client/patch/base85.ts';
import { applyDelta } from '../../../client/patch/delta.ts';
import { quote, unquote } from '../../../client/patch/names.ts';
import { CodexError } from '../../../protocol/errors.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const HEAD = 'diff --git a/f b/f\n--- a/f\n+++ b/f\n';

function only(text: string) {
  const patch = parsePatch(bytes(text));
  assert.equal(patch.files.length, 1);
  return patch.files[0]!;
}

function applied(before: string, patch: string): string | string[] {
  const outcome = applyFilePatch(bytes(before), only(patch));
  return outcome.ok ? Buffer.from(outcome.bytes).toString('latin1') : [outcome.reason];
}

const unreadable = (error: unknown) => error instanceof CodexError && error.code === 'resultUnreadable';

test('a name in C-style quotes comes back as its bytes', () => {
  const file = only(
    'diff --git "a/t\\tn\\n\\"\\\\\\377" "b/t\\tn\\n\\"\\\\\\377"\nold mode 100644\nnew mode 100755\n',
  );
  assert.deepEqual(file.newPath, pathFromBytes(bytes('t\tn\n"\\\xff')));
  assert.equal(file.kind, 'modeChanged');
});

test('quoting and unquoting are inverse for every byte', () => {
  const all = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
  for (const quotePath of [true, false]) assert.deepEqual(unquote(quote(all, quotePath)), all);
});

test('a plain name with spaces is found in the first line of a mode change', () => {
  const file = only('diff --git a/x b/y b/x b/y\nold mode 100644\nnew mode 100755\n');
  assert.equal(file.newPath.path, 'x b/y');
});

test('a name that is not UTF-8 keeps its bytes and is written back as it was', () => {
  const text = 'diff --git "a/\\377" "b/\\377"\nold mode 100644\nnew mode 100755\n';
  assert.equal(writePatch(parsePatch(bytes(text))).toString('latin1'), text);
  const raw = 'diff --git a/\xff b/\xff\nold mode 100644\nnew mode 100755\n';
  assert.equal(writePatch(parsePatch(bytes(raw))).toString('latin1'), raw);
});

test('a file without a final newline gets none, and one with it keeps it', () => {
  assert.equal(
    applied(
      'a\nb',
      `${HEAD}@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n`,
    ),
    'a\nc',
  );
  assert.equal(
    applied('a\nb', `${HEAD}@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n`),
    'a\nb\n',
  );
  assert.deepEqual(applied('a\nb\n', `${HEAD}@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n`), [
    'contextChanged',
  ]);
});

test('carriage returns and mixed line ends pass unchanged', () => {
  assert.equal(
    applied('a\r\nb\nc\r', `${HEAD}@@ -1,3 +1,3 @@\n a\r\n-b\n+B\r\n c\r\n\\ No newline at end of file\n`),
    'a\r\nB\r\nc\r',
  );
});

const LINES = Array.from({ length: 30 }, (_, index) => `line ${index}\n`);
const MIDDLE = `${HEAD}@@ -15,3 +15,3 @@\n line 14\n-line 15\n+changed\n line 16\n`;

test('hunks find their lines where edits elsewhere have moved them, and keep the edits', () => {
  const moved = ['mine\n', ...LINES.slice(0, 20), 'mine too\n', ...LINES.slice(20)];
  const expected = moved.map((line) => (line === 'line 15\n' ? 'changed\n' : line)).join('');
  assert.equal(applied(moved.join(''), MIDDLE), expected);
});

test('of two places that fit, the nearest counts', () => {
  const block = 'line 14\nline 15\nline 16\n';
  const text = `${block}${'x\n'.repeat(12)}${block}`;
  assert.equal(applied(text, MIDDLE), `${block}${'x\n'.repeat(12)}line 14\nchanged\nline 16\n`);
});

test('a hunk whose lines were edited is a conflict, and no line is guessed', () => {
  assert.deepEqual(applied(LINES.join('').replace('line 16', 'mine'), MIDDLE), ['contextChanged']);
});

test("a hunk at the file's start does not move into the middle", () => {
  const patch = `${HEAD}@@ -1,3 +1,4 @@\n+top\n a\n b\n c\n`;
  assert.equal(applied('a\nb\nc\nd\n', patch), 'top\na\nb\nc\nd\n');
  assert.deepEqual(applied('mine\na\nb\nc\nd\n', patch), ['contextChanged']);
});

test("a hunk at the file's end does not move into the middle", () => {
  const patch = `${HEAD}@@ -1,3 +1,4 @@\n a\n b\n c\n+end\n`;
  assert.equal(applied('mine\na\nb\nc\n', patch), 'mine\na\nb\nc\nend\n');
  assert.deepEqual(applied('a\nb\nc\nmine\n', patch), ['contextChanged']);
});

test('the ids of the index line are held against both sides', () => {
  const [one, two] = [bytes('a\n'), bytes('b\n')];
  for (const format of ['sha1', 'sha256'] as const) {
    const patch = (to: string) =>
      `diff --git a/f b/f\nindex ${blobId(one, format)}..${to} 100644\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n`;
    assert.equal(applied('a\n', patch(blobId(two, format))), 'b\n');
    assert.deepEqual(applied('a\n', patch(blobId(bytes('c\n'), format))), ['corruptPatch']);
  }
});

test("the id of a blob is git's", () => {
  assert.equal(blobId(bytes('')), 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
  assert.equal(
    blobId(bytes(''), 'sha256'),
    '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
  );
});

test('base85 is inverse to itself for every length of a line', () => {
  for (let length = 0; length < 210; length++) {
    const input = Buffer.from(Array.from({ length }, (_, index) => (index * 151 + length) & 255));
    const lines = encodeLines(input);
    const decoded = decodeLines(lines, 0);
    assert.deepEqual(decoded?.bytes, input);
    assert.equal(decoded?.next, lines.length);
  }
});

function binaryPatch(before: Buffer, content: Buffer, size = content.length, method = 'literal'): string {
  const after = method === 'literal' ? content : (applyDelta(before, content, 1e6) ?? bytes(''));
  return (
    `diff --git a/f b/f\nindex ${blobId(before)}..${blobId(after)} 100644\nGIT binary patch\n` +
    `${method} ${size}\n${encodeLines(deflateSync(content)).toString('latin1')}`
  );
}

test('a binary change demands the exact file that it was made from', () => {
  const patch = binaryPatch(bytes('\0old'), bytes('\0new'));
  assert.equal(applied('\0old', patch), '\0new');
  assert.deepEqual(applied('\0mine', patch), ['contentChanged']);
});

test('a delta copies from the old file and inserts', () => {
  const delta = Buffer.from([4, 6, 0x90, 4, 2, 120, 121]);
  assert.equal(applied('abcd', binaryPatch(bytes('abcd'), delta, delta.length, 'delta')), 'abcdxy');
});

test('a delta that reaches outside, lies about sizes or ends early gives nothing', () => {
  const base = bytes('abcd');
  for (const delta of [
    [4, 6, 0x91, 3, 4],
    [5, 4, 0x90, 4],
    [4, 9, 0x90, 4],
    [4, 4, 0],
    [4, 4, 0x90],
    [4, 4, 9, 1],
    [4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    [],
  ]) {
    assert.equal(applyDelta(base, Buffer.from(delta), 1e6), null, String(delta));
  }
});

test('a deflate bomb stops at the size that the patch promised', () => {
  assert.deepEqual(applied('\0a', binaryPatch(bytes('\0a'), Buffer.alloc(50_000_000), 10)), ['corruptPatch']);
});

test('the search for moved lines ends however hostile the file and the patch are', () => {
  const before = 'a\n'.repeat(200_000);
  const old = `${' a\n'.repeat(20_000)}-b\n${' a\n'.repeat(20_000)}`;
  const started = performance.now();
  assert.deepEqual(applied(before, `${HEAD}@@ -90000,40001 +90000,40000 @@\n${old}`), ['tooCostly']);
  assert.ok(performance.now() - started < 20_000);
});

const HOSTILE: Record<string, string> = {
  'no patch at all': 'hello\n',
  'a patch of no git': '--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n',
  'text after the last hunk': `${HEAD}@@ -1 +1 @@\n-a\n+b\ngarbage\n`,
  'a hunk that ends early': `${HEAD}@@ -1,9 +1 @@\n-a\n+b\n`,
  'a hunk with too many lines': `${HEAD}@@ -1 +1 @@\n-a\n-a\n+b\n`,
  'an impossible line number': `${HEAD}@@ -9999999999 +1 @@\n-a\n+b\n`,
  'an empty hunk': `${HEAD}@@ -0,0 +0,0 @@\n`,
  'no hunk': HEAD,
  'a cut last line': `${HEAD}@@ -1 +1 @@\n-a\n+b`,
  'a missing newline in the middle': `${HEAD}@@ -1,2 +1,2 @@\n a\n\\ No newline at end of file\n-b\n+c\n`,
  'two names without a rename': 'diff --git a/f b/g\n--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n',
  'a foreign prefix': 'diff --git x/f y/f\n--- x/f\n+++ y/f\n@@ -1 +1 @@\n-a\n+b\n',
  'a bad escape in a name': 'diff --git "a/\\9" "b/\\9"\nold mode 100644\nnew mode 100755\n',
  'a NUL in a name': 'diff --git "a/\\000" "b/\\000"\nold mode 100644\nnew mode 100755\n',
  'an empty name': 'diff --git a/ b/\nold mode 100644\nnew mode 100755\n',
  'an unknown mode': 'diff --git a/f b/f\nold mode 100644\nnew mode 104755\n',
  'half a rename': 'diff --git a/f b/g\nrename from f\n',
  'a header line twice': 'diff --git a/f b/f\nold mode 100644\nold mode 100644\nnew mode 100755\n',
  'a new file that is also deleted': 'diff --git a/f b/f\nnew file mode 100644\ndeleted file mode 100644\n',
  'a new file with an old id': `diff --git a/f b/f\nnew file mode 100644\nindex ${'1'.repeat(40)}..${'2'.repeat(40)}\n`,
  'broken base85': 'diff --git a/f b/f\nindex 1111111..2222222 100644\nGIT binary patch\nliteral 3\nCabc\n\n',
  'base85 without an end': 'diff --git a/f b/f\nindex 1111111..2222222 100644\nGIT binary patch\nliteral 3\nC00000\n',
  'an impossible binary size': 'diff --git a/f b/f\nindex 1111111..2222222 100644\nGIT binary patch\nliteral 9999999999\nC00000\n\n',
}; // prettier-ignore

for (const [what, text] of Object.entries(HOSTILE)) {
  test(`${what} is a clear error`, () => {
    assert.throws(() => parsePatch(bytes(text)), unreadable);
  });
}

test('a patch over the limit is not read', () => {
  assert.throws(
    () => parsePatch(bytes(MIDDLE), { maxBytes: 10 }),
    (error: unknown) => error instanceof CodexError && error.code === 'patchTooLarge',
  );
});

test('random damage to a patch ends in an error or in another patch, never in a crash or a hang', () => {
  const sound = bytes(
    MIDDLE +
      binaryPatch(bytes('\0a'), bytes('\0b')) +
      'diff --git "a/\\377" "b/\\377"\nold mode 100644\nnew mode 100755\n',
  );
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 0x7fffffff) % below;
  for (let round = 0; round < 3000; round++) {
    const damaged = Buffer.from(sound);
    for (let times = 1 + random(4); times > 0; times--) damaged[random(damaged.length)] = random(256);
    try {
      for (const file of parsePatch(damaged.subarray(0, 1 + random(damaged.length))).files) {
        applyFilePatch(bytes(LINES.join('')), file);
      }
    } catch (error) {
      assert.ok(error instanceof CodexError, String(error));
    }
  }
});
