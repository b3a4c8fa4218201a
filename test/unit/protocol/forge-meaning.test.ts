/** What GitHub's answers mean, by status and headers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meaningOf, type Meaning } from '../../../protocol/forge-meaning.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const SECONDARY = {
  message: 'You have exceeded a secondary rate limit',
  documentation_url: 'https://docs.github.com/rest/overview/rate-limits#about-secondary-rate-limits',
};

function meaning(status: number, headers: Record<string, string> = {}, body: unknown = {}): Meaning {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const asked = { host: 'github.com', about: 'octo/app', need: 'contents: read' };
  const hide = (said: string) => said.replaceAll('needle', '…');
  return meaningOf({ status, headers: new Headers(headers), text }, asked, { now: NOW, hide });
}

const short = (of: Meaning): string => {
  switch (of.kind) {
    case 'good':
    case 'unchanged':
      return of.kind;
    case 'moved':
      return `moved ${of.to}`;
    case 'limited':
      return `limited ${of.waitMs}`;
    case 'unauthorized':
    case 'down':
    case 'refused':
      return `${of.kind} ${of.error.code} ${JSON.stringify(of.error.wire.params)}`;
  }
};

const forbidden = (need: string) =>
  `refused forgeForbidden {"host":"github.com","repo":"octo/app","need":"${need}"}`;
const refused = (reason: string) => `refused forgeRefused ${JSON.stringify({ host: 'github.com', reason })}`;
const unknown = 'refused forgeRepoUnknown {"host":"github.com","repo":"octo/app"}';

const CASES: [string, Meaning, string][] = [
  ['200', meaning(200), 'good'],
  ['304', meaning(304), 'unchanged'],
  ['301', meaning(301, { location: '/x' }), 'moved /x'],
  ['307 without a place', meaning(307), 'moved '],
  ['401', meaning(401), 'unauthorized forgeUnauthorized {"host":"github.com"}'],
  ['403', meaning(403), forbidden('contents: read')],
  [
    '403 that says what is needed',
    meaning(403, { 'x-accepted-github-permissions': 'contents=write,pull_requests=write; issues=write' }),
    forbidden('contents: write, pull requests: write'),
  ],
  [
    '403 whose header is something else',
    meaning(403, { 'x-accepted-github-permissions': '<b>everything</b>' }),
    forbidden('contents: read'),
  ],
  [
    '403 with requests left',
    meaning(403, { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '99' }),
    forbidden('contents: read'),
  ],
  ['403 with a time', meaning(403, { 'retry-after': '7' }), 'limited 7000'],
  ['429 without anything', meaning(429), 'limited 60000'],
  ['403 with words about a secondary limit', meaning(403, {}, SECONDARY), 'limited 60000'],
  [
    '403 of an old server about a secondary limit',
    meaning(403, {}, { message: SECONDARY.message }),
    'limited 60000',
  ],
  [
    '403 with the hour used up, by our clock',
    meaning(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1_000 + 30) }),
    'limited 30000',
  ],
  [
    'the same by theirs, which is ahead',
    meaning(403, {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(NOW / 1_000 + 30),
      date: new Date(NOW + 20_000).toUTCString(),
    }),
    'limited 10000',
  ],
  [
    '429 whose time is long gone',
    meaning(429, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' }),
    'limited 0',
  ],
  ['404', meaning(404), unknown],
  ['410', meaning(410), unknown],
  ['409', meaning(409, {}, { message: 'Merge conflict' }), refused('Merge conflict')],
  [
    '422 with errors',
    meaning(
      422,
      {},
      {
        message: 'Validation Failed',
        errors: [
          { message: 'A pull request already exists for needle' },
          { resource: 'Pull', field: 'base', code: 'invalid' },
          'x',
          7,
        ],
      },
    ),
    refused('Validation Failed: A pull request already exists for …: Pull base invalid: x'),
  ],
  ['422 of several lines', meaning(422, {}, { message: ' a\r\n\tb\u0000\u202e c ' }), refused('a b c')],
  ['400 as HTML', meaning(400, {}, '<html>'), refused('HTTP 400')],
  ['418 whose message is no text', meaning(418, {}, { message: { a: 1 }, errors: 'x' }), refused('HTTP 418')],
  ['500', meaning(500), 'down forgeUnavailable {"host":"github.com","reason":"HTTP 500"}'],
];
for (const [name, is, expected] of CASES) test(name, () => assert.equal(short(is), expected));
