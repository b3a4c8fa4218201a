import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english } from '../../../client/words/index.ts';
import type { PullRequestPreview } from '../../../protocol/pull-request.ts';
import type { TurnModel } from '../../../webview/task/model.ts';
import { hasNewerResult } from '../../../webview/task/model.ts';
import { formOf, keptText, problemsOf, writtenOf } from '../../../webview/task/pull-request/form-model.ts';

const PREVIEW = {
  ...{ title: 'Round', body: 'Why', draft: false, branch: 'codex/round', base: 'main' },
  ...{ delicate: [] as PullRequestPreview['delicate'] },
} as unknown as PullRequestPreview;

test('what was typed comes back over a newer proposal, and what was not touched follows it', () => {
  const form = { ...formOf(PREVIEW, ''), title: 'Round once' };
  const kept = keptText(form, PREVIEW);
  assert.equal(kept, '{"title":"Round once"}');
  const newer = { ...PREVIEW, title: 'Round 2', body: 'Better' };
  assert.deepEqual(formOf(newer, kept), { ...form, body: 'Better' });
  assert.equal(keptText(formOf(PREVIEW, ''), PREVIEW), '');
});

test('what an earlier page kept in another shape is passed over', () => {
  for (const kept of ['', 'x', '[]', 'null', '{"title":1,"draft":"yes","other":"x"}'])
    assert.deepEqual(formOf(PREVIEW, kept), formOf(PREVIEW, ''), kept);
});

test('each mistake is told at its field', () => {
  const form = formOf(PREVIEW, '');
  const problems = (some: Partial<typeof form>) =>
    Object.keys(problemsOf({ ...form, ...some }, PREVIEW, false, false, english));
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ title: ' ' }), ['title']);
  assert.deepEqual(problems({ title: 'x'.repeat(257) }), ['title']);
  assert.deepEqual(problems({ body: 'x'.repeat(60_001) }), ['body']);
  for (const branch of [
    '',
    'a b',
    'a..b',
    '-a',
    'a/',
    'a.lock',
    '@',
    'a~1',
    'a/.b',
    'a.lock/b',
    'HEAD',
    'ü'.repeat(200),
    'main',
  ])
    assert.deepEqual(problems({ branch }), ['branch'], branch);
  assert.deepEqual(problems({ branch: 'größe/日本' }), []);
  assert.deepEqual(problems({ base: '' }), ['base']);
});

test('files that need a second look need their own yes, which goes along with their key', () => {
  const delicate = {
    ...PREVIEW,
    delicate: [{ path: '.gitmodules', why: 'submodule' }],
    delicateKey: 'k1',
  } as PullRequestPreview;
  const form = formOf(delicate, '');
  assert.deepEqual(Object.keys(problemsOf(form, delicate, false, false, english)), ['confirmed']);
  assert.deepEqual(Object.keys(problemsOf({ ...form, title: '' }, delicate, false, true, english)), [
    'confirmed',
  ]);
  assert.deepEqual(problemsOf(form, delicate, true, false, english), {});
  assert.equal(writtenOf(form, delicate, true).confirmed, 'k1');
  assert.equal('confirmed' in writtenOf(form, delicate, false), false);
});

test('a result is newer only when it is another one, and its turn has ended', () => {
  const turn = (number: number, sha256: string, state = 'completed') =>
    ({
      turn: number,
      state,
      attempts: [{ attempt: 1, patch: { summary: { files: 1, sha256 } } }],
    }) as TurnModel;
  const published = { turn: 1, attempt: 1 };
  assert.equal(hasNewerResult([turn(1, 'a')], published), false);
  assert.equal(hasNewerResult([turn(1, 'a'), turn(2, 'a')], published), false, 'only an answer');
  assert.equal(hasNewerResult([turn(1, 'a'), turn(2, 'b')], published), true);
  assert.equal(hasNewerResult([turn(1, 'a'), turn(2, 'b', 'running')], published), false);
});
