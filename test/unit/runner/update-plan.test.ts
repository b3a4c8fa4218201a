import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePlan, PlanError, printPlan } from '../../../runner/update-plan/parse.ts';
import { parseNotes } from '../../../server/agent/notes.ts';

const PLAN = '[x] Look\n[>] Mend the sum\n[ ] Run the tests\n';
const STEPS = [
  { text: 'Look', state: 'completed' },
  { text: 'Mend the sum', state: 'inProgress' },
  { text: 'Run the tests', state: 'pending' },
];

const SAME: [what: string, text: string][] = [
  ['lines with a box', PLAN],
  ['a list in Markdown', '- [X] Look\n\n* [~] Mend the sum\n+ []  Run the\ttests'],
  ['a numbered list', '1. [x] Look\n2) [>] Mend the sum\n3. [ ] Run the tests'],
  ['ends of lines as on Windows', PLAN.replaceAll('\n', '\r\n')],
  [
    'the JSON of another plan tool',
    JSON.stringify({
      explanation: 'why',
      plan: STEPS.map(({ text, state }) => ({
        step: text,
        status: state === 'inProgress' ? 'in_progress' : state,
      })),
    }),
  ],
  ['a JSON list', JSON.stringify(STEPS)],
];
for (const [what, text] of SAME) {
  test(`a plan is read from ${what}`, () => assert.deepEqual(parsePlan(text), STEPS));
}

test('what is printed is read back as the same plan', () => {
  assert.equal(printPlan(parsePlan(PLAN)), PLAN);
});

const REFUSED: [what: string, text: string, says: RegExp][] = [
  ['has two steps in progress', '[>] a\n[>] b', /2 steps are in progress/],
  ['has too many steps', '[ ] a\n'.repeat(21), /21 steps/],
  ['has a step that is an essay', `[ ] ${'a'.repeat(201)}`, /201 characters/],
  ['has a step without text', '[ ] a\n[x]   ', /no text/],
  ['has a line without a box', 'First I look', /no step: "First I look"/],
  ['has an unknown box', '[?] a', /no step/],
  ['has no steps', '[]', /no text|no steps/],
  ['is broken JSON', '{"plan": [', /JSON/],
  ['is JSON of something else', '{"answer": 42}', /no list/],
  ['has an unknown status', '[{"step":"a","status":"soon"}]', /in_progress/],
];
for (const [what, text, says] of REFUSED) {
  test(`a plan is refused that ${what}`, () => {
    assert.throws(
      () => parsePlan(text),
      (error) => error instanceof PlanError && says.test(error.message),
    );
  });
}

test('the command notes the plan, prints it back, and says what is wrong', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codex-plan-'));
  try {
    const notes = join(folder, 'notes');
    const main = join(import.meta.dirname, '../../../runner/update-plan/main.ts');
    const run = (input: string, env: Record<string, string>, args: string[] = []) =>
      spawnSync(process.execPath, [main, ...args], { input, env, encoding: 'utf8' });
    const first = run(PLAN, { CODEX_NOTES: notes });
    assert.deepEqual([first.status, first.stdout, first.stderr], [0, PLAN, '']);
    const second = run('', { CODEX_NOTES: notes }, ['[x] All']);
    assert.equal(second.status, 0);
    const wrong = run('[?] a', { CODEX_NOTES: notes });
    assert.deepEqual([wrong.status, wrong.stdout], [1, '']);
    assert.match(wrong.stderr, /no step/);
    assert.deepEqual(parseNotes(await readFile(notes)).notes, [
      { kind: 'plan', steps: STEPS },
      { kind: 'plan', steps: [{ text: 'All', state: 'completed' }] },
    ]);
    const nowhere = run(PLAN, {});
    assert.equal(nowhere.status, 1);
    assert.match(nowhere.stderr, /in the call itself/);
    const unwritable = run(PLAN, { CODEX_NOTES: join(folder, 'no', 'such') });
    assert.equal(unwritable.status, 1);
    assert.match(unwritable.stderr, /could not be noted/);
    assert.equal(run('', { CODEX_NOTES: notes }).status, 2);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
