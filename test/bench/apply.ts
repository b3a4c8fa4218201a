/**
 * Applying against git: `node test/bench/apply.ts` prints `name value unit budget` per line.
 * A patch of 1,000 files, and one of 1,000 files and 50 MB (text and binary), through us (plan,
 * checkpoint, apply) and through `git apply` in the same run, in turns, as the machine is noisy. What
 * git does not do, the checkpoint's copy and its flush, is measured apart and printed beside it. Then a
 * binary patch of 50 MB in one file through the parser.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import {
  applyPlan,
  openCheckpoints,
  planApply,
  undoCheckpoint,
  type Checkpoints,
} from '../../client/apply/index.ts';
import { parsePatch, writePatch } from '../../client/patch/index.ts';
import { diff, git, readTree, scratch, treeId, writeTree, type Tree } from '../integration/apply/trees.ts';

const FILES = 1_000;
const ROUNDS = 9;
const LARGE_ROUNDS = 5;
const BINARY_BYTES = 50 * 1024 * 1024;

const base = scratch('bench');
try {
  const store = `${base}/store.git`;
  git(base, ['init', '-q', '--bare', store]);
  await compare(store, '1000-files', sourceFiles(), ROUNDS);
  await compare(store, '1000-files-50MB', largeFiles(), LARGE_ROUNDS);
  await largeBinary(store);
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}

interface Pair {
  from: Tree;
  to: Tree;
}

function sourceFiles(): Pair {
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
  return { from, to };
}

/** So that the patch is of about 50 MB: every other file is text that is new in all of its lines. */
function largeFiles(): Pair {
  const from: Tree = new Map();
  const to: Tree = new Map();
  for (let index = 0; index < FILES; index++) {
    const name = `assets/${index % 30}/file${index}`;
    if (index % 2) {
      // Old and new lines are both in the patch, a fifth more than the bytes when it is base85.
      const text = (word: string) => Buffer.from(`${word} ${index} ${'x'.repeat(50)}\n`.repeat(400));
      from.set(name, { mode: '100644', bytes: text('old') });
      to.set(name, { mode: '100644', bytes: text('new') });
    } else {
      from.set(name, { mode: '100644', bytes: randomBytes(19_000) });
      to.set(name, { mode: '100644', bytes: randomBytes(19_000) });
    }
  }
  return { from, to };
}

async function compare(store: string, what: string, { from, to }: Pair, rounds: number): Promise<void> {
  const fresh = (name: string, tree: Tree) => {
    fs.rmSync(`${base}/${name}`, { recursive: true, force: true });
    fs.mkdirSync(`${base}/${name}`);
    writeTree(`${base}/${name}`, tree);
    return `${base}/${name}`;
  };
  const target = fresh('to', to);
  const bytes = diff(store, treeId(store, fresh('from', from)), treeId(store, target));
  const checkpoints = openCheckpoints(`${base}/checkpoints`);
  const [ours, gits, undos, copies]: [number[], number[], number[], number[]] = [[], [], [], []];
  const measureGit = async () => {
    const theirs = fresh('git', from);
    git(theirs, ['init', '-q']);
    gits.push(await timed(async () => void git(theirs, ['apply', '-'], {}, bytes)));
  };
  const measureOurs = async () => {
    const folder = fresh('ours', from);
    const counted = countingCheckpoints(checkpoints);
    let id = '';
    const all = await timed(async () => {
      const outcome = await applyPlan(await planApply(folder, parsePatch(bytes)), {
        checkpoints: counted.checkpoints,
      });
      id = outcome.checkpointId!;
    });
    copies.push(counted.ms());
    ours.push(all - counted.ms());
    if (ours.length === 1) check(readTree(folder), readTree(target));
    undos.push(await timed(async () => void (await undoCheckpoint(checkpoints, id))));
    checkpoints.remove(id);
  };
  for (let round = 0; round < rounds; round++) {
    // Whoever comes second finds a busier disk.
    for (const measure of round % 2 ? [measureGit, measureOurs] : [measureOurs, measureGit]) await measure();
  }
  print(`patch-${what}`, bytes.length / 1024 ** 2, 'MiB', '-');
  print(`apply-${what}`, median(ours), 'ms', '-');
  print(`checkpoint-copy-${what}`, median(copies), 'ms', '-');
  print(`git-apply-${what}`, median(gits), 'ms', '-');
  print(`undo-${what}`, median(undos), 'ms', '-');
  const ratios = ours.map((value, round) => value / gits[round]!);
  print(`apply-${what}/git-apply`, median(ratios), 'ratio', '1.5');
}

/** The time that a checkpoint's copy and its flush take: git has nothing of the kind. */
function countingCheckpoints(checkpoints: Checkpoints): { checkpoints: Checkpoints; ms(): number } {
  let spent = 0;
  const counted = Object.create(checkpoints, {
    folder: { value: checkpoints.folder },
    begin: {
      value(...given: Parameters<Checkpoints['begin']>) {
        const writer = checkpoints.begin(...given);
        const [add, commit] = [writer.add.bind(writer), writer.commit.bind(writer)];
        writer.add = (...bytes) => {
          const start = performance.now();
          const hash = add(...bytes);
          spent += performance.now() - start;
          return hash;
        };
        writer.commit = async (...entries) => {
          const start = performance.now();
          await commit(...entries);
          spent += performance.now() - start;
        };
        return writer;
      },
    },
    markFinished: { value: (id: string) => checkpoints.markFinished(id) },
    prune: { value: () => checkpoints.prune() },
    remove: { value: (id: string) => checkpoints.remove(id) },
  }) as Checkpoints;
  return { checkpoints: counted, ms: () => spent };
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
