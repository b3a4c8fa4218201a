/** Which connected forge an address means, and which links of a prompt are followed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORGE_WHY_WORDS } from '../../../client/words/index.ts';
import { defaultApiUrl } from '../../../protocol/forge-address.ts';
import {
  API_URL_PROBLEMS,
  apiUrlProblem,
  findLinks,
  fitsKind,
  hostFor,
  webUrl,
} from '../../../server/forge/sites.ts';

test('an address of SSH means the forge at another port when there is just one', () => {
  const ssh = { host: 'git.example', anyPort: true };
  assert.equal(hostFor(['git.example:8443', 'github.com'], ssh), 'git.example:8443');
  assert.equal(hostFor(['git.example:8443', 'git.example'], ssh), 'git.example');
  assert.equal(hostFor(['git.example:8443', 'git.example:9443'], ssh), null);
  assert.equal(hostFor(['git.example:8443'], { host: 'git.example', anyPort: false }), null);
  assert.ok(fitsKind('a/b', 'github') && !fitsKind('a/b/c', 'github') && fitsKind('a/b/c', 'gitlab'));
});

test('the API of a host is where it usually is, and without TLS on this machine alone', () => {
  assert.equal(defaultApiUrl('github.com'), 'https://api.github.com');
  assert.equal(defaultApiUrl('gitlab.com', 'gitlab'), 'https://gitlab.com/api/v4');
  assert.equal(defaultApiUrl('octo.ghe.com'), 'https://api.octo.ghe.com');
  assert.equal(defaultApiUrl('git.example:8443'), 'https://git.example:8443/api/v3');
  assert.equal(defaultApiUrl('127.0.0.1:4000'), 'http://127.0.0.1:4000/api/v3');
  assert.equal(webUrl('github.com', 'https://api.github.com'), 'https://github.com');
  assert.equal(webUrl('127.0.0.1:4000', 'http://127.0.0.1:4000/api/v3'), 'http://127.0.0.1:4000');
  for (const good of ['https://git.example/api/v3', 'http://localhost:1/api/v3', 'http://127.0.0.1/'])
    assert.equal(apiUrlProblem(good), null, good);
  for (const bad of [
    'git.example',
    'http://git.example/api/v3',
    'http://127.0.0.1.evil.example/',
    'https://a:hidden@b/',
    'https://a/?t=1',
    'file:///etc',
  ]) {
    const why = apiUrlProblem(bad);
    assert.ok(why, bad);
    assert.ok(why in API_URL_PROBLEMS && why in FORGE_WHY_WORDS, why);
  }
});

const HOSTS = [
  { host: 'github.com', kind: 'github' },
  { host: 'git.example:8443', kind: 'github' },
  { host: 'gitlab.com', kind: 'gitlab' },
] as const;
const links = (text: string) =>
  findLinks(text, HOSTS).map(({ kind, host, name, number }) => `${kind} ${host}/${name}#${number}`);

const LINKS: [string, string[]][] = [
  ['Fix https://github.com/octo/app/issues/12.', ['issue github.com/octo/app#12']],
  ['See (https://github.com/octo/app/pull/3), please', ['pull github.com/octo/app#3']],
  ['[this](https://github.com/octo/app/pull/3/files)', ['pull github.com/octo/app#3']],
  ['<https://github.com/octo/app/pull/3/commits/0a1b>', ['pull github.com/octo/app#3']],
  ['https://github.com/octo/app/issues/7#issuecomment-99!', ['issue github.com/octo/app#7']],
  ['https://github.com/octo/app/pull/3?diff=split', ['pull github.com/octo/app#3']],
  ['**https://github.com/octo/app/pull/3.diff**', ['diff github.com/octo/app#3']],
  ['`https://github.com/octo/app/pull/3.patch`', ['diff github.com/octo/app#3']],
  ['"https://GITHUB.com/octo/app/pull/3.diff",', ['diff github.com/octo/app#3']],
  ['请看 https://github.com/octo/app/issues/12。', ['issue github.com/octo/app#12']],
  ['「https://github.com/octo/app/pull/3」を見て', ['pull github.com/octo/app#3']],
  ['请按照https://github.com/octo/app/pull/3.diff，修复', ['diff github.com/octo/app#3']],
  [
    '“https://github.com/octo/app/pull/3”, «https://github.com/octo/app/issues/4»…',
    ['pull github.com/octo/app#3', 'issue github.com/octo/app#4'],
  ],
  [
    'https://github.com/octo/app/issues/7에서 https://github.com/octo/app/pull/8…',
    ['issue github.com/octo/app#7', 'pull github.com/octo/app#8'],
  ],
  [
    'https://github.com/octo/app/issues/12,https://github.com/octo/app/issues/13;https://github.com/octo/app/pull/3.diff',
    ['issue github.com/octo/app#12', 'issue github.com/octo/app#13', 'diff github.com/octo/app#3'],
  ],
  ['https://archive.example/web/2026/https://github.com/octo/app/pull/3', []],
  ['https://www.github.com/octo/app/pull/3#discussion_r99', ['pull github.com/octo/app#3']],
  ['https://gïthub.com/octo/app/pull/3 https://github.com。evil.example/octo/app/pull/3', []],
  ['https://github.com／octo/app/pull/3 https://github.com:444/octo/app/pull/3', []],
  ['https://git.example:8443/octo/app/pull/5', ['pull git.example:8443/octo/app#5']],
  [
    'https://github.com/octo/app/pull/3 and https://github.com/Octo/App/pull/3/files, https://github.com/octo/app/pull/3.diff',
    ['pull github.com/octo/app#3', 'diff github.com/octo/app#3'],
  ],
  ['https://git.example/octo/app/pull/5 http://evil.example/github.com/octo/app/pull/1', []],
  ['https://github.com.evil.example/octo/app/pull/5', []],
  ['https://github.com@evil.example/octo/app/pull/5', []],
  ['https://github.com/octo/app/pull/0 https://github.com/octo/app/pull/3x', []],
  ['https://github.com/octo/app/issues/new https://github.com/octo/app/pulls', []],
  ['https://github.com/octo/app/issues/3.diff', []],
  ['https://github.com/octo/app/pull/3.diff/more', []],
  ['https://github.com/octo%2Fapp/x/pull/3 https://github.com/octo/app%2Fx/issues/3', []],
  ['github.com/octo/app/pull/3 octo/app#3 #3', []],
  ['https://gitlab.com/group/app/-/merge_requests/12', ['pull gitlab.com/group/app#12']],
  ['(https://gitlab.com/a/b/app/-/issues/3#note_9).', ['issue gitlab.com/a/b/app#3']],
  ['https://gitlab.com/a/b/c/app/-/merge_requests/12/diffs?x=1', ['pull gitlab.com/a/b/c/app#12']],
  ['https://gitlab.com/group/app/-/merge_requests/12.diff', ['diff gitlab.com/group/app#12']],
  ['https://gitlab.com/group/app/-/work_items/4', ['issue gitlab.com/group/app#4']],
  ['https://gitlab.com/a/b/pull/3 https://github.com/a/b/-/issues/3 https://gitlab.com/a/-/issues/1', []],
  ['https://gitlab.com/a/b/-/issues/3.diff https://gitlab.com/a/b/-/merge_requests/new', []],
];
for (const [text, expected] of LINKS) test(`in “${text}”`, () => assert.deepEqual(links(text), expected));

test('a link stands as the text has it, and of many all are found', () => {
  const [link] = findLinks('x https://github.com/octo/app/pull/3/files?w=1#diff-1.', HOSTS);
  assert.equal(link?.url, 'https://github.com/octo/app/pull/3/files?w=1#diff-1');
  const many = Array.from({ length: 30 }, (_, at) => `https://github.com/o/a/issues/${at + 1}`).join(' ');
  assert.equal(links(many).length, 30, 'how many of them are read is said where they are');
});

test('a text of only marks takes no time', () => {
  const started = performance.now();
  for (const piece of ['https://github.com/', '.', '*_~', 'https://a/a/pull/1']) links(piece.repeat(20_000));
  links(`https://${'.'.repeat(500_000)}x`);
  assert.ok(performance.now() - started < 2_000);
});
