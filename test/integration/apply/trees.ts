/** Random trees of files from a seed, on disk and back, and git's patch between two of them. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** By name as latin1, so that each byte of a name is one character. */
export type Tree = Map<string, Entry>;
export interface Entry {
  mode: '100644' | '100755' | '120000';
  bytes: Buffer;
}

export type Random = (below: number) => number;

/** mulberry32: a seed names a run for ever. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

const PARTS = [
  'a', 'b', 'src', 'lib', 'deep', 'x y', 'tab\tname', 'new\nline', 'quo"te', 'back\\slash', '\xfcber', '\xff\xfe', '.hidden',
  'Makefile', '\xc3\xa9t\xc3\xa9', ' lead', 'trail ', '-dash', 'a b ',
]; // prettier-ignore

function randomName(random: Random): string {
  const depth = 1 + random(random(6) === 0 ? 8 : 3);
  const parts = Array.from({ length: depth }, () => pick(random, PARTS));
  return `${parts.join('/')}${random(40)}${pick(random, ['', '.txt', '.bin', '.ts'])}`;
}

const WORDS = ['alpha', 'beta', 'gamma', 'delta', '', '}', '  return x;', 'function f() {', 'Gr\u00fc\u00dfe', '--- a/x', '+++ b', '@@ -1 +1 @@', '\\ No newline']; // prettier-ignore

function randomLines(random: Random, count: number, eol: () => string): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${pick(random, WORDS)}${random(3) ? index : ''}${eol()}`,
  );
}

function randomContent(random: Random): Buffer {
  const kind = random(12);
  if (kind === 0) return Buffer.alloc(0);
  if (kind === 1) return Buffer.from(Array.from({ length: random(3000) }, () => random(256)));
  const eols = kind === 2 ? ['\r\n'] : kind === 3 ? ['\n', '\r\n', '\r'] : ['\n'];
  let text = randomLines(random, 1 + random(120), () => pick(random, eols)).join('');
  if (random(5) === 0) text = text.replace(/\r?\n$/, '');
  if (kind === 4) return Buffer.from(`\ufeff${text}`, 'utf16le');
  if (kind === 5) return Buffer.from(text, 'latin1');
  if (kind === 6) return Buffer.from(`\ufeff${text}`);
  return Buffer.from(text);
}

function edited(random: Random, bytes: Buffer): Buffer {
  if (bytes.includes(0)) {
    const copy = Buffer.from(bytes);
    for (let times = random(5) + 1; times > 0 && copy.length > 0; times--)
      copy[random(copy.length)] = random(256);
    return random(3)
      ? copy
      : Buffer.concat([copy.subarray(0, random(copy.length + 1)), copy, Buffer.from([0, 1, 2])]);
  }
  const lines = bytes.toString('latin1').split(/(?<=\n)/);
  for (let times = random(6) + 1; times > 0; times--) {
    const at = random(lines.length + 1);
    const eol = bytes.includes('\r\n') ? '\r\n' : '\n';
    lines.splice(at, random(3), ...randomLines(random, random(3), () => eol));
  }
  return Buffer.from(random(8) === 0 ? lines.join('').replace(/\r?\n$/, '') : lines.join(''), 'latin1');
}

function randomEntry(random: Random): Entry {
  if (random(10) === 0)
    return {
      mode: '120000',
      bytes: Buffer.from(pick(random, ['a', '../up', '/etc/hosts', '\xff', 'x y\n'])),
    };
  return { mode: random(6) === 0 ? '100755' : '100644', bytes: randomContent(random) };
}

/** A file can't also be a folder, nor may a name be taken. */
function canAdd(tree: Tree, name: string): boolean {
  if (tree.has(name)) return false;
  const parts = name.split('/');
  for (let depth = 1; depth < parts.length; depth++)
    if (tree.has(parts.slice(0, depth).join('/'))) return false;
  const prefix = `${name}/`;
  return ![...tree.keys()].some((other) => other.startsWith(prefix));
}

function add(tree: Tree, random: Random, entry: Entry): void {
  for (let attempt = 0; attempt < 20; attempt++) {
    const name = randomName(random);
    if (!canAdd(tree, name)) continue;
    tree.set(name, entry);
    return;
  }
}

export function randomTree(random: Random): Tree {
  const tree: Tree = new Map();
  for (let count = 3 + random(14); count > 0; count--) add(tree, random, randomEntry(random));
  if (random(25) === 0) {
    add(tree, random, {
      mode: '100644',
      bytes: Buffer.from('a long line of text\n'.repeat(100_000 + random(1000))),
    });
  }
  return tree;
}

export function changedTree(random: Random, from: Tree): Tree {
  const tree = new Map(from);
  for (const [name, entry] of from) {
    switch (random(9)) {
      case 0:
        tree.delete(name);
        break;
      case 1:
      case 2:
        if (entry.mode !== '120000') tree.set(name, { ...entry, bytes: edited(random, entry.bytes) });
        break;
      case 3:
        if (entry.mode !== '120000')
          tree.set(name, { ...entry, mode: entry.mode === '100644' ? '100755' : '100644' });
        break;
      case 4: {
        tree.delete(name);
        add(
          tree,
          random,
          entry.mode !== '120000' && random(2) ? { ...entry, bytes: edited(random, entry.bytes) } : entry,
        );
        break;
      }
      case 5:
        if (random(2)) tree.set(name, randomEntry(random));
        break;
      case 6:
        // A file becomes a folder.
        if (random(3) === 0) {
          tree.delete(name);
          const inside = `${name}/inner${random(3)}`;
          if (canAdd(tree, inside)) tree.set(inside, randomEntry(random));
        }
        break;
      default:
    }
  }
  // A folder becomes a file, and two files swap their names.
  const folders = [...tree.keys()]
    .filter((name) => name.includes('/'))
    .map((name) => name.slice(0, name.indexOf('/')));
  if (folders.length > 0 && random(4) === 0) {
    const folder = pick(random, folders);
    for (const name of [...tree.keys()]) if (name.startsWith(`${folder}/`)) tree.delete(name);
    if (canAdd(tree, folder)) tree.set(folder, randomEntry(random));
  }
  const names = [...tree.keys()];
  if (names.length > 2 && random(3) === 0) {
    const [one, two] = [pick(random, names), pick(random, names)];
    const [left, right] = [tree.get(one)!, tree.get(two)!];
    tree.set(one, right);
    tree.set(two, left);
  }
  for (let count = random(5); count > 0; count--) add(tree, random, randomEntry(random));
  return tree;
}

/** Several pairs in one tree, each in a folder of its own: git's processes are what costs time. */
export function randomPairs(
  random: Random,
  count: number,
  fits: (bytes: Buffer) => boolean = () => true,
): { from: Tree; to: Tree } {
  const from: Tree = new Map();
  const to: Tree = new Map();
  for (let pair = 0; pair < count; pair++) {
    const one = randomTree(random);
    for (const [tree, into] of [[one, from], [changedTree(random, one), to]] as const) {
      for (const [name, entry] of tree) if (fits(entry.bytes)) into.set(`pair${pair}/${name}`, entry);
    }
  }
  return { from, to };
} // prettier-ignore

export function writeTree(root: string, tree: Tree): void {
  for (const [name, { mode, bytes }] of tree) {
    const path = pathOf(root, name);
    fs.mkdirSync(path.subarray(0, path.lastIndexOf(47)), { recursive: true });
    if (mode === '120000') fs.symlinkSync(bytes, path);
    else {
      fs.writeFileSync(path, bytes);
      fs.chmodSync(path, mode === '100755' ? 0o755 : 0o644);
    }
  }
}

export function pathOf(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')]);
}

/** Everything under `root` but `.git`, with full permissions; empty folders are named too. */
export function readTree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (prefix: string) => {
    const names = fs.readdirSync(pathOf(root, prefix), { encoding: 'buffer' });
    if (names.length === 0 && prefix !== '') found.set(prefix, 'empty folder');
    for (const raw of names) {
      const name = prefix + raw.toString('latin1');
      if (name === '.git') continue;
      const path = pathOf(root, name);
      const stat = fs.lstatSync(path);
      if (stat.isDirectory()) walk(`${name}/`);
      else if (stat.isSymbolicLink())
        found.set(name, `link ${fs.readlinkSync(path, { encoding: 'buffer' }).toString('hex')}`);
      else found.set(name, `${(stat.mode & 0o7777).toString(8)} ${fs.readFileSync(path).toString('base64')}`);
    }
  };
  walk('');
  return found;
}

export function expectedTree(tree: Tree): Map<string, string> {
  return new Map(
    [...tree].map(([name, { mode, bytes }]) => [
      name,
      mode === '120000'
        ? `link ${bytes.toString('hex')}`
        : `${mode === '100755' ? '755' : '644'} ${bytes.toString('base64')}`,
    ]),
  );
}

export const GIT_ENV = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
};

export function git(
  cwd: string,
  args: string[],
  env: Record<string, string> = {},
  input?: Uint8Array,
): Buffer {
  return execFileSync('git', args, {
    cwd,
    env: { ...GIT_ENV, ...env },
    maxBuffer: 1024 ** 3,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input ? { input } : {}),
  });
}

/** The id of a tree object for what lies in `folder`, kept in the bare repository `store`. */
export function treeId(store: string, folder: string): string {
  const index = `${store}/index-${Math.random().toString(36).slice(2)}`;
  const env = { GIT_DIR: store, GIT_WORK_TREE: folder, GIT_INDEX_FILE: index };
  git(folder, ['-c', 'core.bare=false', '-c', 'core.compression=0', 'add', '-A', '-f'], env);
  const id = git(folder, ['write-tree'], env).toString().trim();
  fs.rmSync(index);
  return id;
}

export const DIFF_FLAGS = ['--binary', '--full-index', '-M', '--no-ext-diff', '--no-textconv', '--no-color', '--src-prefix=a/', '--dst-prefix=b/']; // prettier-ignore

export function diff(store: string, from: string, to: string, flags: string[] = []): Buffer {
  return git(store, ['diff', ...DIFF_FLAGS, ...flags, from, to]);
}

export function scratch(prefix: string): string {
  return fs.mkdtempSync(join(fs.realpathSync(tmpdir()), `codex-tasks-${prefix}-`));
}
