import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOf, endedText, requestIdOf, startedText } from '../../../server/pull-requests/command.ts';
import { readEvent } from '../../../server/pull-requests/webhook-events.ts';

const read = (event: string, payload: unknown) =>
  readEvent('h.example', event, Buffer.from(JSON.stringify(payload)));
const repository = { full_name: 'o/n' };

test('only a comment that begins with our name asks for something', () => {
  assert.deepEqual(commandOf('@codex fix it'), { review: false, text: 'fix it' });
  assert.deepEqual(commandOf('  @Codex: review the locks'), { review: true, text: 'the locks' });
  assert.deepEqual(commandOf('@codex'), { review: false, text: '' });
  assert.deepEqual(commandOf('\r\n \r\n  @CODEX\r\nfix it\r\n'), { review: false, text: 'fix it' });
  for (const other of [
    ...['please @codex', '> @codex fix', '@codexx fix', '@codex-bot fix', '', 'codex fix'],
    ...['```\n@codex fix\n```', '    @codex fix', '\t@codex fix', '@codex/reviewers please', '`@codex` fix'],
  ])
    assert.equal(commandOf(other), null, other);
});

test('what we say ourselves never asks for anything', () => {
  const named = { taskId: 'abcdefgh12', url: null };
  const outcome = {
    state: 'completed',
    answer: '@codex again <!-- x',
    error: undefined,
    patch: undefined,
  } as const;
  assert.equal(commandOf(startedText(named)), null);
  assert.equal(commandOf(`@codex ${startedText(named)}`), null);
  assert.doesNotMatch(endedText(named, outcome), /(^|\s)@codex/);
  const said = (answer: string) => endedText(named, { ...outcome, answer });
  for (const call of ['_@codex_', '&#64;codex', '&commat;codex', '`a\n@codex`', '\\`@codex`', '(@codex)'])
    assert.match(said(call), /@\u200bcodex/, call);
  for (const code of ['`@types/node`', 'ann@example.org', '`npm i @types/node`'])
    assert.ok(said(code).includes(code), code);
});

test('a request is named by the comment, not by how the repository is spelled', () => {
  const of = { host: 'h', repo: 'O/N', commentId: 'issue-1' };
  assert.equal(requestIdOf(of), requestIdOf({ ...of, repo: 'o/n' }));
  assert.notEqual(requestIdOf(of), requestIdOf({ ...of, commentId: 'review-1' }));
});

test('an event names what to look at, and nothing of how it stands', () => {
  assert.deepEqual(read('pull_request', { repository, pull_request: { number: 3, merged: true } }), {
    concerns: { host: 'h.example', repo: 'o/n', numbers: [3], branches: [] },
  });
  assert.deepEqual(read('push', { repository, ref: 'refs/heads/a/b' })?.concerns.branches, ['a/b']);
  assert.deepEqual(read('push', { repository, ref: 'refs/tags/x' })?.concerns.branches, []);
  assert.deepEqual(
    read('check_run', {
      repository,
      check_run: { pull_requests: [{ number: 4 }], check_suite: { head_branch: 'x' } },
    })?.concerns,
    { host: 'h.example', repo: 'o/n', numbers: [4], branches: ['x'] },
  );
});

test('what can’t be read, and what we don’t know, is nothing', () => {
  assert.equal(readEvent('h', 'push', Buffer.from('{')), null);
  assert.equal(read('push', {}), null);
  assert.equal(read('push', { repository: { full_name: '../../x y' } }), null);
  assert.equal(read('star', { repository }), null);
});

test('the text of a review asks as a comment does', () => {
  const user = { login: 'a', type: 'User' };
  const told = (action: string, review: object) =>
    read('pull_request_review', { repository, action, pull_request: { number: 5 }, review })?.wish;
  const wish = told('submitted', { id: 9, body: '@codex mend this', user });
  assert.deepEqual(
    [wish?.number, wish?.commentId, wish?.author, wish?.isPull, wish?.command.text],
    [5, 'verdict-9', 'a', true, 'mend this'],
  );
  assert.equal(told('edited', { id: 9, body: '@codex mend this', user }), undefined);
  assert.equal(told('submitted', { id: 9, body: null, user }), undefined);
  assert.equal(
    told('submitted', { id: 9, body: '@codex', user: { login: 'b[bot]', type: 'Bot' } }),
    undefined,
  );
});

test('what was said long ago asks for nothing when it is sent again', () => {
  const issue = { number: 5 };
  const user = { login: 'a', type: 'User' };
  const wish = (created_at: string) =>
    read('issue_comment', {
      ...{ repository, action: 'created', issue },
      comment: { id: 9, body: '@codex fix', user, created_at },
    })?.wish;
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  assert.deepEqual([wish(ago(0))?.number, wish(ago(23))?.number, wish(ago(25))], [5, 5, undefined]);
});

test('robots, edits and other events ask for nothing', () => {
  const issue = { number: 5 };
  const comment = { id: 9, body: '@codex fix', user: { login: 'a', type: 'User' } };
  const wish = read('issue_comment', { repository, action: 'created', issue, comment })?.wish;
  assert.deepEqual([wish?.number, wish?.commentId, wish?.author, wish?.isPull], [5, 'issue-9', 'a', false]);
  for (const [event, action, by] of [
    ['issue_comment', 'created', { login: 'a[bot]', type: 'Bot' }],
    ['issue_comment', 'edited', comment.user],
    ['issue_comment', 'created', null],
    ['push', 'created', comment.user],
  ] as const) {
    assert.equal(
      read(event, { repository, action, issue, comment: { ...comment, user: by } })?.wish,
      undefined,
    );
  }
});
