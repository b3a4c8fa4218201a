/**
 * A patch is made by whoever talks to the model. Whatever it says: refused with the reason, nothing
 * outside of the folder or in .git is written, and neither memory nor time run away.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import {
  applyPlan,
  nodeFileIO,
  openCheckpoints,
  planApply,
  type FileIO,
} from '../../../client/apply/index.ts';
import { encodeLines } from '../../../client/patch/base85.ts';
import { blobId, parsePatch } from '../../../client/patch/index.ts';
import { quote } from '../../../client/patch/names.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { create, id, NONE, remove } from '../../unit/apply/patches.ts';

let base: string;
let root: string;

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'codex-tasks-hostile-'));
  root = join(base, 'root');
  fs.mkdirSync(join(root, '.git/hooks'), { recursive: true });
  fs.mkdirSync(join(base, 'outside'));
  fs.writeFileSync(join(base, 'outside/f'), 'a\n');
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

async function apply(patch: string | Buffer, io: FileIO = nodeFileIO(root)) {
  const plan = await planApply(root, parsePatch(Buffer.from(patch as string, 'latin1')), { io });
  const { results } = await applyPlan(plan, { checkpoints: openCheckpoints(join(base, 'checkpoints')), io, includeSelfRunning: () => true });
  return results.map(({ reason, status }) => reason ?? status);
} // prettier-ignore

/** Any name, as git would quote it. */
const at = (name: string) => {
  const quoted = (side: string) => quote(Buffer.from(`${side}/${name}`), true).toString('latin1');
  return `diff --git ${quoted('a')} ${quoted('b')}\nnew file mode 100644\nindex ${NONE}..${id('x\n')}\n--- /dev/null\n+++ ${quoted('b')}\n@@ -0,0 +1 @@\n+x\n`;
};

const untouched = () => {
  assert.deepEqual(fs.readdirSync(join(base, 'outside')), ['f']);
  assert.equal(fs.readFileSync(join(base, 'outside/f'), 'utf8'), 'a\n');
  assert.deepEqual(fs.readdirSync(join(root, '.git')), ['hooks']);
  assert.deepEqual(fs.readdirSync(join(root, '.git/hooks')), []);
};

const NAMES: Record<string, string[]> = {
  unsafePath: [
    '..', '../x', 'a/../../x', '/etc/x', '//host/share', 'a//b', './x', 'a/./b', 'C:/x', 'c:\\x', 'a\\..\\..\\x', '..\\x',
  ],
  insideGit: [
    '.git', '.git/config', '.GIT/hooks/post-checkout', 'sub/.Git/config', 'GIT~1/hooks/x', 'a/git~1', '.git./x', '.git /x', '.git . ./x',
    '.git::$INDEX_ALLOCATION/config', '.git:x', 'sub\\.git\\config', '.git\\hooks\\x',
    ...['\u200c', '\u200d', '\u200e', '\u200f', '\u202a', '\u202e', '\u206a', '\u206f', '\ufeff'].flatMap((mark) => [`.g${mark}it/config`, `${mark}.git`, `.GIT${mark}/x`]),
  ],
}; // prettier-ignore

test('no name leads out of the folder or into .git, in any spelling of any file system', async () => {
  for (const [reason, names] of Object.entries(NAMES)) {
    for (const name of names) assert.deepEqual(await apply(at(name)), [reason], JSON.stringify(name));
  }
  assert.deepEqual(fs.readdirSync(root), ['.git']);
  assert.deepEqual(fs.readdirSync(base).sort(), ['checkpoints', 'outside', 'root']);
  untouched();
});

test('the same names as a source, a deletion and a change read and remove nothing', async () => {
  for (const name of ['../outside/f', '.git/hooks', '/etc/hostname']) {
    const rename = `diff --git a/${name} b/stolen\nsimilarity index 100%\nrename from ${name}\nrename to stolen\n`;
    const reason = name.startsWith('.git') ? 'insideGit' : 'unsafePath';
    const copy = rename.replaceAll('rename', 'copy');
    const change = `diff --git a/${name} b/${name}\nold mode 100644\nnew mode 100755\n`;
    for (const patch of [rename, copy, change, remove(name, 'a\n')])
      assert.deepEqual(await apply(patch), [reason], patch);
  }
  assert.deepEqual(fs.readdirSync(root), ['.git']);
  untouched();
});

test('Windows’ devices and streams are no files there, whatever stands behind their dot', async () => {
  const io: FileIO = { ...nodeFileIO(root), platform: 'win32' };
  for (const name of ['CON', 'nul.txt', 'dir/AUX', 'com1', 'LPT9.log', 'COM¹', 'conin$', 'prn .x', 'a:stream', 'a.', 'a ', 'a|b', 'a\tb', 'x?'])
    assert.deepEqual(await apply(at(name), io), ['reservedName'], name);
  assert.deepEqual(fs.readdirSync(root), ['.git']);
}); // prettier-ignore

test('a folder that becomes a symlink after the last look is neither written nor deleted through', async () => {
  for (const when of ['stage', 'remove', 'rename'] as const) {
    for (const patch of [create('dir/new', 'x\n') + create('dir/two', 'x\n') + remove('dir/f', 'a\n'), remove('dir/f', 'a\n')]) {
      fs.rmSync(join(root, 'dir'), { recursive: true, force: true });
      fs.rmSync(join(base, 'moved'), { recursive: true, force: true });
      fs.mkdirSync(join(root, 'dir'));
      fs.writeFileSync(join(root, 'dir/f'), 'a\n');
      const real = nodeFileIO(root);
      let swapped = false;
      const io: FileIO = { ...real };
      const swap = () => {
        if (swapped) return;
        swapped = true;
        fs.renameSync(join(root, 'dir'), join(base, 'moved'));
        fs.symlinkSync('../outside', join(root, 'dir'));
      };
      // The nearest moment before the call that would follow it.
      if (when === 'stage') io.stage = async (temp, state) => (swap(), real.stage(temp, state));
      else if (when === 'remove') io.stat = async (path) => (await Promise.resolve(), calls(path.path) && swap(), real.stat(path));
      else io.rename = async (temp, path) => { await real.rename(temp, path); swap(); };
      let looks = 0;
      const calls = (path: string) => path === 'dir' && ++looks > 3;
      await apply(patch, io);
      assert.deepEqual(fs.readdirSync(join(base, 'outside')).filter((name) => !name.startsWith('.codex-tasks')), ['f'], when);
      untouched();
    }
  }
}); // prettier-ignore

const binary = (name: string, size: number, deflated: Buffer, method = 'literal', before: Buffer | null = null, after = 'b'.repeat(40)) =>
  `diff --git a/${name} b/${name}\n${before === null ? 'new file mode 100644\n' : ''}index ${before === null ? NONE : blobId(before)}..${after}${before === null ? '' : ' 100644'}\nGIT binary patch\n${method} ${size}\n${encodeLines(deflated).toString('latin1')}`; // prettier-ignore

test('two gigabytes that a header or a delta declares are refused before anything is inflated', async () => {
  const unreadable = (error: unknown) => error instanceof CodexError && error.code === 'resultUnreadable';
  for (const size of ['2147483648', '9999999999', '99999999999999999999', '-1', '1e9'])
    assert.throws(() => parsePatch(Buffer.from(binary('f', 0, deflateSync('')).replace('literal 0', `literal ${size}`))), unreadable); // prettier-ignore
  fs.writeFileSync(join(root, 'f'), '\0old');
  // 4 bytes of base, 2 GiB of result.
  const delta = Buffer.from([4, 0x80, 0x80, 0x80, 0x80, 0x08, 0x90, 4]);
  const before = process.memoryUsage().rss;
  assert.deepEqual(
    await apply(binary('f', delta.length, deflateSync(delta), 'delta', Buffer.from('\0old'))),
    ['tooLarge'],
  );
  assert.ok(process.memoryUsage().rss - before < 200e6);
});

test('a thousand small bombs are refused when together they are larger than a result may be', async () => {
  // 64 MiB of zeros in 64 KiB each; a gigabyte is the cap, and 16 of them fill it.
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const deflated = deflateSync(zeros, { level: 9 });
  const after = blobId(zeros);
  const patch = Array.from({ length: 40 }, (_, index) => binary(`f${index}`, zeros.length, deflated, 'literal', null, after)).join(''); // prettier-ignore
  const started = performance.now();
  const plan = await planApply(root, parsePatch(Buffer.from(patch, 'latin1')));
  const reasons = plan.items.map(({ verdict, reason }) => reason ?? verdict);
  assert.equal(reasons.filter((one) => one === 'applies').length, 16);
  assert.equal(reasons.filter((one) => one === 'tooLarge').length, 24);
  assert.ok(performance.now() - started < 120_000);
});

test('a bomb that inflates to more than it declares stops at what it declared', async () => {
  const patch = binary('f', 10, deflateSync(Buffer.alloc(64 * 1024 * 1024)));
  const before = process.memoryUsage().rss;
  assert.deepEqual(await apply(patch), ['corruptPatch']);
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test('deep nesting and thousands of files end in a verdict, not in a stack or a hang', async () => {
  const started = performance.now();
  const deep = `${'d/'.repeat(2000)}f`;
  const [reason] = await apply(at(deep));
  assert.ok(reason === 'applied' || reason === 'inputOutput', reason);
  const many = Array.from({ length: 5000 }, (_, index) =>
    at(`${'e/'.repeat(index % 50)}../../x${index}`),
  ).join('');
  assert.ok((await apply(many)).every((one) => one === 'unsafePath'));
  assert.ok(performance.now() - started < 60_000);
  untouched();
});
