/** What can go wrong at a call to a forge, and what it is called. */
import assert from 'node:assert/strict';
import { errorWords } from '../../../client/words/index.ts';
import type { CodexError, ErrorCode } from '../../../protocol/errors.ts';
import { garbage, rateLimit, secondaryRateLimit, status, type Fault } from '../../support/github/index.ts';

export interface Row {
  name: string;
  /** Made when it is needed: some say a time. */
  fault: () => Fault;
  code: ErrorCode;
  /** What the sentence has beside. */
  says?: RegExp;
}

const refusal = (message: string, errors: readonly object[]): Fault => ({
  kind: 'answer',
  status: 422,
  body: { message, errors, documentation_url: 'https://docs.github.com/rest' },
});
const validation = (message: string) =>
  refusal('Validation Failed', [{ resource: 'PullRequest', code: 'custom', message }]);

const EVERYWHERE: Row[] = [
  { name: '401', fault: () => status(401, 'Bad credentials'), code: 'forgeUnauthorized' },
  { name: '403', fault: () => status(403), code: 'forgeForbidden' },
  { name: '404', fault: () => status(404, 'Not Found'), code: 'forgeRepoUnknown' },
  { name: '409', fault: () => status(409), code: 'forgeRefused' },
  { name: '422', fault: () => status(422), code: 'forgeRefused' },
  { name: '429', fault: () => status(429), code: 'forgeRateLimited' },
  {
    name: '429 that says how long',
    fault: () => secondaryRateLimit({ status: 429, retryAfterS: 3_600 }),
    code: 'forgeRateLimited',
    says: /1 h/,
  },
  {
    name: '403 that says how long',
    fault: () => secondaryRateLimit({ retryAfterS: 3_600 }),
    code: 'forgeRateLimited',
    says: /1 h/,
  },
  {
    name: 'a secondary limit that does not say how long',
    fault: () => secondaryRateLimit({ retryAfterS: null }),
    code: 'forgeRateLimited',
  },
  {
    name: 'a limit that never ends',
    fault: () => secondaryRateLimit({ retryAfterS: 1 }),
    code: 'forgeRateLimited',
  },
  { name: '500', fault: () => status(500), code: 'forgeUnavailable' },
  { name: '502', fault: () => garbage(502), code: 'forgeUnavailable' },
  { name: '503', fault: () => status(503), code: 'forgeUnavailable' },
  { name: 'a page instead of an answer', fault: () => garbage(), code: 'forgeGarbage' },
  {
    name: 'cut before it was asked',
    fault: () => ({ kind: 'cutRequest', afterBytes: 0 }),
    code: 'forgeUnavailable',
  },
];

const LOST: Row[] = [
  {
    name: 'cut before the answer',
    fault: () => ({ kind: 'cutAnswer', afterBytes: 0 }),
    code: 'forgeUnavailable',
  },
  {
    name: 'cut in the answer',
    fault: () => ({ kind: 'cutAnswer', afterBytes: 1 }),
    code: 'forgeUnavailable',
  },
];

const OF_API: Row[] = [
  {
    name: 'the hour’s requests are used up',
    fault: () => rateLimit({ resetInS: 600 }),
    code: 'forgeRateLimited',
    says: /\b(9|10) min/,
  },
  {
    name: 'another answer than asked for',
    fault: () => ({ kind: 'answer', status: 200, body: { number: 'one' } }),
    code: 'forgeGarbage',
  },
];

const OF_WRITING: Row[] = [
  {
    name: '422: there is one already',
    fault: () => validation('A pull request already exists for octocat:elsewhere.'),
    code: 'forgeRefused',
    says: /already exists/,
  },
  {
    name: '422: nothing to merge',
    fault: () => validation('No commits between main and codex/x'),
    code: 'forgeRefused',
    says: /No commits between main and codex\/x/,
  },
  {
    name: '422: a field',
    fault: () => refusal('Validation Failed', [{ resource: 'PullRequest', field: 'base', code: 'invalid' }]),
    code: 'forgeRefused',
    says: /PullRequest base invalid/,
  },
];

/** Those of a request without a body are cut with its head. */
export function rowsOf(route: string): Row[] {
  const isGit = route.startsWith('git ');
  const writes = /^(POST|PATCH) /.test(route);
  const hasBody = writes || /^git \S+-pack$/.test(route);
  return [
    ...EVERYWHERE.filter(({ name }) => name !== 'cut before it was asked' || hasBody),
    ...(isGit ? [] : OF_API),
    ...(writes ? OF_WRITING : []),
    // A pull request that was made is found at once. Of what was pushed nothing is left to be cut, and nothing of
    // an answer that says that nothing has changed.
    ...LOST.filter((_, nth) =>
      nth === 0 ? !route.startsWith('POST ') : isGit && route !== 'git receive-pack',
    ),
  ];
}

/** What there is to do, in some words. */
const DO = /\b(try again|connect|give it|ask|choose|take it out|make a new|look at|open it)\b/i;

export function checkError(error: CodexError, row: Row, token: string): void {
  const said = errorWords(error.wire).text;
  assert.equal(error.code, row.code, `${row.name}: ${said}`);
  assert.doesNotMatch(said, /[{}]|undefined|null|NaN/);
  assert.match(said, DO, row.name);
  if (row.says) assert.match(said, row.says);
  assert.ok(!JSON.stringify([error.wire, error.message, error.stack]).includes(token), row.name);
}
