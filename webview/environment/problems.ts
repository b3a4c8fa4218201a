/** What is wrong with a form, by field: a sentence that stands next to it. Pure; `t` translates. */
import type { Translate } from '../../client/words/index.ts';
import { Approval, Environment, LANGUAGES, Resources } from '../../protocol/environment.ts';
import { EnvironmentFields } from '../../protocol/environment-edit.ts';
import { variableProblem } from '../../protocol/variables.ts';
import {
  fieldsOf,
  linesOf,
  QUANTITIES,
  QUANTITY_NAMES,
  quantityOf,
  type Form,
  type Quantity,
} from './form.ts';

/** By the id of the field: `image`, `versions.node`, `variables.0`, `quantities.cacheMs`, … */
export type Problems = ReadonlyMap<string, string>;

export function problemsOf(form: Form, t: Translate): Problems {
  const found = new Map<string, string>();
  const { shape } = Environment;
  const image = form.image.trim();
  if (form.imageKind === 'other' && image === '') found.set('image', t('Name the image.', {}));
  else if (image !== '' && !shape.image.safeParse(image).success) {
    found.set('image', t('This is no image’s name: write it as for “docker pull”.', {}));
  }
  for (const language of LANGUAGES) {
    const version = form.versions[language].trim();
    if (version !== '' && !shape.versions.safeParse({ [language]: version }).success) {
      found.set(`versions.${language}`, t('This is no version: write it like 3.12 or 22.', {}));
    }
  }
  variableProblems(form, found, t);
  const folder = shape.workdir.safeParse(form.workdir.trim());
  if (!folder.success) {
    found.set('workdir', t('Write a path inside the repository, such as packages/app.', {}));
  }
  for (const name of ['setup', 'maintenance'] as const) {
    const { kind, text } = form.scripts[name];
    if (kind !== 'script') continue;
    if (text.trim() === '')
      found.set(`scripts.${name}`, t('The script is empty. Choose “None” for none.', {}));
    else if (!shape.setup.safeParse(text).success) {
      found.set(`scripts.${name}`, t('The script is too long, or holds a NUL character.', {}));
    }
  }
  for (const name of QUANTITY_NAMES) {
    const problem = quantityProblem(name, form.quantities[name], t);
    if (problem !== null) found.set(`quantities.${name}`, problem);
  }
  for (const list of ['allow', 'deny'] as const) {
    const patterns = linesOf(form[list]);
    if (!Approval.shape[list].safeParse(patterns).success) {
      found.set(list, t('At most 200 commands, each of at most 500 characters.', {}));
    }
  }
  const files = linesOf(form.allowSecretsIn);
  if (files.some((path) => !/^(\/|~\/)/.test(path))) {
    found.set('allowSecretsIn', t('Each path begins with / or ~/.', {}));
  } else if (!shape.allowSecretsIn.safeParse(files).success) {
    found.set('allowSecretsIn', t('At most 100 paths.', {}));
  }
  // What none of the above knows must not be lost in a request that is refused as a whole.
  if (found.size === 0 && !EnvironmentFields.safeParse(fieldsOf(form)).success) {
    found.set('form', t('Something here is longer than it may be.', {}));
  }
  return found;
}

function variableProblems(form: Form, found: Map<string, string>, t: Translate): void {
  const names = form.variables.map(({ name }) => name.trim());
  form.variables.forEach(({ value }, at) => {
    const name = names[at] ?? '';
    if (name === '' && value === '') return;
    const problem = nameProblem(name, t);
    if (problem !== null) found.set(`variables.${at}`, problem);
    else if (names.indexOf(name) < at) found.set(`variables.${at}`, t('{name} is there twice.', { name }));
    else if (!Environment.shape.variables.safeParse({ [name]: value }).success) {
      found.set(`variables.${at}`, t('The value is too long, or holds a NUL character.', {}));
    }
  });
}

/** Of a variable or a secret. */
export function nameProblem(name: string, t: Translate): string | null {
  if (name === '') return t('A name is missing.', {});
  if (variableProblem(name) === null) return null;
  return /^[A-Za-z_]\w*$/.test(name) && name.length <= 128
    ? t('{name} is set by Codex itself. Choose another name.', { name })
    : t('Letters, digits and underscores, no digit first, at most 128.', {});
}

/** The same rules as the schema's, found by asking it. */
function accepts(name: Quantity, value: number): boolean {
  const field = name in Resources.shape ? Resources.shape[name as keyof Resources] : undefined;
  const schema = field ?? Environment.shape[name as Exclude<Quantity, keyof Resources>];
  return schema.safeParse(value).success;
}

function quantityProblem(name: Quantity, text: string, t: Translate): string | null {
  const value = quantityOf(name, text);
  if (value === undefined || accepts(name, value)) return null;
  const { least, most } = RANGES[name];
  return t('Between {least} and {most} {unit}.', { least, most, unit: QUANTITIES[name].unit }).replace(
    / \.$/,
    '.',
  );
}

/** In the unit that is typed; a test holds them against the schema. */
export const RANGES: Record<Quantity, { least: number; most: number }> = {
  setupTimeoutMs: { least: 0.1, most: 120 },
  commandTimeoutMs: { least: 0.1, most: 1_440 },
  cacheMs: { least: 0, most: 168 },
  parkedMs: { least: 0, most: 1_440 },
  memoryBytes: { least: 0.0625, most: 64 },
  diskBytes: { least: 0.0625, most: 1_024 },
  cpus: { least: 0.1, most: 128 },
  pids: { least: 32, most: 16_384 },
};
