/** The page's words: English templates, translated by the bundle that came with the page. */
import type { Params } from '../client/words/index.ts';
import { fill } from './format.ts';

let bundle: Readonly<Record<string, string>> = {};

export function setWords(words: Readonly<Record<string, string>>): void {
  bundle = words;
}

export function t(template: string, params: Params = {}): string {
  return fill(Object.hasOwn(bundle, template) ? (bundle[template] ?? template) : template, params);
}
