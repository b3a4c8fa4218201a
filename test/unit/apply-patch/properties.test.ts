/**
 * Applying a difference gives what it is the difference to, for random trees of every encoding and line
 * end. `CODEX_PATCH_CASES` (300) says how many, `CODEX_PATCH_SEED` which.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../../runner/apply-patch/command.ts';
import { bytesOf, changedTree, patchFor, randomTree, seeded, type Random, type Tree } from './trees.ts';

const CASES = Number(process.env.CODEX_PATCH_CASES ?? 300);
const SEED = Number(process.env.CODEX_PATCH_SEED ?? 20_260_101);

test(`a difference applied gives the other tree, in ${CASES} cases`, () => {
  let applied = 0;
  each((random, folder, told) => {
    const before = randomTree(random);
    const { after, steps } = changedTree(before, random);
    const patch = patchFor(before, after, steps, random);
    if (patch.split('\n').length <= 3) return;
    write(folder, before);
    // What does not fit at its end changes nothing of what came before.
    const broken = patch.replace(/\*\*\* End Patch\n$/, '*** Delete File: nowhere\n$&');
    assert.equal(run([], () => Buffer.from(broken), folder).code, 1, told(broken));
    assert.deepEqual(read(folder), bytes(before), told(broken));

    const ended = run([], () => Buffer.from(patch), folder);
    assert.equal(ended.code, 0, told(`${ended.error}\n${patch}`));
    assert.deepEqual(read(folder), bytes(after), told(patch));
    applied++;
  });
  assert.ok(applied > CASES * 0.7, `only ${applied} applied`);
});

test(`a damaged patch is applied or changes nothing, in ${CASES} cases`, () => {
  let refused = 0;
  each((random, folder, told) => {
    const before = randomTree(random);
    const { after, steps } = changedTree(before, random);
    const patch = damaged(patchFor(before, after, steps, random), random);
    if (patch === '') return;
    write(folder, before);
    const ended = run([], () => Buffer.from(patch), folder);
    if (ended.code === 0) return;
    refused++;
    assert.equal(ended.code, 1, told(patch));
    assert.doesNotMatch(ended.error, /could not be written/, told(patch));
    assert.deepEqual(read(folder), bytes(before), told(patch));
  });
  assert.ok(refused > CASES * 0.2 && refused < CASES, `${refused} refused`);
});

function each(attempt: (random: Random, folder: string, told: (what: string) => string) => void): void {
  const outer = mkdtempSync(join(tmpdir(), 'apply-patch-'));
  try {
    for (let index = 0; index < CASES; index++) {
      const folder = join(outer, String(index));
      mkdirSync(folder);
      const told = (what: string) => `CODEX_PATCH_SEED=${SEED + index} CODEX_PATCH_CASES=1\n${what}`;
      attempt(seeded(SEED + index), folder, told);
      rmSync(folder, { recursive: true });
    }
  } finally {
    rmSync(outer, { recursive: true, force: true });
  }
}

/** Lines lost, doubled, exchanged, or with a letter gone. */
function damaged(patch: string, random: Random): string {
  const lines = patch.split('\n');
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(lines.length);
    const line = lines[at] ?? '';
    const other = random.below(lines.length);
    switch (random.below(4)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, line);
        break;
      case 2:
        lines[at] = lines[other] ?? '';
        lines[other] = line;
        break;
      default: {
        const gone = random.below(line.length);
        lines[at] = line.slice(0, gone) + line.slice(gone + 1);
      }
    }
  }
  return lines.join('\n');
}

function write(folder: string, tree: Tree): void {
  for (const [path, text] of tree) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytesOf(text));
  }
}

function bytes(tree: Tree): Record<string, string> {
  return Object.fromEntries([...tree].map(([path, text]) => [path, bytesOf(text).toString('latin1')]).sort());
}

function read(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
  return Object.fromEntries(
    files.map((path) => [path, readFileSync(join(folder, path)).toString('latin1')]).sort(),
  );
}
