/** What the machine does to us: a killed process, a full disk; and patches of real git at the edges. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { after, test } from 'node:test';
import { applyPlan, openCheckpoints, planApply, undoCheckpoint } from '../../../client/apply/index.ts';
import { parsePatch, writePatch } from '../../../client/patch/index.ts';
import {
  changedTree,
  diff,
  expectedTree,
  git,
  randomOf,
  randomTree,
  readTree,
  scratch,
  treeId,
  writeTree,
  type Tree,
} from './trees.ts';

const base = scratch('faults');
const store = `${base}/store.git`;
git(base, ['init', '-q', '--bare', store]);
after(() => fs.rmSync(base, { recursive: true, force: true }));

function folderWith(name: string, tree: Tree): string {
  const folder = `${base}/${name}`;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  writeTree(folder, tree);
  return folder;
}

function patchBetween(from: Tree, to: Tree): Buffer {
  return diff(store, treeId(store, folderWith('from', from)), treeId(store, folderWith('to', to)));
}

/** Applies a patch and is killed (SIGKILL) right before the given call of its FileIO. */
const VICTIM = `
  import { readFileSync } from 'node:fs';
  const [root, patch, store, stopAt] = process.argv.slice(1);
  const { applyPlan, nodeFileIO, openCheckpoints, planApply } = await import(process.env.APPLY_MODULE);
  const { parsePatch } = await import(process.env.PATCH_MODULE);
  const plan = await planApply(root, parsePatch(readFileSync(patch)));
  const io = nodeFileIO(root);
  let calls = 0;
  for (const name of ['stage', 'rename', 'remove', 'makeFolder', 'removeFolder']) {
    const real = io[name].bind(io);
    io[name] = (...given) => {
      if (++calls === Number(stopAt)) process.kill(process.pid, 'SIGKILL');
      return real(...given);
    };
  }
  await applyPlan(plan, { checkpoints: openCheckpoints(store), io, includeSelfRunning: () => true });
`;

test('a process killed anywhere in applying leaves a checkpoint that brings back every byte', async () => {
  let killed = 0;
  for (let seed = 1; seed <= 3; seed++) {
    const random = randomOf(seed * 77);
    const from = randomTree(random);
    const to = changedTree(random, from);
    const patchFile = `${base}/kill.patch`;
    fs.writeFileSync(patchFile, patchBetween(from, to));
    for (let stopAt = 1; ; stopAt += 1 + random(4)) {
      const root = folderWith('kill', from);
      const start = readTree(root);
      const folder = `${base}/kill-checkpoints`;
      fs.rmSync(folder, { recursive: true, force: true });
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', VICTIM, root, patchFile, folder, String(stopAt)],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: {
            ...process.env,
            APPLY_MODULE: new URL('../../../client/apply/index.ts', import.meta.url).href,
            PATCH_MODULE: new URL('../../../client/patch/index.ts', import.meta.url).href,
          },
        },
      );
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      const checkpoints = openCheckpoints(folder);
      const [checkpoint] = checkpoints.list();
      assert.ok(checkpoint, `seed ${seed}, call ${stopAt}: no checkpoint`);
      assert.equal(checkpoint.finished, signal === null);
      const { results } = await undoCheckpoint(checkpoints, checkpoint.id);
      assert.ok(
        results.every(({ status }) => status === 'restored' || status === 'unchanged'),
        JSON.stringify(results),
      );
      assert.deepEqual(readTree(root), start, `seed ${seed}, call ${stopAt}`);
      if (signal === null) {
        assert.equal(code, 0);
        break;
      }
      killed++;
    }
  }
  assert.ok(killed > 10, `only ${killed} kills`);
});

test('a disk that is really full leaves the folder as it was', async (context) => {
  const mount = `${base}/small`;
  fs.mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', mount], { stdio: 'ignore' });
  } catch {
    // The same is tested with an injected error in the unit tests.
    context.skip('this system does not let us mount a small disk');
    return;
  }
  try {
    const filler = (byte: string) => Buffer.from(`${byte.repeat(99)}\n`.repeat(1000));
    const from: Tree = new Map([
      ['a', { mode: '100644', bytes: filler('a') }],
      ['gone', { mode: '100644', bytes: filler('g') }],
    ]);
    const to: Tree = new Map(
      ['a', 'd/b', 'd/c', 'e', 'f', 'g'].map((name) => [
        name,
        { mode: '100644', bytes: filler(name.slice(-1).toUpperCase()) },
      ]),
    );
    const patch = parsePatch(patchBetween(from, to));
    writeTree(mount, from);
    const start = readTree(mount);
    const checkpoints = openCheckpoints(`${base}/small-checkpoints`);
    const { results, checkpointId } = await applyPlan(await planApply(mount, patch), { checkpoints });
    assert.ok(results.every(({ status, stands }) => status === 'failed' && stands === 'before'));
    assert.equal(results.filter(({ reason }) => reason === 'diskFull').length, 1);
    assert.equal(checkpointId, null);
    assert.deepEqual(readTree(mount), start);
  } finally {
    execFileSync('umount', [mount]);
  }
});

test('a checkout with core.autocrlf gets a patch of LF text and stays clean to git', async () => {
  const text = (line: string) => Buffer.from(`one\n${line}\nthree\nfour\n`);
  const from: Tree = new Map([['f', { mode: '100644', bytes: text('two') }]]);
  const to: Tree = new Map([['f', { mode: '100644', bytes: text('TWO') }]]);
  const patch = patchBetween(from, to);
  const root = folderWith('autocrlf', from);
  git(root, ['init', '-q']);
  git(root, ['add', '-A']);
  git(root, ['commit', '-qm', 'x']);
  git(root, ['config', 'core.autocrlf', 'true']);
  fs.rmSync(`${root}/f`);
  git(root, ['checkout', '-q', 'f']);
  assert.ok(fs.readFileSync(`${root}/f`).includes('\r\n'));
  const index = fs.readFileSync(`${root}/.git/index`);
  const head = git(root, ['rev-parse', 'HEAD']);

  const checkpoints = openCheckpoints(`${base}/autocrlf-checkpoints`);
  const { results, checkpointId } = await applyPlan(await planApply(root, parsePatch(patch)), {
    checkpoints,
  });
  assert.equal(results[0]?.status, 'applied');
  assert.equal(fs.readFileSync(`${root}/f`, 'utf8'), 'one\r\nTWO\r\nthree\r\nfour\r\n');
  assert.deepEqual(fs.readFileSync(`${root}/.git/index`), index, 'the index is untouched');
  assert.deepEqual(git(root, ['rev-parse', 'HEAD']), head);
  git(root, ['add', '-A']);
  const toId = treeId(store, folderWith('to', to));
  assert.equal(git(root, ['write-tree']).toString().trim(), toId, 'the tree is the one of the result');
  await undoCheckpoint(checkpoints, checkpointId!);
  assert.equal(fs.readFileSync(`${root}/f`, 'utf8'), 'one\r\ntwo\r\nthree\r\nfour\r\n');
});

test('what git writes in sha256 repositories, for submodules, rewrites, context widths and raw names is written back as read', () => {
  const random = randomOf(4711);
  const from = randomTree(random);
  const to = changedTree(random, from);
  for (const format of ['sha1', 'sha256']) {
    const other = `${base}/${format}.git`;
    git(base, ['init', '-q', '--bare', `--object-format=${format}`, other]);
    const ids = [treeId(other, folderWith('from', from)), treeId(other, folderWith('to', to))];
    // A submodule in both, and one that is new.
    const gitlinks = ids.map((id, side) => {
      const commit = git(other, ['commit-tree', '-m', 'x', id]).toString().trim();
      const lines =
        git(other, ['ls-tree', '-z', id]).toString('latin1') +
        `160000 commit ${commit}\tsub\0` +
        (side ? `160000 commit ${commit}\tsub2\0` : '');
      return git(other, ['mktree', '-z'], {}, Buffer.from(lines, 'latin1')).toString().trim();
    });
    const [one, two] = [gitlinks[0]!, gitlinks[1]!];
    for (const flags of [
      [],
      ['-B'],
      ['-B', '-C', '--find-copies-harder'],
      ['-U0'],
      ['-U12'],
      ['--function-context'],
      ['--no-renames'],
      ['--abbrev=7', '--no-full-index'],
      ['no --binary'],
    ]) {
      for (const quotePath of ['true', 'false']) {
        for (const [left, right] of [
          [one, two],
          [two, one],
        ] as const) {
          const bytes = git(other, [
            '-c',
            `core.quotePath=${quotePath}`,
            'diff',
            ...(flags[0] === 'no --binary' ? [] : ['--binary']),
            '--full-index',
            '-M',
            '--no-color',
            ...flags.filter((flag) => flag.startsWith('-')),
            left,
            right,
          ]);
          assert.ok(
            writePatch(parsePatch(bytes)).equals(bytes),
            `${format} ${flags.join(' ')} quotePath=${quotePath}`,
          );
        }
      }
    }
  }
});

test('a patch of some files is one that git applies', () => {
  const random = randomOf(99);
  const from = randomTree(random);
  const to = new Map([
    ...from,
    ['added', { mode: '100644' as const, bytes: Buffer.from('x\n') }],
    ['bin', { mode: '100755' as const, bytes: Buffer.from([0, 1, 2]) }],
  ]);
  const patch = parsePatch(patchBetween(from, to));
  const some = { ...patch, files: patch.files.filter(({ newPath }) => newPath.path === 'bin') };
  const root = folderWith('some', from);
  git(root, ['init', '-q']);
  git(root, ['apply'], {}, writePatch(some));
  assert.deepEqual(readTree(root), expectedTree(new Map([...from, ['bin', to.get('bin')!]])));
});
