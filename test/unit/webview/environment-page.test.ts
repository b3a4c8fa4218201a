/** The page of environments without a page: form and environment, what changed, what is wrong, who wins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english } from '../../../client/words/index.ts';
import {
  defaultEnvironment,
  Environment,
  LANGUAGES,
  Resources,
  type StoredEnvironment,
} from '../../../protocol/environment.ts';
import { applyEdit, editBetween, EnvironmentEdit } from '../../../protocol/environment-edit.ts';
import {
  conflictFields,
  editedFields,
  editOf,
  isDirty,
  newDraft,
  onTopOf,
  withNewest,
  type Draft,
} from '../../../webview/environment/draft.ts';
import { draftsText, readDrafts } from '../../../webview/environment/drafts.ts';
import { readEnvironmentFile } from '../../../webview/environment/file.ts';
import {
  fieldsOf,
  formOf,
  normalFields,
  QUANTITIES,
  QUANTITY_NAMES,
  type Form,
} from '../../../webview/environment/form.ts';
import { nameProblem, problemsOf, RANGES } from '../../../webview/environment/problems.ts';

const FULL = Environment.parse({
  ...defaultEnvironment('web'),
  image: 'ghcr.io/openai/codex-universal:latest',
  versions: { node: '22', python: '3.12' },
  variables: { CI: '1', GREETING: 'two\nlines "quoted"' },
  workdir: 'packages/app',
  setup: '#!/bin/bash\nnpm ci\n',
  maintenance: '',
  commandTimeoutMs: 90_000,
  setupTimeoutMs: 20 * 60_000,
  setupForAsk: true,
  resources: { memoryBytes: 1.5 * 1024 ** 3, cpus: 0.5, pids: 500, diskBytes: 8 * 1024 ** 3 },
  cacheMs: 0,
  parkedMs: 0,
  allowSecretsIn: ['~/.npmrc', '/etc/pip.conf'],
  approval: { policy: 'onRisk', allow: ['npm test'], deny: ['git push*'] },
  model: 'company/gpt-5.5',
  effort: 'high',
});

const stored = (more: Partial<Environment> = {}, updatedAt = 1): StoredEnvironment => ({
  ...defaultEnvironment('web'),
  ...more,
  updatedAt,
  updatedBy: 'someone',
});
const typed = (draft: Draft, more: Partial<Form>): Draft => ({ ...draft, form: { ...draft.form, ...more } });

test('an environment comes out of the form as it went in, every field of it', () => {
  const { internet } = FULL;
  assert.deepEqual({ name: 'web', internet, ...fieldsOf(formOf(FULL)) }, FULL);
  assert.deepEqual(applyEdit(defaultEnvironment('web'), editBetween({}, fieldsOf(formOf(FULL)))), FULL);
  assert.deepEqual(fieldsOf(formOf(defaultEnvironment())), {}, 'what is unset stays unset');
  assert.deepEqual(problemsOf(formOf(FULL), english), new Map());
});

test('only what was changed is in an edit; what was emptied goes back to unset', () => {
  const draft = newDraft({ ...FULL, updatedAt: 1, updatedBy: '' });
  assert.ok(!isDirty(draft));
  const { form } = draft;
  const changed = typed(draft, {
    image: 'universal',
    imageKind: 'own',
    workdir: '',
    scripts: { ...form.scripts, setup: { kind: 'unset', text: form.scripts.setup.text } },
    quantities: { ...form.quantities, cpus: '', memoryBytes: '2' },
  });
  const edit = editOf(changed);
  assert.deepEqual(EnvironmentEdit.parse(edit), edit);
  assert.deepEqual(Object.keys(edit.set).sort(), ['image', 'resources']);
  assert.deepEqual(edit.set.resources, { memoryBytes: 2 * 1024 ** 3, pids: 500, diskBytes: 8 * 1024 ** 3 });
  assert.deepEqual([...edit.unset].sort(), ['setup', 'workdir']);
  const saved = applyEdit(FULL, edit);
  assert.equal(saved.setup, undefined);
  assert.deepEqual(saved.variables, FULL.variables);
});

test('typing something and taking it back is no change; nor is an empty row, or a comma for a point', () => {
  const draft = newDraft(stored({ resources: { cpus: 1.5 }, variables: { A: '1' } }));
  const { form } = draft;
  assert.ok(!isDirty(typed(draft, { variables: [...form.variables, { name: '', value: '' }] })));
  assert.ok(!isDirty(typed(draft, { quantities: { ...form.quantities, cpus: '1,5' } })));
  assert.ok(!isDirty(typed(draft, { workdir: '  ' })));
  assert.ok(isDirty(typed(draft, { variables: [{ name: 'A', value: '2' }] })));
});

test('automatic, none and a script are three things; the text of a script is kept while looking around', () => {
  const { scripts } = formOf(stored({ setup: 'make' }));
  const as = (kind: 'unset' | 'none' | 'script') =>
    fieldsOf({ ...formOf(stored()), scripts: { ...scripts, setup: { ...scripts.setup, kind } } }).setup;
  assert.deepEqual([as('unset'), as('none'), as('script')], [undefined, '', 'make']);
});

test('each mistake is told at its own field', () => {
  const form = formOf(stored());
  const bad: Form = {
    ...form,
    imageKind: 'other',
    image: 'has spaces',
    versions: { ...form.versions, node: 'v 22' },
    variables: [
      { name: 'GOOD', value: '1' },
      { name: '1BAD', value: '' },
      { name: 'PATH', value: '/x' },
      { name: 'GOOD', value: '2' },
      { name: '', value: 'nameless' },
      { name: 'NUL', value: 'a\0b' },
    ],
    workdir: '../out',
    scripts: { setup: { kind: 'script', text: ' \n' }, maintenance: { kind: 'script', text: 'a\0' } },
    quantities: { ...form.quantities, cpus: 'two', cacheMs: '999', pids: '3', setupTimeoutMs: '-1' },
    allowSecretsIn: 'npmrc',
    allow: 'x'.repeat(501),
    deny: Array.from({ length: 201 }, (_, at) => `c${at}`).join('\n'),
  };
  const problems = problemsOf(bad, english);
  assert.deepEqual(
    [...problems.keys()].sort(),
    [
      ...['allow', 'allowSecretsIn', 'deny', 'image'],
      ...['quantities.cacheMs', 'quantities.cpus', 'quantities.pids', 'quantities.setupTimeoutMs'],
      ...['scripts.maintenance', 'scripts.setup'],
      ...['variables.1', 'variables.2', 'variables.3', 'variables.4', 'variables.5'],
      ...['versions.node', 'workdir'],
    ].sort(),
  );
  assert.equal(problems.get('quantities.pids'), 'Between 32 and 16384.');
  assert.equal(problems.get('quantities.cacheMs'), 'Between 0 and 168 h.');
  assert.match(problems.get('variables.2') ?? '', /^PATH is set by Codex itself/);
  for (const sentence of problems.values()) assert.match(sentence, /\.$/);
});

test('names are judged by the rule that the backend has', () => {
  for (const name of ['NPM_TOKEN', '_x', 'a1']) assert.equal(nameProblem(name, english), null, name);
  for (const name of ['', '1A', 'A-B', 'HOME', 'CODEX_X', 'https_proxy', 'LD_PRELOAD', 'A'.repeat(129)]) {
    assert.notEqual(nameProblem(name, english), null, name);
  }
});

test('the ranges that are told are those that hold', () => {
  for (const name of QUANTITY_NAMES) {
    const { least, most } = RANGES[name];
    const { factor } = QUANTITIES[name];
    const accepts = (value: number) =>
      name in Resources.shape
        ? Resources.safeParse({ [name]: value }).success
        : Environment.safeParse({ ...defaultEnvironment(), [name]: value }).success;
    const text = (value: number) => String(value);
    const says = (value: number) =>
      problemsOf(
        { ...formOf(stored()), quantities: { ...formOf(stored()).quantities, [name]: text(value) } },
        english,
      ).size > 0;
    assert.ok(accepts(least * factor) && !says(least), `${name}: ${least}`);
    assert.ok(accepts(most * factor) && !says(most), `${name}: ${most}`);
    assert.ok(!accepts(most * factor * 1.01) && says(most * 1.01), `${name}: above ${most}`);
  }
});

test('what was changed elsewhere fills the fields that were not touched, and is told', () => {
  const mine = typed(newDraft(stored({ workdir: 'a' })), { workdir: 'mine' });
  const now = withNewest(mine, stored({ workdir: 'a', image: 'universal' }, 2));
  assert.equal(now.theirs, undefined);
  assert.deepEqual([now.form.workdir, now.form.image, now.base.updatedAt], ['mine', 'universal', 2]);
  assert.deepEqual(now.taken, ['image']);
  assert.deepEqual(editedFields(now), ['workdir']);
});

test('a field that both changed is a conflict: nothing moves until it is decided', () => {
  const mine = typed(newDraft(stored({ workdir: 'a' })), { workdir: 'mine', image: 'universal' });
  const newest = stored({ workdir: 'theirs', setup: 'make' }, 2);
  const now = withNewest(mine, newest);
  assert.equal(now.theirs, newest);
  assert.equal(now.form, mine.form);
  assert.deepEqual(conflictFields(now).sort(), ['setup', 'workdir']);
  const over = onTopOf(now, newest);
  assert.deepEqual(applyEdit(newest, editOf(over)), { ...newest, workdir: 'mine', image: 'universal' });
  assert.equal(over.form.scripts.setup.text, 'make', 'what only they changed is kept');
});

test('typing on while a save is on its way is no conflict with that save', () => {
  const saving = typed(newDraft(stored()), { workdir: 'first' });
  const typing = typed({ ...saving, sent: fieldsOf(saving.form) }, { workdir: 'first and more' });
  const now = withNewest(typing, stored({ workdir: 'first' }, 2));
  assert.equal(now.theirs, undefined);
  assert.deepEqual([now.form.workdir, now.base.workdir, now.sent], ['first and more', 'first', undefined]);
  assert.ok(withNewest(typing, stored({ workdir: 'theirs' }, 2)).theirs, 'somebody else’s still is one');
});

test('the same change made here and elsewhere is none', () => {
  const mine = typed(newDraft(stored()), { workdir: 'same' });
  const now = withNewest(mine, stored({ workdir: 'same' }, 2));
  assert.ok(!now.theirs && !isDirty(now));
});

test('another internet policy is no conflict, and what is half typed stays to the letter', () => {
  const mine = typed(newDraft(stored()), {
    quantities: { ...formOf(stored()).quantities, cpus: '1.' },
    variables: [{ name: 'HALF-', value: '' }],
  });
  const newest = stored({}, 2);
  const now = withNewest(mine, { ...newest, internet: { ...newest.internet, agent: newest.internet.setup } });
  assert.equal(now.form, mine.form);
  assert.equal(now.taken, undefined);
  const other = withNewest(mine, stored({ image: 'universal' }, 3));
  assert.equal(other.form.quantities.cpus, '1.');
  assert.deepEqual(other.form.variables, [{ name: 'HALF-', value: '' }]);
});

test('drafts are kept as text: only unsaved ones, and nothing of another kind comes back', () => {
  const dirty = typed(newDraft(stored()), { workdir: 'mine' });
  const text = draftsText({ web: dirty, other: newDraft({ ...stored(), name: 'other' }) });
  assert.deepEqual(readDrafts(text), { web: dirty });
  assert.deepEqual(readDrafts('{"web":{"base":{"name":"x"},"form":{}}}'), {});
  for (const junk of ['', 'null', '[1]', '{"a":1}']) assert.deepEqual(readDrafts(junk), {}, junk);
});

test('the repository’s file is read field by field; what can’t be read is passed over', () => {
  const text = [
    'version: 1',
    'image: universal',
    'versions: { node: 22, python: "3.12", cobol: 1 }',
    'variables: { A: one }',
    'setup: |',
    '  npm ci',
    'commandTimeoutMs: -5',
  ].join('\n');
  assert.deepEqual(readEnvironmentFile(text), {
    image: 'universal',
    variables: { A: 'one' },
    setup: 'npm ci\n',
  });
  assert.deepEqual(readEnvironmentFile('versions: { node: 22 }'), { versions: { node: '22' } });
  for (const junk of ['', '- a', 'a: [', '&a [*a]', 'x'.repeat(600_000)]) {
    assert.deepEqual(readEnvironmentFile(junk), {});
  }
});

test('the form has a field for every language and no more', () => {
  assert.deepEqual(Object.keys(formOf(stored()).versions), [...LANGUAGES]);
  assert.deepEqual(normalFields(stored({ variables: {}, versions: {}, resources: {} })), {});
});
