import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BUNDLE, bundleText, collectSentences } from '../../../scripts/l10n.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('the bundle for translators holds every sentence (node scripts/l10n.ts writes it)', () => {
  assert.ok(collectSentences().length > 200);
  assert.deepEqual(JSON.parse(readFileSync(BUNDLE, 'utf8')), JSON.parse(bundleText()));
});

test('dialogs and notifications take their words from the bundle', () => {
  const direct = /show(?:Information|Warning|Error)Message\(\s*['"`]/;
  for (const entry of readdirSync(join(ROOT, 'extension'), { recursive: true, encoding: 'utf8' })) {
    if (entry.endsWith('.ts'))
      assert.doesNotMatch(readFileSync(join(ROOT, 'extension', entry), 'utf8'), direct, entry);
  }
});

test('no sentence has an exclamation mark, and placeholders are names', () => {
  for (const text of collectSentences()) {
    assert.doesNotMatch(text, /!$/, text);
    for (const [, name] of text.matchAll(/\{([^}]*)\}/g)) assert.match(name ?? '', /^\w+$/, text);
  }
});
