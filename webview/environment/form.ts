/**
 * The page's form of an environment: every field as the text that a person types, empty for what is not
 * set. `formOf` reads an environment, `fieldsOf` writes one, and what was not touched comes back as it
 * was. Pure; what is wrong with a form is said in `problems.ts`.
 */
import {
  LANGUAGES,
  OWN_IMAGES,
  type Environment,
  type Language,
  type Versions,
} from '../../protocol/environment.ts';
import type { EnvironmentFields } from '../../protocol/environment-edit.ts';
import type { Effort } from '../../protocol/states.ts';

/** `unset`: the repository's file decides, else it is automatic. */
export type ScriptKind = 'unset' | 'none' | 'script';
export interface ScriptForm {
  kind: ScriptKind;
  /** Kept while another kind is chosen, so that looking around loses nothing. */
  text: string;
}
export type ScriptName = 'setup' | 'maintenance';
export type Choice = 'unset' | 'yes' | 'no';
export type Policy = 'unset' | 'never' | 'onRisk' | 'always';

const MINUTE_MS = 60_000;
const GIB = 1024 ** 3;

/** Numbers, each in the unit that it is typed in. */
export const QUANTITIES = {
  setupTimeoutMs: { factor: MINUTE_MS, unit: 'min' },
  commandTimeoutMs: { factor: MINUTE_MS, unit: 'min' },
  cacheMs: { factor: 60 * MINUTE_MS, unit: 'h' },
  parkedMs: { factor: MINUTE_MS, unit: 'min' },
  memoryBytes: { factor: GIB, unit: 'GiB' },
  diskBytes: { factor: GIB, unit: 'GiB' },
  cpus: { factor: 1, unit: '' },
  pids: { factor: 1, unit: '' },
} as const;
export type Quantity = keyof typeof QUANTITIES;
export const QUANTITY_NAMES = Object.keys(QUANTITIES) as Quantity[];
const RESOURCES = ['memoryBytes', 'cpus', 'pids', 'diskBytes'] as const;

export interface Form {
  /** `own`: one of ours, or empty for what the file says; `other`: `image` is a reference. */
  imageKind: 'own' | 'other';
  image: string;
  versions: Record<Language, string>;
  variables: { name: string; value: string }[];
  workdir: string;
  scripts: Record<ScriptName, ScriptForm>;
  quantities: Record<Quantity, string>;
  setupForAsk: Choice;
  /** One path a line. */
  allowSecretsIn: string;
  policy: Policy;
  /** One pattern a line. */
  allow: string;
  deny: string;
  /** Empty: the backend's own choice. */
  model: string;
  effort: Effort | 'unset';
}

export function formOf(environment: Environment): Form {
  const { image = '', versions = {}, variables = {}, resources = {}, approval } = environment;
  const numbers = { ...environment, ...resources };
  return {
    imageKind: image === '' || isOwnImage(image) ? 'own' : 'other',
    image,
    versions: Object.fromEntries(LANGUAGES.map((name) => [name, versions[name] ?? ''])) as Form['versions'],
    variables: Object.entries(variables).map(([name, value]) => ({ name, value })),
    workdir: environment.workdir ?? '',
    scripts: { setup: scriptForm(environment.setup), maintenance: scriptForm(environment.maintenance) },
    quantities: Object.fromEntries(
      QUANTITY_NAMES.map((name) => [name, quantityText(name, numbers[name])]),
    ) as Form['quantities'],
    setupForAsk: environment.setupForAsk === undefined ? 'unset' : environment.setupForAsk ? 'yes' : 'no',
    allowSecretsIn: (environment.allowSecretsIn ?? []).join('\n'),
    policy: approval?.policy ?? 'unset',
    allow: (approval?.allow ?? []).join('\n'),
    deny: (approval?.deny ?? []).join('\n'),
    model: environment.model ?? '',
    effort: environment.effort ?? 'unset',
  };
}

export function isOwnImage(image: string): boolean {
  return (OWN_IMAGES as readonly string[]).includes(image);
}

function scriptForm(text: string | undefined): ScriptForm {
  if (text === undefined) return { kind: 'unset', text: '' };
  return text.trim() === '' ? { kind: 'none', text: '' } : { kind: 'script', text };
}

/** As few digits as say it exactly. */
export function quantityText(name: Quantity, value: number | undefined): string {
  return value === undefined ? '' : String(value / QUANTITIES[name].factor);
}

/** Undefined for what is empty; NaN for what is no number. A comma is a point where people write it so. */
export function quantityOf(name: Quantity, text: string): number | undefined {
  const typed = text.trim().replace(',', '.');
  if (typed === '') return undefined;
  if (!/^\d+(\.\d+)?$/.test(typed)) return Number.NaN;
  const value = Number(typed) * QUANTITIES[name].factor;
  return name === 'cpus' ? value : Math.round(value);
}

/** Every line that says something, without the space around it. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** What the form says. It may still break a rule: `problemsOf` tells. `undefined` for what is not set. */
export function fieldsOf(form: Form): EnvironmentFields {
  const number = (name: Quantity) => quantityOf(name, form.quantities[name]);
  const versions: Versions = {};
  for (const name of LANGUAGES) {
    const version = form.versions[name].trim();
    if (version !== '') versions[name] = version;
  }
  const variables = form.variables.filter(({ name, value }) => name.trim() !== '' || value !== '');
  const resources = someOf(Object.fromEntries(RESOURCES.map((name) => [name, number(name)])));
  const lists = { allow: linesOf(form.allow), deny: linesOf(form.deny) };
  const secretFiles = linesOf(form.allowSecretsIn);
  return defined({
    image: form.image.trim() || undefined,
    versions: someOf(versions),
    variables: someOf(Object.fromEntries(variables.map(({ name, value }) => [name.trim(), value]))),
    workdir: form.workdir.trim() || undefined,
    setup: scriptOf(form.scripts.setup),
    maintenance: scriptOf(form.scripts.maintenance),
    setupTimeoutMs: number('setupTimeoutMs'),
    commandTimeoutMs: number('commandTimeoutMs'),
    cacheMs: number('cacheMs'),
    parkedMs: number('parkedMs'),
    setupForAsk: form.setupForAsk === 'unset' ? undefined : form.setupForAsk === 'yes',
    resources,
    allowSecretsIn: secretFiles.length > 0 ? secretFiles : undefined,
    // Lists without a policy mean nothing but a denial: they make the default policy explicit.
    approval:
      form.policy === 'unset' && lists.allow.length === 0 && lists.deny.length === 0
        ? undefined
        : { policy: form.policy === 'unset' ? 'never' : form.policy, ...lists },
    model: form.model || undefined,
    effort: form.effort === 'unset' ? undefined : form.effort,
  });
}

function scriptOf({ kind, text }: ScriptForm): string | undefined {
  switch (kind) {
    case 'unset':
      return undefined;
    case 'none':
      return '';
    case 'script':
      return text;
  }
}

function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Without what is not set; nothing at all when nothing is. */
function someOf<T extends object>(fields: T): T | undefined {
  const kept = defined<T>(fields);
  return Object.keys(kept).length > 0 ? kept : undefined;
}

/** What an environment says, as its form would say it again: empty objects and lists are as good as unset. */
export function normalFields(environment: Environment): EnvironmentFields {
  return fieldsOf(formOf(environment));
}
