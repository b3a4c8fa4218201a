/**
 * Opening a review of 5,000 changes, in one large file and in 1,000 files, as the extension does it from the
 * patch's bytes to the marks of each file: how long it takes, and for how long at most it lets nothing else run.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { nodeFileIO, openCheckpoints, type DocumentIO } from '../../client/apply/index.ts';
import { marksOf } from '../../extension/changes/marks.ts';
import { reviewed } from '../../extension/changes/result.ts';
import { ChangesSession } from '../../extension/changes/session.ts';
import { diff, git, scratch, treeId, writeTree, type Tree } from '../integration/apply/trees.ts';

const CHANGES = 5_000;
const ROUNDS = 7;
const LINES_BETWEEN = 15;
const OPEN_BUDGET_MS = 500;
const BLOCK_BUDGET_MS = 50;

const base = scratch('bench-review');
const NO_DOCUMENTS: DocumentIO = {
  isDirty: () => false,
  read: async () => new Uint8Array(),
  applyToBuffer: async () => ({ ok: false, reason: 'changedSince' }),
};
try {
  const store = join(base, 'store.git');
  git(base, ['init', '-q', '--bare', store]);
  await measure(store, 'one-file', 1);
  await measure(store, '1000-files', 1_000);
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}

/** The folder is as the person has it: half of the changes are in it. */
async function measure(store: string, name: string, files: number): Promise<void> {
  const [from, to, half] = trees(files);
  const [fromFolder, toFolder, root] = ['from', 'to', 'root'].map((folder) => join(base, name, folder));
  for (const [folder, tree] of [
    [fromFolder!, from],
    [toFolder!, to],
    [root!, half],
  ] as const) {
    fs.mkdirSync(folder, { recursive: true });
    writeTree(folder, tree);
  }
  const bytes = diff(store, treeId(store, fromFolder!), treeId(store, toFolder!));
  const blobs = new Map<string, Uint8Array>();
  const fetch = async (oid: string) => {
    const known = blobs.get(oid) ?? git(store, ['cat-file', 'blob', oid]);
    blobs.set(oid, known);
    return known;
  };
  const [times, blocks]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedAt = performance.now();
    const ref = { taskId: 'task0001', turn: 1, attempt: 1, from: null, root: root! };
    const session = new ChangesSession(await reviewed(ref, 'A task', bytes, []), null, {
      io: nodeFileIO(root!),
      documents: NO_DOCUMENTS,
      checkpoints: () => openCheckpoints(join(base, name, 'checkpoints')),
      fetch,
      save: async () => undefined,
    });
    await session.look();
    const shown = session.files.reduce((sum, file) => sum + marksOf(file).length, 0);
    const took = performance.now() - startedAt;
    delay.disable();
    if (shown < CHANGES) throw new Error(`Only ${shown} of ${CHANGES} changes are shown.`);
    // The first one warms up, and has the bytes fetched.
    if (round === 0) continue;
    times.push(took);
    blocks.push(delay.max / 1e6);
  }
  console.log(`review-open-${name} ${median(times).toFixed(0)} ms ${OPEN_BUDGET_MS}`);
  console.log(`review-longest-block-${name} ${median(blocks).toFixed(0)} ms ${BLOCK_BUDGET_MS}`);
}

function trees(files: number): [Tree, Tree, Tree] {
  const made: [Tree, Tree, Tree] = [new Map() as Tree, new Map() as Tree, new Map() as Tree];
  const each = CHANGES / files;
  for (let file = 0; file < files; file++) {
    const texts: [string[], string[], string[]] = [[], [], []];
    for (let change = 0; change < each; change++) {
      for (let line = 0; line < LINES_BETWEEN; line++) {
        const same = `  const value${change}x${line} = compute(${line * 7}, ${file}); // as long as most\n`;
        for (const text of texts) text.push(same);
      }
      texts[0].push(`  before(${change});\n`);
      texts[1].push(`  after(${change});\n`, `  more(${change});\n`);
      texts[2].push(...(change % 2 === 0 ? texts[0].slice(-1) : texts[1].slice(-2)));
    }
    const name = `src/${file % 20}/file${file}.ts`;
    for (const [index, tree] of made.entries())
      tree.set(name, { mode: '100644', bytes: Buffer.from(texts[index]!.join('')) });
  }
  return made;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
