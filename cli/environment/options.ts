/** The command lines of `env` and `egress`. Pure. */
import { EnvironmentName } from '../../protocol/environment.ts';
import { Effort } from '../../protocol/states.ts';
import { saidAction } from '../actions.ts';
import {
  OWN_BACKEND_HELP,
  OWN_BACKEND_OPTIONS,
  ownBackendOptions,
  type OwnBackendOptions,
} from '../backend.ts';
import { UsageError, oneOf, optionalValue, parse } from '../usage.ts';
import { FIELD_OPTIONS, fieldChange, type FieldChange } from './fields.ts';
import { ACCESS, type PolicyChange } from './internet.ts';

const ACTIONS = ['list', 'show', 'set', 'edit', 'delete', 'reset-cache', 'test', 'check'] as const;
const PHASES = ['agent', 'setup'] as const;

export const ENV_HELP = `codex-tasks env list [--json]
codex-tasks env show NAME [--json]
codex-tasks env set NAME [options] [--json]
codex-tasks env edit NAME              in your editor (VISUAL, EDITOR)
codex-tasks env delete NAME [--json]
codex-tasks env reset-cache NAME       the next task sets up anew
codex-tasks env test NAME [--repo DIR] [--include-local]   runs the setup, nothing else
codex-tasks env check [DIR]            looks at DIR/.codex/environment.yaml; needs no backend

The environments of a backend: how tasks in them are run. “default” is there always; deleting it brings
its defaults back. What is not set comes from the repository’s .codex/environment.yaml, or is the default.

  --image IMAGE           base, universal, or an image’s name
  --version LANGUAGE=V    python, node, rust, go, swift, ruby, php, java (again for more; node= takes it out)
  --var NAME=VALUE        a variable for the whole task; no secrets in here (again for more)
  --unset-var NAME        takes it out
  --workdir DIR           where commands begin, below the repository’s root
  --setup FILE            the setup script: bash; - reads it from standard input
  --no-setup, --automatic-setup      nothing; by the lock files that are there (or the repository’s own)
  --maintenance FILE      the script for a prepared environment; --no-maintenance, --automatic-maintenance
  --setup-timeout TIME    for each of the two scripts: 90s, 20m, 1h
  --command-timeout TIME  for each command of the agent
  --setup-for-ask yes|no  whether a question waits for the setup
  --memory SIZE, --disk SIZE   512m, 8g; --cpus N; --pids N
  --cache TIME|off        how long a prepared environment is used again
  --parked TIME|off       how long a sandbox is kept for follow-ups
  --allow-secrets-in PATH a file in which the setup may leave a secret: ~/.npmrc (again for more)
  --approval WHEN         never, onRisk or always: when you are asked before a command runs
  --allow-command START, --deny-command START   of commands that are never asked about, never run
  --model NAME            one of codex-tasks models; --effort ${Effort.options.join('|')}
  --unset FIELD           back to what nobody set: image, versions, variables, setup, resources, …

  --internet ACCESS  off; common: package registries, source hosts and the like; all: everything;
                     none: only the domains of --allow
  --allow DOMAIN     example.com with its subdomains, =example.com alone, *.example.com its subdomains,
                     example.com:8443 for another port than 80 and 443 (may be given more than once)
  --deny DOMAIN      written alike; beats what is allowed (may be given more than once)
  --methods METHODS  all, or read: GET, HEAD and OPTIONS only
  --phase PHASE      agent (default) or setup: whose internet access this is about

What is not given stays as it is; lists that are given replace those that stood there, and an empty
entry (--allow '') leaves none. Running tasks get a change of internet access at once.

The backend is the one at CODEX_SERVER_URL (with CODEX_SERVER_TOKEN), or your own on this machine:
${OWN_BACKEND_HELP}`;

export const EGRESS_HELP = `codex-tasks egress TASK [--json]

What a task asked the internet for, oldest first: a table, or with --json one entry a line.

${OWN_BACKEND_HELP}`;

export interface EnvironmentChange {
  /** Null: nothing about it was said. */
  internet: PolicyChange | null;
  fields: FieldChange;
}

export type EnvCommand = { json: boolean; own: OwnBackendOptions } & (
  | { action: 'list' }
  | { action: 'show' | 'delete' | 'edit' | 'reset-cache'; name: string }
  | { action: 'set'; name: string; change: EnvironmentChange }
  | { action: 'test'; name: string; repo: string; includeLocal: boolean }
  | { action: 'check'; folder: string }
);

const INTERNET_OPTIONS = {
  internet: { type: 'string' },
  allow: { type: 'string', multiple: true },
  deny: { type: 'string', multiple: true },
  methods: { type: 'string' },
  phase: { type: 'string' },
} as const;
const OF_TEST = { repo: { type: 'string' }, 'include-local': { type: 'boolean' } } as const;

const ENV_OPTIONS = {
  ...{ ...INTERNET_OPTIONS, ...FIELD_OPTIONS, ...OF_TEST },
  json: { type: 'boolean' },
} as const;

export function envCommand(args: string[]): EnvCommand | 'help' {
  const flags = Object.keys({ ...INTERNET_OPTIONS, ...FIELD_OPTIONS });
  const said = saidAction('env', args, ACTIONS, ENV_OPTIONS, {
    ...Object.fromEntries(flags.map((flag) => [flag, ['set'] as const])),
    ...Object.fromEntries(Object.keys(OF_TEST).map((flag) => [flag, ['test'] as const])),
  });
  if (said === null) return 'help';
  const { action, values, own } = said;
  const [name, ...rest] = said.rest;
  const changes = Object.keys(values).filter((flag) => flags.includes(flag));
  const common = { json: values.json ?? false, own };
  if (rest.length > 0)
    throw new UsageError(`env ${action} takes one name, not “${[name, ...rest].join(' ')}”.`);
  if (action === 'check') return { ...common, action, folder: name ?? '.' };
  if (action === 'list') {
    if (name !== undefined) throw new UsageError('env list takes no name.');
    return { ...common, action };
  }
  if (name === undefined) throw new UsageError(`env ${action} needs the name of an environment.`);
  if (!EnvironmentName.safeParse(name).success) {
    throw new UsageError(
      `“${name}” can’t be an environment’s name. Take letters, digits, dots, dashes and underlines, at most 63.`,
    );
  }
  if (action === 'test')
    return {
      ...common,
      action,
      name,
      repo: values.repo ?? '.',
      includeLocal: values['include-local'] ?? false,
    };
  if (action === 'edit' && common.json) throw new UsageError('env edit asks a person: it has no --json.');
  if (action !== 'set') return { ...common, action, name };
  if (changes.every((flag) => flag === 'phase'))
    throw new UsageError('env set needs something to set. See codex-tasks env --help.');
  return { ...common, action, name, change: { internet: policyChange(values), fields: fieldChange(values) } };
}

type InternetFlags = Partial<Record<'internet' | 'methods' | 'phase', string>> &
  Partial<Record<'allow' | 'deny', string[]>>;

function policyChange({ internet, allow, deny, methods, phase }: InternetFlags): PolicyChange | null {
  if ([internet, allow, deny, methods].every((value) => value === undefined)) {
    if (phase !== undefined)
      throw new UsageError('--phase is about --internet, --allow, --deny and --methods.');
    return null;
  }
  return {
    phase: oneOf('--phase', phase ?? 'agent', PHASES),
    ...(internet === undefined ? {} : { access: oneOf('--internet', internet, ACCESS) }),
    ...(allow === undefined ? {} : { allow: notEmpty(allow) }),
    ...(deny === undefined ? {} : { deny: notEmpty(deny) }),
    ...(methods === undefined ? {} : { methods: oneOf('--methods', methods, ['all', 'read']) }),
  };
}

export interface EgressCommand {
  taskId: string;
  json: boolean;
  own: OwnBackendOptions;
}

export function egressCommand(args: string[]): EgressCommand | 'help' {
  const { values, positionals } = parse(
    optionalValue(args, '--scripted-model'),
    { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' }, ...OWN_BACKEND_OPTIONS },
    true,
  );
  if (values.help) return 'help';
  const [taskId, ...rest] = positionals;
  if (taskId === undefined || rest.length > 0) throw new UsageError('egress takes the id of one task.');
  return { taskId, json: values.json ?? false, own: ownBackendOptions(values) };
}

const notEmpty = (list: string[]): string[] => list.filter((entry) => entry.trim() !== '');
