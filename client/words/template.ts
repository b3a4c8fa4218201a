import { bytesWords, durationWords } from './units.ts';

/** Filling in a sentence. `t` is VS Code's `l10n.t` in the extension; plain English elsewhere. */
export type Params = Record<string, string | number | boolean>;
export type Translate = (template: string, params: Params) => string;

/** What came from a sandbox or a model may stand in a sentence, but not fill the screen. */
const PARAM_MAX_CHARS = 400;

export const english: Translate = (template, params) =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole));

function namesIn(template: string): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
}

// Control characters could move the cursor of a terminal or forge a second line.

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/** A number gets the unit that the name of its parameter ends with. */
function tame(name: string, value: string | number | boolean): string | number | boolean {
  if (typeof value === 'number' && /bytes$/i.test(name)) return bytesWords(value);
  if (typeof value === 'number' && /Ms$/.test(name)) return durationWords(value);
  if (typeof value !== 'string') return value;
  const clean = value.replace(CONTROL, ' ').trim();
  return clean.length > PARAM_MAX_CHARS ? `${clean.slice(0, PARAM_MAX_CHARS)}…` : clean;
}

/** The first template for which every parameter is there and not empty; the last one needs none. */
export function fill(templates: readonly string[], params: Params, t: Translate): string {
  const tamed: Params = {};
  for (const [name, value] of Object.entries(params)) tamed[name] = tame(name, value);
  const chosen =
    templates.find((template) => namesIn(template).every((name) => (tamed[name] ?? '') !== '')) ??
    templates[templates.length - 1] ??
    '';
  return t(chosen, tamed);
}
