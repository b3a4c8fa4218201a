import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { applyPatch, patchOf } from './run.ts';

let outer = '';
let folder = '';

beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), 'apply-patch-'));
  folder = join(outer, 'work');
  mkdirSync(folder);
});
afterEach(() => rmSync(outer, { recursive: true, force: true }));

const write = (path: string, content: string | Buffer) => writeFileSync(join(folder, path), content);
const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const change = (path: string) => patchOf(`*** Update File: ${path}`, '@@', '-a', '+b');

test('the patch can be the argument', () => {
  write('x', 'a\n');
  assert.equal(applyPatch(folder, change('x'), 'argument').code, 0);
  assert.equal(read('x'), 'b\n');
});

test('no patch at all is wrong use', () => {
  assert.equal(applyPatch(folder, '').code, 2);
});

test('the report names each file with what became of it', () => {
  write('m', 'a\n');
  write('d', 'a\n');
  const patch = patchOf(
    '*** Add File: n',
    '+n',
    '*** Update File: m',
    '@@',
    '-a',
    '+b',
    '*** Delete File: d',
  );
  assert.equal(applyPatch(folder, patch).output, 'Success. Updated the following files:\nA n\nM m\nD d\n');
});

test('an executable file stays executable, also when it moves', () => {
  write('run.sh', 'a\n');
  chmodSync(join(folder, 'run.sh'), 0o755);
  assert.equal(applyPatch(folder, change('run.sh')).code, 0);
  assert.equal(statSync(join(folder, 'run.sh')).mode & 0o777, 0o755);
  applyPatch(folder, patchOf('*** Update File: run.sh', '*** Move to: bin/run.sh', '@@', '-b', '+c'));
  assert.equal(statSync(join(folder, 'bin/run.sh')).mode & 0o777, 0o755);
});

test('a link inside of the folder stays a link and its target is changed', () => {
  write('target', 'a\n');
  symlinkSync('target', join(folder, 'link'));
  assert.equal(applyPatch(folder, change('link')).code, 0);
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
  assert.equal(read('target'), 'b\n');
});

test('deleting a link leaves its target', () => {
  write('target', 'a\n');
  symlinkSync('target', join(folder, 'link'));
  assert.equal(applyPatch(folder, patchOf('*** Delete File: link')).code, 0);
  assert.deepEqual(readdirSync(folder), ['target']);
});

test('a link to a file outside is refused', () => {
  writeFileSync(join(outer, 'secret'), 'a\n');
  symlinkSync('../secret', join(folder, 'link'));
  const run = applyPatch(folder, change('link'));
  assert.equal(run.code, 1);
  assert.match(run.error, /symbolic link out of the working directory/);
  assert.equal(readFileSync(join(outer, 'secret'), 'utf8'), 'a\n');
});

test('a linked folder that leads outside is refused for every kind of change', () => {
  mkdirSync(join(outer, 'elsewhere'));
  writeFileSync(join(outer, 'elsewhere/x'), 'a\n');
  symlinkSync('../elsewhere', join(folder, 'dir'));
  for (const patch of [
    change('dir/x'),
    patchOf('*** Add File: dir/sub/new', '+n'),
    patchOf('*** Delete File: dir/x'),
  ]) {
    assert.equal(applyPatch(folder, patch).code, 1);
  }
  assert.deepEqual(readdirSync(join(outer, 'elsewhere')), ['x']);
});

test('a dangling link is no way to make a file outside', () => {
  symlinkSync('../made', join(folder, 'link'));
  assert.equal(applyPatch(folder, patchOf('*** Add File: link', '+n')).code, 1);
  assert.deepEqual(readdirSync(outer), ['work']);
});

test('moving to a place outside is refused and the file stays', () => {
  write('x', 'a\n');
  assert.equal(applyPatch(folder, patchOf('*** Update File: x', '*** Move to: ../y')).code, 1);
  assert.equal(read('x'), 'a\n');
  assert.deepEqual(readdirSync(outer), ['work']);
});

test('a failure while writing takes everything back', () => {
  write('x', 'a\n');
  write('file', 'f\n');
  // `file` is in the way of a folder of that name, which shows only while writing.
  const patch = patchOf(
    '*** Update File: x',
    '@@',
    '-a',
    '+b',
    '*** Add File: new/y',
    '+y',
    '*** Add File: file/z',
    '+z',
  );
  const run = applyPatch(folder, patch);
  assert.equal(run.code, 1);
  assert.match(run.error, /Nothing was changed/);
  assert.deepEqual(readdirSync(folder).sort(), ['file', 'x']);
  assert.equal(read('x'), 'a\n');
  assert.equal(read('file'), 'f\n');
});

test('the error shows what was looked for, and what stands at the nearest place', () => {
  write('x', 'one\ntwo\nthree\nfour\n');
  const run = applyPatch(folder, patchOf('*** Update File: x', '@@', ' two', '-threee', '+3', ' four'));
  assert.match(run.error, /x: change 1 \(line 3 of the patch\)/);
  assert.match(run.error, / {2}\| threee/);
  assert.match(run.error, /nearest place in the file is line 2/);
  assert.match(run.error, /first difference is in line 3/);
});

test('a name that is not UTF-8 can be patched', () => {
  const name = Buffer.from([0x78, 0xe9]);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'a\n');
  const patch = Buffer.concat([
    Buffer.from('*** Begin Patch\n*** Update File: '),
    name,
    Buffer.from('\n@@\n-a\n+b\n*** End Patch\n'),
  ]);
  assert.equal(applyPatch(folder, patch).code, 0);
  assert.deepEqual(readdirSync(folder, 'buffer'), [name]);
});

test('bytes that are no UTF-8 go from the patch to the file as they are', () => {
  write('x', Buffer.from([0xe9, 0x0a]));
  const patch = Buffer.from(patchOf('*** Update File: x', '@@', '-\xe9', '+\xe8\xff'), 'latin1');
  assert.equal(applyPatch(folder, patch).code, 0);
  assert.deepEqual(readFileSync(join(folder, 'x')), Buffer.from([0xe8, 0xff, 0x0a]));
});

test('an absolute path inside of the folder is as good, also by a link to the folder', () => {
  write('x', 'a\n');
  symlinkSync('work', join(outer, 'alias'));
  assert.equal(applyPatch(folder, change(join(folder, 'x'))).code, 0);
  assert.equal(read('x'), 'b\n');
  write('x', 'a\n');
  assert.equal(applyPatch(folder, change(join(outer, 'alias/x'))).code, 0);
  assert.equal(read('x'), 'b\n');
});

test('names may have signs that a shell or another system would take amiss', () => {
  const names = ['it\'s "a" $(x) *.txt', 'a\\b', '-n', '#', 'x;y|z&', '~', 'tab\there'];
  for (const name of names) write(name, 'a\n');
  const patch = patchOf(...names.flatMap((name) => [`*** Update File: ${name}`, '@@', '-a', '+b']));
  const run = applyPatch(folder, patch);
  assert.equal(run.code, 0, run.error);
  for (const name of names) assert.equal(read(name), 'b\n');
});

test('a name with a backslash is not mistaken for a folder', () => {
  mkdirSync(join(folder, 'a'));
  write('a/b', 'a\n');
  write('a\\b', 'a\n');
  assert.equal(applyPatch(folder, change('a\\b')).code, 0);
  assert.deepEqual([read('a\\b'), read('a/b')], ['b\n', 'a\n']);
});

test('a folder that is linked is not replaced by a file', () => {
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  const run = applyPatch(folder, patchOf('*** Add File: link', '+n'));
  assert.equal(run.code, 1);
  assert.match(run.error, /link to a folder/);
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
});

test('a special file is refused', () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const patch of [
    change('pipe'),
    patchOf('*** Add File: pipe', '+n'),
    patchOf('*** Delete File: pipe'),
  ]) {
    const run = applyPatch(folder, patch);
    assert.equal(run.code, 1);
    assert.match(run.error, /special file/);
  }
});

test('nothing is left beside the files, whether the patch fits or not', () => {
  write('x', 'a\n');
  write('file', 'f\n');
  applyPatch(folder, change('x'));
  applyPatch(folder, patchOf('*** Update File: x', '@@', '-b', '+c', '*** Add File: file/z', '+z'));
  assert.deepEqual(readdirSync(folder).sort(), ['file', 'x']);
  assert.equal(read('x'), 'b\n');
});
