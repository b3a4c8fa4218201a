/**
 * What holds for a turn: the stored environment, then the repository's file, then the default, field by
 * field. Of versions and variables each name is a field of its own, so that one that is stored does not
 * switch off the file's others. Pure.
 *
 * The file has a word only in what `RepositorySettings` lists; internet access, resources, secrets and
 * approval come from the backend alone.
 */
import {
  type Approval,
  type Environment,
  type Internet,
  NO_APPROVAL,
  type RepositorySettings,
  type Resources,
  type Versions,
} from '../../protocol/environment.ts';
import type { EventParams } from '../../protocol/events.ts';
import { LIMITS, type LimitName, type LimitValues } from '../../protocol/limits.ts';
import type { Effort } from '../../protocol/states.ts';

/** `automatic`: by the lock files that are there. */
export type ScriptChoice = { kind: 'script'; text: string } | { kind: 'automatic' } | { kind: 'none' };
export type Source = 'stored' | 'file';

export interface EffectiveEnvironment {
  name: string;
  /** One of `OWN_IMAGES`, or an image's reference. */
  image: string;
  versions: Versions;
  variables: Record<string, string>;
  /** Below the repository's root; the root itself is empty. */
  workdir: string;
  setup: ScriptChoice;
  maintenance: ScriptChoice;
  internet: Internet;
  setupTimeoutMs: number;
  commandTimeoutMs: number;
  /** Whether a question waits for the setup too. */
  setupForAsk: boolean;
  /** The backend's, with the environment's own resources and times in their place. */
  limits: LimitValues;
  /** 0: a prepared environment is never used again. */
  cacheMs: number;
  parkedMs: number;
  allowSecretsIn: readonly string[];
  approval: Approval;
  /** Absent: the backend's own choice. */
  model?: string;
  effort?: Effort;
  /**
   * Who set a field; what nobody set is not here. When both had a part in `versions` or `variables`, the
   * field is `stored`, and what came from the file has an entry of its own (`variables.NAME`).
   */
  from: Record<string, Source>;
}

const DEFAULT_IMAGE = 'base';
const RESOURCE_LIMITS = {
  memoryBytes: 'sandboxMemoryBytes',
  cpus: 'sandboxCpus',
  pids: 'sandboxPids',
  diskBytes: 'sandboxDiskBytes',
} as const satisfies Record<keyof Resources, LimitName>;
const TIMES = ['setupTimeoutMs', 'commandTimeoutMs', 'cacheMs', 'parkedMs'] as const satisfies LimitName[];
/** Those that only the backend can set. */
const STORED_ONLY = [
  'setupTimeoutMs',
  'setupForAsk',
  'resources',
  'cacheMs',
  'parkedMs',
  'allowSecretsIn',
  'approval',
  'model',
  'effort',
] as const satisfies (keyof Environment)[];

/** `file`: what the repository says of itself, null when it says nothing. */
export function effective(
  stored: Environment,
  file: RepositorySettings | null,
  limits: LimitValues,
): EffectiveEnvironment {
  const from: Record<string, Source> = {};
  const choose = <F extends keyof RepositorySettings>(field: F): RepositorySettings[F] => {
    if (stored[field] !== undefined) from[field] = 'stored';
    else if (file?.[field] !== undefined) from[field] = 'file';
    return stored[field] ?? file?.[field];
  };
  const merge = (field: 'versions' | 'variables'): Record<string, string> => {
    const [ours, theirs] = [stored[field] ?? {}, file?.[field] ?? {}];
    const names = Object.keys(theirs).filter((name) => !Object.hasOwn(ours, name));
    if (Object.keys(ours).length > 0) {
      from[field] = 'stored';
      for (const name of names) from[`${field}.${name}`] = 'file';
    } else if (names.length > 0) {
      from[field] = 'file';
    }
    return { ...theirs, ...ours };
  };

  for (const field of STORED_ONLY) if (stored[field] !== undefined) from[field] = 'stored';
  const held = limitsOf({ ...stored, commandTimeoutMs: choose('commandTimeoutMs') }, limits);
  return {
    name: stored.name,
    image: choose('image') ?? DEFAULT_IMAGE,
    versions: merge('versions'),
    variables: merge('variables'),
    workdir: plainPath(choose('workdir') ?? ''),
    setup: scriptChoice(choose('setup')),
    maintenance: scriptChoice(choose('maintenance')),
    internet: stored.internet,
    setupTimeoutMs: held.setupTimeoutMs,
    commandTimeoutMs: held.commandTimeoutMs,
    setupForAsk: stored.setupForAsk ?? false,
    limits: held,
    cacheMs: held.cacheMs,
    parkedMs: held.parkedMs,
    allowSecretsIn: stored.allowSecretsIn ?? [],
    approval: stored.approval ?? NO_APPROVAL,
    ...(stored.model === undefined ? {} : { model: stored.model }),
    ...(stored.effort === undefined ? {} : { effort: stored.effort }),
    from,
  };
}

/** What the event `environment.applied` tells: of variables and secrets the names only. */
export function fieldsForEvent(
  environment: EffectiveEnvironment,
  secrets: readonly string[],
): EventParams<'environment.applied'> {
  const { name, image, versions, workdir, setup, maintenance, variables, from } = environment;
  return {
    name,
    image,
    versions: { ...versions },
    workdir,
    setup: setup.kind,
    maintenance: maintenance.kind,
    variables: Object.keys(variables).sort(),
    secrets: [...secrets].sort(),
    from: { ...from },
  };
}

/** `./a//b/` is `a/b`. */
function plainPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** Empty is a choice too: nothing is to run. */
function scriptChoice(text: string | undefined): ScriptChoice {
  if (text === undefined) return { kind: 'automatic' };
  return text.trim() === '' ? { kind: 'none' } : { kind: 'script', text };
}

/** An environment may ask for more than the backend's default, never for more than the cap. */
function limitsOf(wanted: Environment, limits: LimitValues): LimitValues {
  const held = { ...limits };
  const set = (name: LimitName, value: number | undefined) => {
    if (value !== undefined) held[name] = Math.min(value, LIMITS[name].cap);
  };
  for (const name of TIMES) set(name, wanted[name]);
  for (const [field, name] of Object.entries(RESOURCE_LIMITS)) {
    set(name, wanted.resources?.[field as keyof Resources]);
  }
  return held;
}
