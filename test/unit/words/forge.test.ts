import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { errorWords, FORGE_WHY_WORDS } from '../../../client/words/index.ts';
import { wireError } from '../../../protocol/errors.ts';

const SERVER = join(import.meta.dirname, '../../../server');
const sources = ['forge', 'pull-requests', 'repos'].flatMap((room) =>
  readdirSync(join(SERVER, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(SERVER, room, file), 'utf8')),
);

test('every cause that the backend tells by a code has its sentence', () => {
  const used = sources.flatMap((text) => [...text.matchAll(/\bwhy: '(\w+)'/g)].map(([, why = '']) => why));
  assert.ok(used.length > 5, 'the sources were read');
  for (const why of used) assert.ok(why in FORGE_WHY_WORDS, why);
});

test('the rooms of forges and pull requests give reasons as codes, not as sentences of theirs', () => {
  for (const text of sources)
    for (const [whole] of text.matchAll(/CodexError\([^;]*?reason: ['`][^'`]*\s[^'`]*['`]/g))
      assert.match(whole, /`HTTP \$\{status\}`|not inside the repository/, whole);
});

test('a cause goes through the translation whole, and an unknown one leaves the code’s sentence', () => {
  const seen: string[] = [];
  const t = (template: string) => (seen.push(template), template);
  errorWords(wireError('conflict', { why: 'newerResult' }), t);
  assert.deepEqual(seen, FORGE_WHY_WORDS['newerResult']);
  for (const why of ['ofTomorrow', 'constructor'])
    assert.match(errorWords(wireError('conflict', { why })).text, /present state\. Refresh/);
});
