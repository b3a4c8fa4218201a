/**
 * Applying a difference gives what it is the difference to, for random trees of every encoding and line
 * end. Most cases are played in memory, every tenth with the whole command in a folder.
 * `CODEX_PATCH_CASES` (400) says how many, `CODEX_PATCH_SEED` which.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { applyChanges } from '../../../runner/apply-patch/apply.ts';
import { run } from '../../../runner/apply-patch/command.ts';
import { parsePatch, PatchError } from '../../../runner/apply-patch/parse.ts';
import { bytesOf, changedTree, patchFor, randomTree, seeded, type Random, type Tree } from './trees.ts';

const CASES = Number(process.env.CODEX_PATCH_CASES ?? 400);
const SEED = Number(process.env.CODEX_PATCH_SEED ?? 20_260_101);

/** Paths and contents, both as bytes in strings (`latin1`). */
type Files = Map<string, string>;
type Apply = (before: Files, patch: string) => { files: Files; error: string | null };

test(`a difference applied gives the other tree, in ${CASES} cases`, () => {
  let applied = 0;
  each((random, apply, told) => {
    const before = randomTree(random);
    const { after, steps } = changedTree(before, random);
    const patch = patchFor(before, after, steps, random);
    if (patch.split('\n').length <= 3) return;
    // What does not fit at its end changes nothing of what came before.
    const broken = patch.replace(/\*\*\* End Patch\n$/, '*** Delete File: nowhere\n$&');
    const undone = apply(filesOf(before), broken);
    assert.match(undone.error ?? '', /nowhere cannot be deleted/, told(broken));
    assert.deepEqual(sorted(undone.files), sorted(filesOf(before)), told(broken));

    const done = apply(filesOf(before), patch);
    assert.equal(done.error, null, told(patch));
    assert.deepEqual(sorted(done.files), sorted(filesOf(after)), told(patch));
    applied++;
  });
  assert.ok(applied > CASES * 0.7, `only ${applied} applied`);
});

test(`a damaged patch is applied or changes nothing, in ${CASES} cases`, () => {
  let refused = 0;
  each((random, apply, told) => {
    const before = randomTree(random);
    const { after, steps } = changedTree(before, random);
    const patch = damaged(patchFor(before, after, steps, random), random);
    if (patch === '') return;
    const { files, error } = apply(filesOf(before), patch);
    if (error === null) return;
    refused++;
    assert.doesNotMatch(error, /could not be written|undefined/, told(patch));
    assert.deepEqual(sorted(files), sorted(filesOf(before)), told(patch));
  });
  assert.ok(refused > CASES * 0.2 && refused < CASES, `${refused} refused`);
});

function each(attempt: (random: Random, apply: Apply, told: (what: string) => string) => void): void {
  for (let index = 0; index < CASES; index++) {
    const told = (what: string) => `CODEX_PATCH_SEED=${SEED + index} CODEX_PATCH_CASES=1\n${what}`;
    attempt(seeded(SEED + index), index % 10 === 0 ? onDisk : inMemory, told);
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

function inMemory(before: Files, patch: string): ReturnType<Apply> {
  const below = (folder: string) => [...before.keys()].filter((path) => path.startsWith(`${folder}/`));
  try {
    const { writes } = applyChanges(parsePatch(Buffer.from(patch).toString('latin1')), {
      key: (path) => path,
      read: (key) => {
        const content = before.get(key);
        if (content !== undefined) return { kind: 'file', content };
        return below(key).length > 0 ? { kind: 'folder', files: () => below(key) } : { kind: 'absent' };
      },
      similar: () => null,
    });
    const files = new Map(before);
    for (const [path, write] of writes) {
      if (write === null) files.delete(path);
      else files.set(path, write.content);
    }
    return { files, error: null };
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    return { files: before, error: error.message };
  }
}

function onDisk(before: Files, patch: string): ReturnType<Apply> {
  const folder = mkdtempSync(join(tmpdir(), 'apply-patch-'));
  const full = (path: string) => join(folder, Buffer.from(path, 'latin1').toString());
  try {
    for (const [path, content] of before) {
      mkdirSync(dirname(full(path)), { recursive: true });
      writeFileSync(full(path), Buffer.from(content, 'latin1'));
    }
    const { code, error } = run([], () => Buffer.from(patch), folder);
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const files = paths.filter((path) => statSync(join(folder, path)).isFile());
    return {
      files: new Map(
        files.map((path) => [
          Buffer.from(path).toString('latin1'),
          readFileSync(join(folder, path)).toString('latin1'),
        ]),
      ),
      error: code === 0 ? null : error,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesOf(tree: Tree): Files {
  return new Map(
    [...tree].map(([path, text]) => [Buffer.from(path).toString('latin1'), bytesOf(text).toString('latin1')]),
  );
}

function sorted(files: Files): [string, string][] {
  return [...files].sort(([one], [other]) => (one < other ? -1 : 1));
}
