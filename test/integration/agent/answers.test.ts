/** What a turn of each mode ends with: the loop against the scripted model, with real commands in a folder. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;
let bin = '';

before(async () => {
  bin = await mkdtemp(join(tmpdir(), 'codex-bin-'));
  const main = join(import.meta.dirname, '../../../runner/update-plan/main.ts');
  await writeFile(join(bin, 'update_plan'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, 'update_plan'), 0o755);
});
after(() => rm(bin, { recursive: true, force: true }));
afterEach(async () => {
  await on?.close();
  on = undefined;
});

const play = async (steps: object[]): Promise<Stage> =>
  (on = await stage(JSON.stringify({ turns: [{ steps }] })));
const block = (report: object) => `\`\`\`codex-report\n${JSON.stringify(report, null, 2)}\n\`\`\``;
const env = () => ({ PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`, TMPDIR: bin });
const messages = (played: Stage) =>
  played.of('item.completed').flatMap(({ item }) => (item.type === 'message' ? [item.text] : []));
const plans = (played: Stage) =>
  played.of('item.completed').flatMap(({ item }) => (item.type === 'plan' ? [item] : []));

test('asked, it answers with citations, and suggests tasks apart from the text', async () => {
  const followUps = [{ title: 'Mend the sum', prompt: 'Mend the sum in src/sum.mjs:5.' }];
  const text = 'It takes absolute values (`src/sum.mjs:5`, [command 1]).\n\n```mermaid\ngraph TD; a-->b\n```';
  const played = await play([
    { say: 'I look.', run: 'echo seen' },
    { say: `${text}\n\n${block({ followUps })}` },
  ]);
  const outcome = await played.run({ mode: 'ask' });
  assert.equal(outcome.answer, text);
  assert.deepEqual(outcome.report, { followUps, findings: [], checks: [] });
  assert.deepEqual(messages(played), ['I look.', text]);
  const streamed = played.deltas.map((delta) => delta.text).join('');
  assert.equal(streamed.trimEnd(), `I look.${text}`);
  const kept = JSON.stringify(played.history.items);
  assert.ok(kept.includes('codex-report'), 'the history keeps the model’s own bytes');
  const request = played.server.requests.at(-1)?.body as { instructions: string };
  assert.match(request.instructions, /\[command N\]/);
});

test('a command’s number is on its item and in what the model reads, over turns too', async () => {
  const played = await play([{ run: ['echo one', 'echo two'] }, { run: 'echo three' }, { say: 'done' }]);
  await played.run();
  await played.run({ turn: 2, prompt: 'again' });
  const numbers = played
    .of('item.completed')
    .flatMap(({ item }) => (item.type === 'command' ? [[item.command, item.number]] : []));
  assert.deepEqual(
    numbers.toSorted((one, other) => Number(one[1]) - Number(other[1])),
    [['echo one', 1], ['echo two', 2], ['echo three', 3], ['echo one', 4], ['echo two', 5], ['echo three', 6]], // prettier-ignore
  );
  const outputs = played.history.items.flatMap((item) =>
    'output' in item && typeof item.output === 'string' ? [item.output.split('\n')[0]] : [],
  );
  assert.deepEqual(
    outputs,
    [1, 2, 3, 4, 5, 6].map((number) => `[command ${number}]`),
  );
});

test('a change ends with its checks and the text of a pull request', async () => {
  const report = {
    checks: [
      { command: 'npm test', outcome: 'passed' },
      { command: 'npm run e2e', outcome: 'notRun', note: 'there is no browser' },
    ],
    proposal: { title: 'Mend the sum', body: 'It was wrong for negative numbers.' },
  };
  const played = await play([{ say: `Mended.\n${block(report)}` }]);
  const outcome = await played.run();
  assert.equal(outcome.answer, 'Mended.');
  assert.deepEqual(outcome.report, { followUps: [], findings: [], ...report });
});

test('an answer that is only a report has no text, and shows no message', async () => {
  const played = await play([{ say: block({ followUps: [{ title: 'a', prompt: 'b' }] }) }]);
  const outcome = await played.run({ mode: 'ask' });
  assert.equal(outcome.answer, '');
  assert.equal(outcome.report?.followUps.length, 1);
  assert.deepEqual(messages(played), []);
  assert.deepEqual(played.deltas, []);
});

test('a turn that had ended before a crash has its report again', async () => {
  const report = { followUps: [{ title: 'a', prompt: 'b' }] };
  const played = await play([{ say: `Done.\n${block(report)}` }]);
  const first = await played.run();
  const again = await played.run();
  assert.deepEqual([again.answer, again.report], [first.answer, first.report]);
  assert.equal(played.server.requests.length, 1);
});

test('a plan is an item that each newer one replaces, and what is wrong with one the model reads', async () => {
  const played = await play([
    { run: "update_plan <<'PLAN'\n[>] Look\n[ ] Mend\nPLAN" },
    { run: "update_plan <<'PLAN'\n[>] Look\n[>] Mend\nPLAN" },
    { run: "update_plan '[x] Look\n[x] Mend'; update_plan '[x] All'" },
    { say: '{{output}}' },
  ]);
  const outcome = await played.run({ env, turn: 3 });
  assert.equal(outcome.answer, '[x] Look\n[x] Mend\n[x] All');
  assert.deepEqual(plans(played), [
    {
      type: 'plan',
      id: 'plan-3',
      steps: [
        { text: 'Look', state: 'inProgress' },
        { text: 'Mend', state: 'pending' },
      ],
    },
    { type: 'plan', id: 'plan-3', steps: [{ text: 'All', state: 'completed' }] },
  ]);
  assert.match(JSON.stringify(played.history.items), /2 steps are in progress; at most one can be/);
});

test('a command that names none of ours gets no file for notes', async () => {
  const played = await play([{ run: 'echo "notes: $CODEX_NOTES"' }, { say: '{{output}}' }]);
  const outcome = await played.run({ env });
  assert.equal(outcome.answer, 'notes:');
});
