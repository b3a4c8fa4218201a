/**
 * `node scripts/l10n.ts`: writes every sentence of the extension and its pages to
 * `l10n/bundle.l10n.json`, the file that translators copy to `bundle.l10n.<language>.json`. A test
 * fails when it is not up to date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as words from '../client/words/index.ts';
import { DENIALS, RULE_PROBLEMS } from '../protocol/denials.ts';

const ROOT = join(import.meta.dirname, '..');
export const BUNDLE = join(ROOT, 'l10n/bundle.l10n.json');
/** `t('…')`: the template is always a literal, so that it can be found. */
const CALL = /\bt\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")/g;

export function collectSentences(): string[] {
  const found = new Set<string>();
  for (const folder of ['extension', 'webview', 'client/words']) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!/\.tsx?$/.test(entry)) continue;
      const source = readFileSync(join(ROOT, folder, entry), 'utf8');
      for (const [, single, double] of source.matchAll(CALL)) found.add(unescaped(single ?? double ?? ''));
    }
  }
  for (const [name, table] of Object.entries(words)) {
    if (name.endsWith('_WORDS')) for (const value of Object.values(table).flat()) found.add(value as string);
  }
  for (const { text, allow = [] } of Object.values(DENIALS))
    for (const one of [...text, ...allow]) found.add(one);
  for (const text of Object.values(RULE_PROBLEMS)) found.add(text);
  found.delete('');
  return [...found].sort();
}

function unescaped(text: string): string {
  return text.replace(/\\n/g, '\n').replace(/\\(.)/g, '$1');
}

export function bundleText(): string {
  return `${JSON.stringify(Object.fromEntries(collectSentences().map((text) => [text, text])), null, 2)}\n`;
}

if (import.meta.main) writeFileSync(BUNDLE, bundleText());
