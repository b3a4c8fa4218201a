/**
 * Applying against git: `node test/bench/apply.ts` prints `name value unit budget` per line.
 * A patch of 1,000 files through us (plan, checkpoint, apply) and through `git apply` in the same run,
 * in turns, as the machine is noisy; then a binary patch of 50 MB through the parser.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { applyPlan, openCheckpoints, planApply, undoCheckpoint } from '../../client/apply/index.ts';
import { parsePatch, writePatch } from '../../client/patch/index.ts';
import { diff, git, readTree, scratch, treeId, writeTree, type Tree } from '../integration/apply/trees.ts';

const FILES = 1_000;
const ROUNDS = 9;
const BINARY_BYTES = 50 * 1024 * 1024;

const base = scratch('bench');
try {
  const store = `${base}/store.git`;
  git(base, ['init', '-q', '--bare', store]);
  await thousandFiles(store);
  await largeBinary(store);
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}

async function thousandFiles(store: string): Promise<void> {
  const from: Tree = new Map();
  const to: Tree = new Map();
  for (let index = 0; index < FILES; index++) {
    const name = `src/${index % 20}/${index % 7}/file${index}.ts`;
    const lines = Array.from(
      { length: 150 },
      (_, line) => `  const value${line} = compute(${line}, ${index});\n`,
    );
    const text = lines.join('');
    lines.splice(20, 2, 'changed\n');
    lines.splice(100, 0, 'inserted\n', 'lines\n');
    if (index % 20 !== 0) from.set(name, { mode: '100644', bytes: Buffer.from(text) });
    if (index % 20 !== 1) to.set(name, { mode: '100644', bytes: Buffer.from(lines.join('')) });
  }
  const fresh = (name: string, tree: Tree) => {
    fs.rmSync(`${base}/${name}`, { recursive: true, force: true });
    fs.mkdirSync(`${base}/${name}`);
    writeTree(`${base}/${name}`, tree);
    return `${base}/${name}`;
  };
  const target = fresh('to', to);
  const bytes = diff(store, treeId(store, fresh('from', from)), treeId(store, target));
  const checkpoints = openCheckpoints(`${base}/checkpoints`);
  const [ours, gits, undos]: [number[], number[], number[]] = [[], [], []];
  const measureGit = async () => {
    const theirs = fresh('git', from);
    git(theirs, ['init', '-q']);
    gits.push(await timed(async () => void git(theirs, ['apply', '-'], {}, bytes)));
  };
  const measureOurs = async () => {
    const folder = fresh('ours', from);
    let id = '';
    ours.push(
      await timed(async () => {
        const outcome = await applyPlan(await planApply(folder, parsePatch(bytes)), { checkpoints });
        id = outcome.checkpointId!;
      }),
    );
    if (ours.length === 1) check(readTree(folder), readTree(target));
    undos.push(await timed(async () => void (await undoCheckpoint(checkpoints, id))));
    checkpoints.remove(id);
  };
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever comes second finds a busier disk.
    for (const measure of round % 2 ? [measureGit, measureOurs] : [measureOurs, measureGit]) await measure();
  }
  print('apply-1000-files', median(ours), 'ms', '-');
  print('git-apply-1000-files', median(gits), 'ms', '-');
  print('undo-1000-files', median(undos), 'ms', '-');
  const ratios = ours.map((value, round) => value / gits[round]!);
  print('apply-1000-files/git-apply', median(ratios), 'ratio', '1.5');
}

async function largeBinary(store: string): Promise<void> {
  const id = (bytes: Buffer) => {
    const blob = git(store, ['hash-object', '-w', '--stdin'], {}, bytes).toString().trim();
    return git(store, ['mktree'], {}, Buffer.from(`100644 blob ${blob}\tbig\n`))
      .toString()
      .trim();
  };
  const bytes = diff(store, id(Buffer.alloc(1)), id(randomBytes(BINARY_BYTES)));
  const patch = parsePatch(bytes);
  const parse = await times(5, async () => void parsePatch(bytes));
  const write = await times(3, async () => void writePatch(patch));
  fs.mkdirSync(`${base}/big`);
  fs.mkdirSync(`${base}/big-git`);
  for (const folder of ['big', 'big-git']) fs.writeFileSync(`${base}/${folder}/big`, Buffer.alloc(1));
  git(`${base}/big-git`, ['init', '-q']);
  const theirs = await timed(async () => void git(`${base}/big-git`, ['apply', '-'], {}, bytes));
  const checkpoints = openCheckpoints(`${base}/checkpoints`);
  const ours = await timed(async () => {
    await applyPlan(await planApply(`${base}/big`, parsePatch(bytes)), { checkpoints });
  });
  check(readTree(`${base}/big`), readTree(`${base}/big-git`));
  print('parse-binary-patch-50MB', parse, 'ms', '1000');
  print('write-binary-patch-50MB', write, 'ms', '-');
  print('apply-binary-50MB', ours, 'ms', '-');
  print('git-apply-binary-50MB', theirs, 'ms', '-');
}

function check(is: Map<string, string>, should: Map<string, string>): void {
  const same = is.size === should.size && [...is].every(([name, content]) => should.get(name) === content);
  if (!same) throw new Error('what was measured is not right');
}

async function timed(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

async function times(count: number, act: () => Promise<void>): Promise<number> {
  const all: number[] = [];
  for (let round = 0; round < count; round++) all.push(await timed(act));
  return median(all);
}

function median(values: number[]): number {
  return [...values].sort((one, two) => one - two)[values.length >> 1]!;
}

function print(name: string, value: number, unit: string, budget: string): void {
  console.log(`${name} ${value.toFixed(2)} ${unit} ${budget}`);
}
