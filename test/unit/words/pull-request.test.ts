import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checksWords,
  commentsWords,
  delicateTitle,
  filesWords,
  previewNotes,
  pullRequestIcon,
  pullRequestLabel,
} from '../../../client/words/index.ts';
import type { FileChange } from '../../../protocol/events.ts';

const file = (binary: boolean) => ({ binary }) as FileChange;

test('where a pull request stands is its number and one word', () => {
  assert.equal(pullRequestLabel({ state: 'open', draft: false, number: 482 }), '#482 · open');
  assert.equal(pullRequestLabel({ state: 'open', draft: true, number: 482 }), '#482 · draft');
  assert.equal(pullRequestLabel({ state: 'merged', draft: true, number: 482 }), '#482 · merged');
  assert.equal(pullRequestLabel({ state: 'publishing', draft: false }), 'publishing');
  assert.equal(pullRequestIcon({ state: 'merged', draft: false }), 'git-merge');
});

test('of checks, what failed is said first, and nothing where there are none', () => {
  assert.equal(checksWords({ passed: 3, failed: 1, running: 0 }), 'Checks: 1 failed, 3 passed');
  assert.equal(checksWords({ passed: 0, failed: 0, running: 0 }), '');
  assert.equal(commentsWords(1), '1 comment');
  assert.equal(commentsWords(4), '4 comments');
});

test('files are counted with those that are binary', () => {
  assert.equal(filesWords([file(false)], false), '1 file');
  assert.equal(filesWords([file(true)], false), '1 binary file');
  assert.equal(filesWords([file(true), file(false)], false), '2 files, 1 of them binary');
  assert.equal(filesWords([file(false), file(false)], true), 'more than 2 files');
});

test('what a person would want to have known is told, and nothing else', () => {
  const calm = { unpushedCommits: 0, behind: 0, conflicts: [] as string[], base: 'main' };
  assert.deepEqual(previewNotes(calm), []);
  const texts = (some: Partial<typeof calm>) => previewNotes({ ...calm, ...some }).map(({ text }) => text);
  assert.deepEqual(texts({ unpushedCommits: 1, behind: 2 }), [
    '1 commit of yours is not pushed yet, and goes along.',
    '“main” has gone on by 2 commits since; nothing conflicts.',
  ]);
  assert.deepEqual(texts({ behind: 9, conflicts: ['a', 'b', 'c', 'd'] }), [
    '“main” has changed since in a way that conflicts (a, b, c, …).',
  ]);
  assert.match(delicateTitle(2), /^2 files need/);
});
