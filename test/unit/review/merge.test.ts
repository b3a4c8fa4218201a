import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { merge } from '../../../client/review/index.ts';
import { TEST_GIT_ENV, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { seeded, type Random } from '../../support/random.ts';

const CASES = 110;
const dir = temporaryFolder('codex-merge');
after(() => removeFolder(dir));

const bytes = (text: string) => Buffer.from(text, 'latin1');
const merged = (base: string, ours: string, theirs: string) => {
  const outcome = merge(bytes(base), bytes(ours), bytes(theirs));
  return outcome.ok ? Buffer.from(outcome.bytes).toString('latin1') : outcome;
};

function side(random: Random, base: string[], line: () => string): string {
  const lines = base.flatMap((old) => {
    const kind = random.next();
    if (kind < 0.06) return [];
    if (kind < 0.12) return [line()];
    return kind < 0.18 ? [old, line()] : [old];
  });
  const text = [...lines, ...(random.chance(0.1) ? [line()] : [])].join('');
  return random.chance(0.1) ? text.replace(/\r?\n$/, '') : text;
}

test('what is merged and what is a conflict is what git merge-file says', () => {
  const random = seeded(21);
  const cases = Array.from({ length: CASES }, () => {
    const alphabet = random.pick([3, 6, 20, 100_000]);
    const ends = random.pick(['\n', '\n', '\r\n']);
    const line = () => `line ${random.below(alphabet)}${random.chance(0.9) ? ends : '\n'}`;
    const base = Array.from({ length: random.below(30) }, line);
    return [side(random, base, line), base.join(''), side(random, base, line)] as const;
  });
  for (const [index, texts] of cases.entries()) {
    for (const [at, name] of ['ours', 'base', 'theirs'].entries()) write(dir, `${index}.${name}`, texts[at]!);
  }
  // One shell for all: starting programs is what takes the time.
  const script = cases.map(
    (_, index) =>
      `git merge-file -p -q ${index}.ours ${index}.base ${index}.theirs >${index}.out; echo $? >>codes\n`,
  );
  spawnSync('sh', [], { cwd: dir, input: script.join(''), env: { ...process.env, ...TEST_GIT_ENV } });
  const codes = readFileSync(join(dir, 'codes'), 'utf8').trim().split('\n').map(Number);
  assert.equal(codes.length, CASES);
  let clean = 0;
  for (const [index, [ours, base, theirs]] of cases.entries()) {
    const outcome = merge(bytes(base), bytes(ours), bytes(theirs));
    assert.equal(outcome.ok, codes[index] === 0, JSON.stringify([base, ours, theirs]));
    if (!outcome.ok) continue;
    clean++;
    assert.deepEqual(Buffer.from(outcome.bytes), readFileSync(join(dir, `${index}.out`)));
  }
  assert.ok(clean > CASES / 4 && clean < CASES);
});

test('an undo under later edits keeps them and takes back what we wrote', () => {
  const [before, wrote] = ['a\nb\nc\nd\n', 'a\nB\nc\nd\n'];
  assert.equal(merged(wrote, 'a\nB\nc\nd\nmine\n', before), 'a\nb\nc\nd\nmine\n');
});

test('a conflict has its three sides, and what could be merged stands around it', () => {
  const outcome = merged('a\nb\nc\nd\n', 'a\nmine\nc\nd\ne\n', 'A\ntheirs\nc\nd\n');
  assert.ok(typeof outcome !== 'string' && outcome.conflicts === 1);
  const shown = outcome.pieces.map((piece) =>
    piece.type === 'merged'
      ? String(piece.bytes)
      : [piece.base, piece.ours, piece.theirs].map((text) => Buffer.from(text).toString()),
  );
  assert.deepEqual(shown, [['a\nb\n', 'a\nmine\n', 'A\ntheirs\n'], 'c\nd\n', 'e\n']);
});

test('a file that the person turned to CRLF stays so, and every line of the merge', () => {
  assert.equal(merged('a\nB\nc\n', 'a\r\nB\r\nc\r\nmine\r\n', 'a\nb\nc\n'), 'a\r\nb\r\nc\r\nmine\r\n');
});

test('a missing last newline is a change like any other', () => {
  assert.equal(merged('a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nd\n'), 'A\nb\nc\nd\n');
  assert.ok(typeof merged('a\nb', 'a\nb\nmine\n', 'a\nb\ntheirs\n') !== 'string');
});

test('texts that have nothing in common end in a conflict and not in a wait', () => {
  const random = seeded(22);
  const noise = () => bytes(Array.from({ length: 40_000 }, () => `${random.below(300)}\n`).join(''));
  const started = performance.now();
  const outcome = merge(noise(), noise(), noise());
  assert.ok(!outcome.ok && outcome.gaveUp);
  assert.ok(performance.now() - started < 10_000);
});
