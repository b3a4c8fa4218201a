/**
 * Each kind of change that git documents, by name, as git itself writes it with every option that we may
 * meet: read for what it is, and written back byte for byte.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { after, test } from 'node:test';
import { parsePatch, writePatch, type FilePatch } from '../../../client/patch/index.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { git, scratch, treeId, writeTree, type Entry, type Tree } from '../apply/trees.ts';

const base = scratch('git-cases');
after(() => fs.rmSync(base, { recursive: true, force: true }));
const store = `${base}/store.git`;
git(base, ['init', '-q', '--bare', store]);

const file = (content: string | Buffer, mode: Entry['mode'] = '100644'): Entry => ({
  mode,
  bytes: Buffer.from(content),
});
const lines = (word: string, count = 40) =>
  Array.from({ length: count }, (_, index) => `${word} ${index}\n`).join('');
const noise = (seed: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, index) => (index * index * seed + index * 7) & 255));

/** Before and after of each case, in a folder of its own. Null: absent. */
const CASES: Record<string, { from: Record<string, Entry>; to: Record<string, Entry>; is: string[] }> = {
  'a mode change': { from: { f: file('a\n') }, to: { f: file('a\n', '100755') }, is: ['modeChanged none'] },
  'a mode change with an edit': { from: { f: file('a\n') }, to: { f: file('b\n', '100755') }, is: ['modified text'] },
  'a rename': { from: { old: file(lines('r')) }, to: { new: file(lines('r')) }, is: ['renamed none'] },
  'a rename with an edit': { from: { old: file(lines('e')) }, to: { new: file(lines('e').replace('e 7', 'E')) }, is: ['renamed text'] },
  'a rename of a binary with an edit': { from: { old: file(Buffer.concat([noise(3, 3000), Buffer.alloc(9)])) }, to: { new: file(Buffer.concat([noise(3, 3000), Buffer.from('\0changed')])) }, is: ['renamed binary'] },
  'a rename with a mode': { from: { old: file(lines('m')) }, to: { new: file(lines('m'), '100755') }, is: ['renamed none'] },
  'a new file': { from: {}, to: { f: file('a\n') }, is: ['added text'] },
  'a new empty file': { from: {}, to: { f: file('') }, is: ['added none'] },
  'a deleted file': { from: { f: file('gone\n') }, to: {}, is: ['deleted text'] },
  'a deleted empty file': { from: { f: file('') }, to: {}, is: ['deleted none'] },
  'a file that becomes empty': { from: { f: file('a\n') }, to: { f: file('') }, is: ['modified text'] },
  'a symlink that points elsewhere': { from: { f: file('a', '120000') }, to: { f: file('b', '120000') }, is: ['modified text'] },
  'a symlink that becomes a file': { from: { f: file('a', '120000') }, to: { f: file('a\n') }, is: ['deleted text', 'added text'] },
  'a file that becomes a symlink': { from: { f: file('a\n') }, to: { f: file('a', '120000') }, is: ['deleted text', 'added text'] },
  'a file that becomes a folder': { from: { f: file('was a file\n') }, to: { 'f/g': file('is\nanother\n') }, is: ['deleted text', 'added text'] },
  'a newline that is lost': { from: { f: file('a\nb\n') }, to: { f: file('a\nb') }, is: ['modified text'] },
  'a newline that comes': { from: { f: file('a\nb') }, to: { f: file('a\nb\n') }, is: ['modified text'] },
  'no newline on either side': { from: { f: file('a\nb') }, to: { f: file('a\nc') }, is: ['modified text'] },
  'a binary as a literal': { from: { f: file(noise(5, 40)) }, to: { f: file(noise(11, 40)) }, is: ['modified binary'] },
  'a binary as a delta, both ways': { from: { f: file(noise(13, 9000)) }, to: { f: file(Buffer.concat([noise(13, 9000), Buffer.from([0, 1])])) }, is: ['modified binary'] },
  'a text that becomes a binary': { from: { f: file('a\n') }, to: { f: file('a\0\n') }, is: ['modified binary'] },
  'CRLF': { from: { f: file('a\r\nb\r\n') }, to: { f: file('a\r\nc\r\n') }, is: ['modified text'] },
  'ends of lines alone': { from: { f: file('a\r\nb\r\n') }, to: { f: file('a\nb\n') }, is: ['modified text'] },
  'a lone carriage return': { from: { f: file('a\rb\n') }, to: { f: file('a\rc\r') }, is: ['modified text'] },
  'quoted names': { from: { 'a "b"\t\\c\nd': file('a\n') }, to: { 'a "b"\t\\c\nd': file('b\n') }, is: ['modified text'] },
  'a name with spaces at its ends': { from: { ' a b ': file('a\n') }, to: { ' a b ': file('b\n') }, is: ['modified text'] },
  'a name that looks like two': { from: { 'x b/x': file('a\n') }, to: { 'x b/x': file('a\n', '100755') }, is: ['modeChanged none'] },
  'a name of UTF-8': { from: { '\xc3\xa4': file('a\n') }, to: { '\xc3\xa4': file('b\n') }, is: ['modified text'] },
  'a name of no UTF-8': { from: { '\xff\xfe': file('a\n') }, to: { '\xff\xfe': file('b\n') }, is: ['modified text'] },
  'lines that look like headers': { from: { f: file('-- a/f\n++ b/f\n') }, to: { f: file('diff --git a/f b/f\n@@ -1 +1 @@\n\\ No newline at end of file\n') }, is: ['modified text'] },
}; // prettier-ignore

const CASE_NAMES = Object.keys(CASES);
const treeOf = (side: 'from' | 'to') => {
  const tree: Tree = new Map();
  for (const [index, name] of CASE_NAMES.entries()) {
    for (const [path, entry] of Object.entries(CASES[name]![side])) tree.set(`case${index}/${path}`, entry);
  }
  const folder = `${base}/${side}`;
  fs.mkdirSync(folder);
  writeTree(folder, tree);
  return treeId(store, folder);
};
const [one, two] = [treeOf('from'), treeOf('to')];

const diff = (flags: string[], left = one, right = two, config: string[] = []) =>
  git(store, [...config.flatMap((pair) => ['-c', pair]), 'diff', '--binary', '--full-index', '-M', '--no-color', ...flags, left, right]); // prettier-ignore

function folderOf({ newPath }: FilePatch): string {
  return newPath.path.split('/')[0]!;
}

test('every documented kind of change is read for what it is', () => {
  // Else the empty file that goes and the one that comes are one that moves.
  const { files } = parsePatch(diff(['--no-rename-empty']));
  for (const [index, name] of CASE_NAMES.entries()) {
    const own = files.filter((one) => folderOf(one) === `case${index}`);
    assert.deepEqual(
      own.map(({ kind, body }) => `${kind} ${body.type}`),
      CASES[name]!.is,
      name,
    );
  }
  const delta = files.find(
    (one) => folderOf(one) === `case${CASE_NAMES.indexOf('a binary as a delta, both ways')}`,
  );
  assert.ok(delta?.body.type === 'binary' && delta.body.forward.method === 'delta' && delta.body.reverse?.method === 'delta'); // prettier-ignore
});

const FLAGS: string[][] = [
  ...Array.from({ length: 11 }, (_, width) => [`-U${width}`]),
  ['-B'],
  ['-B', '-C', '--find-copies-harder'],
  ['--no-renames'],
  ['--function-context'],
  ['--inter-hunk-context=5'],
  ['--patience'],
  ['--histogram'],
  ['--abbrev=8', '--no-full-index'],
  ['--ignore-space-at-eol'],
  ['--text'],
];

test('what git writes with any of its options is written back byte for byte', () => {
  for (const flags of FLAGS) {
    for (const quotePath of ['core.quotePath=true', 'core.quotePath=false']) {
      for (const [left, right] of [[one, two], [two, one]] as const) {
        const bytes = diff(flags, left, right, [quotePath]);
        assert.ok(bytes.length > 1000);
        assert.ok(writePatch(parsePatch(bytes)).equals(bytes), `${flags.join(' ')} ${quotePath}`);
      } // prettier-ignore
    }
  }
});

test('a rewrite and a copy keep what git says of them', () => {
  const write = (name: string, tree: Tree) => {
    fs.mkdirSync(`${base}/${name}`);
    writeTree(`${base}/${name}`, tree);
    return treeId(store, `${base}/${name}`);
  };
  const left = write('left', new Map([['f', file(lines('old', 90))]]));
  const right = write('right', new Map([['f', file(lines('entirely new', 90))], ['copy', file(lines('old', 90))]])); // prettier-ignore
  const bytes = diff(['-B', '-C', '--find-copies-harder'], left, right);
  const { files } = parsePatch(bytes);
  assert.ok(writePatch({ files, quotePath: true }).equals(bytes));
  assert.deepEqual(files.map(({ kind }) => kind).sort(), ['copied', 'modified'].concat(files.length > 2 ? ['renamed'] : []).sort()); // prettier-ignore
  assert.equal(files.find(({ kind }) => kind === 'modified')?.similarity?.word, 'dissimilarity');
});

test('other prefixes than git’s own are refused with the line, never guessed', () => {
  for (const flags of [['--no-prefix'], ['-R'], ['--src-prefix=old/', '--dst-prefix=new/']]) {
    assert.throws(
      () => parsePatch(diff(flags)),
      (error: unknown) => error instanceof CodexError && error.code === 'resultUnreadable' && typeof error.wire.params['line'] === 'number',
      flags.join(' '),
    ); // prettier-ignore
  }
});
