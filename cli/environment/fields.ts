/**
 * The flags of `env set` that are not about internet access: what they change of an environment. A flag
 * that is not given changes nothing. What a value may be is the schema's affair. Pure.
 */
import { type Environment, LANGUAGES } from '../../protocol/environment.ts';
import { Effort } from '../../protocol/states.ts';
import { UsageError, oneOf, wholeNumber } from '../usage.ts';
import { decimal, duration, pair, size } from './amounts.ts';

export const FIELD_OPTIONS = {
  image: { type: 'string' },
  version: { type: 'string', multiple: true },
  var: { type: 'string', multiple: true },
  'unset-var': { type: 'string', multiple: true },
  workdir: { type: 'string' },
  setup: { type: 'string' },
  'no-setup': { type: 'boolean' },
  'automatic-setup': { type: 'boolean' },
  maintenance: { type: 'string' },
  'no-maintenance': { type: 'boolean' },
  'automatic-maintenance': { type: 'boolean' },
  'setup-timeout': { type: 'string' },
  'command-timeout': { type: 'string' },
  'setup-for-ask': { type: 'string' },
  memory: { type: 'string' },
  cpus: { type: 'string' },
  disk: { type: 'string' },
  pids: { type: 'string' },
  cache: { type: 'string' },
  parked: { type: 'string' },
  'allow-secrets-in': { type: 'string', multiple: true },
  approval: { type: 'string' },
  model: { type: 'string' },
  effort: { type: 'string' },
  'allow-command': { type: 'string', multiple: true },
  'deny-command': { type: 'string', multiple: true },
  unset: { type: 'string', multiple: true },
} as const;

export type FieldFlags = {
  [F in keyof typeof FIELD_OPTIONS]?:
    | ((typeof FIELD_OPTIONS)[F] extends { multiple: true }
        ? string[]
        : (typeof FIELD_OPTIONS)[F] extends { type: 'boolean' }
          ? boolean
          : string)
    | undefined;
};

/** Fields that can go back to what they are when nobody sets them. */
const UNSET = [
  'image',
  'versions',
  'variables',
  'workdir',
  'setup',
  'maintenance',
  'setupTimeoutMs',
  'commandTimeoutMs',
  'setupForAsk',
  'resources',
  'cacheMs',
  'parkedMs',
  'allowSecretsIn',
  'approval',
  'model',
  'effort',
] as const satisfies (keyof Environment)[];
type Field = (typeof UNSET)[number];

/** A file's path, or `-` for standard input. */
export type ScriptChange = { from: string } | 'none' | 'automatic';

export interface FieldChange {
  set: Partial<Pick<Environment, Field>>;
  unset: Field[];
  /** Null takes the name out. */
  versions: Record<string, string | null>;
  variables: Record<string, string | null>;
  resources: NonNullable<Environment['resources']>;
  approval: Partial<NonNullable<Environment['approval']>>;
  scripts: { setup?: ScriptChange; maintenance?: ScriptChange };
}

export function fieldChange(flags: FieldFlags): FieldChange {
  const set: FieldChange['set'] = {};
  const given = <T>(
    flag: keyof FieldFlags,
    read: (flag: string, value: string) => T,
    keep: (value: T) => void,
  ) => {
    const value = flags[flag];
    if (typeof value === 'string') keep(read(`--${flag}`, value));
  };
  const text = (_flag: string, value: string) => value;
  given('image', text, (image) => (set.image = image));
  given('workdir', text, (workdir) => (set.workdir = workdir));
  given('model', text, (model) => (set.model = model));
  given(
    'effort',
    (flag, value) => oneOf(flag, value, Effort.options),
    (effort) => (set.effort = effort),
  );
  given('setup-timeout', duration, (ms) => (set.setupTimeoutMs = ms));
  given('command-timeout', duration, (ms) => (set.commandTimeoutMs = ms));
  given('cache', orOff, (ms) => (set.cacheMs = ms));
  given('parked', orOff, (ms) => (set.parkedMs = ms));
  given(
    'setup-for-ask',
    (flag, value) => oneOf(flag, value, ['yes', 'no']),
    (value) => {
      set.setupForAsk = value === 'yes';
    },
  );
  if (flags['allow-secrets-in']) set.allowSecretsIn = notEmpty(flags['allow-secrets-in']);

  const resources: FieldChange['resources'] = {};
  given('memory', size, (bytes) => (resources.memoryBytes = bytes));
  given('disk', size, (bytes) => (resources.diskBytes = bytes));
  given('cpus', decimal, (cpus) => (resources.cpus = cpus));
  given(
    'pids',
    (flag, value) => wholeNumber(flag, value, 1, 1_000_000),
    (pids) => (resources.pids = pids),
  );

  const approval: FieldChange['approval'] = {};
  if (flags.approval !== undefined)
    approval.policy = oneOf('--approval', flags.approval, ['never', 'onRisk', 'always'] as const);
  if (flags['allow-command']) approval.allow = notEmpty(flags['allow-command']);
  if (flags['deny-command']) approval.deny = notEmpty(flags['deny-command']);

  const versions = Object.fromEntries(
    (flags.version ?? []).map((value) => {
      const [language, version] = pair('--version', value);
      return [oneOf('The language of --version', language, LANGUAGES), version === '' ? null : version];
    }),
  );
  const variables: FieldChange['variables'] = Object.fromEntries(
    (flags.var ?? []).map((value) => pair('--var', value)),
  );
  for (const name of flags['unset-var'] ?? []) {
    if (Object.hasOwn(variables, name)) throw new UsageError(`--var and --unset-var both name ${name}.`);
    variables[name] = null;
  }
  const scripts = { ...scriptOf('setup', flags), ...scriptOf('maintenance', flags) };
  if (flags.setup === '-' && flags.maintenance === '-')
    throw new UsageError('Only one of --setup and --maintenance can be read from standard input.');
  const unset = (flags.unset ?? []).map((name) => oneOf('--unset', name, UNSET));
  return { set, unset, versions, variables, resources, approval, scripts };
}

/** `texts`: the scripts that were named, read. */
export function changedFields(
  before: Environment,
  change: FieldChange,
  texts: { setup?: string; maintenance?: string },
): Environment {
  const after: Environment = { ...before };
  for (const field of change.unset) delete after[field];
  Object.assign(after, change.set, texts);
  for (const [field, script] of Object.entries(change.scripts) as ['setup' | 'maintenance', ScriptChange][]) {
    if (script === 'none') after[field] = '';
    else if (script === 'automatic') delete after[field];
  }
  // An empty list is no setting: what the repository says counts again.
  for (const field of ['versions', 'variables'] as const) {
    if (Object.keys(change[field]).length === 0) continue;
    const entries = Object.entries({ ...after[field], ...change[field] }).filter(
      ([, value]) => value !== null,
    );
    if (entries.length === 0) delete after[field];
    else after[field] = Object.fromEntries(entries) as Record<string, string>;
  }
  if (Object.keys(change.resources).length > 0) after.resources = { ...after.resources, ...change.resources };
  if (Object.keys(change.approval).length > 0) {
    after.approval = { policy: 'never', allow: [], deny: [], ...after.approval, ...change.approval };
  }
  return after;
}

const orOff = (flag: string, value: string) => duration(flag, value, 0);
const notEmpty = (list: readonly string[]): string[] => list.filter((entry) => entry.trim() !== '');

function scriptOf(field: 'setup' | 'maintenance', flags: FieldFlags): FieldChange['scripts'] {
  const file = flags[field];
  const choices: ScriptChange[] = [
    ...(file === undefined ? [] : [{ from: file }]),
    ...(flags[`no-${field}`] ? (['none'] as const) : []),
    ...(flags[`automatic-${field}`] ? (['automatic'] as const) : []),
  ];
  const [choice, another] = choices;
  if (another !== undefined)
    throw new UsageError(`--${field}, --no-${field} and --automatic-${field} exclude one another.`);
  return choice === undefined ? {} : { [field]: choice };
}
