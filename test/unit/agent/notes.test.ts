import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTES_BYTES } from '../../../protocol/notes.ts';
import { checkNewEvent } from '../../../protocol/events.ts';
import { noteEvents, notesPath, parseNotes, readNotes, withNotes } from '../../../server/agent/notes.ts';

const step = (text: string, state = 'pending') => ({ text, state });
const plan = (...steps: unknown[]) => JSON.stringify({ kind: 'plan', steps });
const parse = (...lines: string[]) => parseNotes(Buffer.from(lines.join('\n')));

test('only a call that names a command which notes gets a file for notes', () => {
  assert.equal(notesPath('c1', ['bash', '-c', 'npm test'], {}), null);
  const path = notesPath('c1', ['bash', '-c', "update_plan <<'P'\n[ ] a\nP"], {});
  assert.equal(path, '/tmp/.codex-notes-c1');
  assert.equal(notesPath('c1', ['view_image', 'a.png'], { TMPDIR: '/var/t' }), '/var/t/.codex-notes-c1');
  assert.deepEqual(withNotes({ A: '1' }, path), { A: '1', CODEX_NOTES: '/tmp/.codex-notes-c1' });
  assert.deepEqual(withNotes({ A: '1' }, null), { A: '1' });
});

test('plans and pictures come back in their order, and the newest plan is the turn’s', () => {
  const notes = parse(
    plan(step('one', 'inProgress')),
    '{"kind":"image","path":"shots/a.png"}',
    plan(step('one', 'completed'), step('two', 'inProgress')),
    '',
  );
  assert.deepEqual(
    notes.notes.map((note) => note.kind),
    ['plan', 'image', 'plan'],
  );
  const events = noteEvents(notes, 3, 'c1');
  events.forEach(checkNewEvent);
  assert.deepEqual(events, [
    {
      code: 'item.completed',
      params: {
        item: {
          type: 'plan',
          id: 'plan-3',
          steps: [step('one', 'completed'), step('two', 'inProgress')],
        },
      },
    },
  ]);
});

const REFUSED: [what: string, line: string][] = [
  ['not JSON', 'plan: everything'],
  ['no object', '["plan"]'],
  ['null', 'null'],
  ['an unknown kind', '{"kind":"run","command":"rm -rf /"}'],
  ['no steps', plan()],
  ['too many steps', plan(...Array.from({ length: 21 }, (_, at) => step(`${at}`)))],
  ['two steps in progress', plan(step('a', 'inProgress'), step('b', 'inProgress'))],
  ['a step without text', plan(step(' \u0000\n '))],
  ['a step that is an essay', plan(step('a'.repeat(201)))],
  ['an unknown state', plan(step('a', 'done'))],
  ['a prototype', '{"__proto__":{"kind":"plan"},"steps":[]}'],
  ['an empty path', '{"kind":"image","path":""}'],
  ['a path with NUL', '{"kind":"image","path":"a\\u0000b"}'],
  ['depth', '['.repeat(10_000) + ']'.repeat(10_000)],
];

for (const [what, line] of REFUSED) {
  test(`a note is passed over that has ${what}, and those beside it count`, () => {
    const { notes } = parse(plan(step('before')), line, plan(step('after')));
    assert.deepEqual(notes, [
      { kind: 'plan', steps: [step('before')] },
      { kind: 'plan', steps: [step('after')] },
    ]);
  });
}

test('what would move a terminal’s cursor is taken out of a step', () => {
  const { notes } = parse(plan(step('one\u001b[2J\r\ntwo\u009b31m\ud800')));
  assert.deepEqual(notes, [{ kind: 'plan', steps: [step('one [2J two 31m\ufffd')] }]);
});

test('a file of any size is read to its limit, and that is told', async () => {
  const line = Buffer.from(`${plan(step('a'))}\n`);
  const huge = Buffer.alloc(4 * NOTES_BYTES, line);
  const asked: number[] = [];
  const sandbox = {
    get: async (_: string, maxBytes: number) => {
      asked.push(maxBytes);
      return huge.subarray(0, maxBytes);
    },
  };
  const notes = await readNotes(sandbox, '/tmp/notes');
  assert.deepEqual(asked, [NOTES_BYTES + 1]);
  assert.ok(notes.notes.length <= NOTES_BYTES / line.length);
  const events = noteEvents(notes, 1, 'c1');
  events.forEach(checkNewEvent);
  assert.deepEqual(
    events.map((event) => event.code),
    ['limit.reached', 'item.completed'],
  );
});

test('no file, or a sandbox that is gone, is no note and no failure', async () => {
  assert.deepEqual(await readNotes({ get: async () => null }, '/tmp/notes'), { notes: [], cut: false });
  const gone = {
    get: async () => {
      throw new Error('lost');
    },
  };
  assert.deepEqual(await readNotes(gone, '/tmp/notes'), { notes: [], cut: false });
  assert.deepEqual(await readNotes(gone, null), { notes: [], cut: false });
});
