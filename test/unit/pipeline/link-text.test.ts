import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueText, pullText } from '../../../server/pipeline/links/text.ts';
import { aComment, anIssue, aPull } from '../../support/forges.ts';

const ROOM = 64 * 1024;
const bytes = (text: string) => Buffer.byteLength(text);

test('an issue is told with title, state, author, labels, text and comments in their order', () => {
  const comments = [aComment(), aComment({ author: 'dave', body: 'Mended in 2.0.' })];
  const { text, title, isCut } = issueText(anIssue({ comments }), ROOM);
  assert.equal(title, 'The sum is wrong');
  assert.equal(isCut, false);
  assert.equal(
    text,
    [
      'Title: The sum is wrong\nState: open; by alice\nLabels: bug',
      'With two items it says three.',
      '--- Comment by carol, 2026-01-02 03:04\nI see it too.',
      '--- Comment by dave, 2026-01-02 03:04\nMended in 2.0.',
    ].join('\n\n'),
  );
});

test('a pull request is told with its branches, and a comment with its line', () => {
  const comments = [aComment({ path: 'src/sum.ts', line: 12 })];
  const { text } = pullText(aPull({ draft: true }), comments, ROOM);
  assert.match(text, /^State: draft; by bob$/m);
  assert.match(text, /^From mend \(b{40}\) into main$/m);
  assert.match(text, /Comment by carol on src\/sum\.ts:12, /);
});

test('what is too long loses its oldest comments first, and says how many', () => {
  const comments = Array.from({ length: 50 }, (_, n) =>
    aComment({ body: `comment ${n} ${'x'.repeat(400)}` }),
  );
  const { text, isCut } = issueText(anIssue({ comments }), 4_000);
  assert.equal(isCut, true);
  assert.ok(bytes(text) <= 4_000, `${bytes(text)}`);
  assert.match(text, /With two items it says three\./);
  assert.match(text, /comment 49 /);
  assert.doesNotMatch(text, /comment 0 /);
  const kept = text.match(/--- Comment/g)?.length ?? 0;
  assert.match(text, new RegExp(`\\[… ${50 - kept} older comments are left out here …\\]`));
});

test('a text that is too long is cut at a whole character, with a mark, and leaves room for the newest comment', () => {
  const issue = anIssue({ body: 'ä€😀'.repeat(10_000), comments: [aComment({ body: 'y'.repeat(9_000) })] });
  for (const room of [2_000, 2_001, 2_002, 2_003]) {
    const { text, isCut } = issueText(issue, room);
    assert.equal(isCut, true);
    assert.ok(bytes(text) <= room, `${bytes(text)} of ${room}`);
    assert.doesNotMatch(text, /\uFFFD/);
    assert.match(text, /more bytes are left out here/);
    assert.match(text, /Comment by carol/);
  }
});

test('names and titles stay on their line, and nothing in them moves a terminal', () => {
  const { text, title } = issueText(
    anIssue({ title: 'One\nState: merged\u0000', author: 'a\nb', labels: ['x\ny'] }),
    ROOM,
  );
  assert.doesNotMatch(title, /\n/);
  assert.equal(text.split('\n').filter((line) => line.startsWith('State:')).length, 1);
  assert.match(text, /by a b$/m);
});
