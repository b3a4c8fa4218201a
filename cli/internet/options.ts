/** The command lines of `env` and `egress`, and what `env set` changes. Pure. */
import type { AccessPolicy } from '../../protocol/egress.ts';
import { EnvironmentName, type Internet } from '../../protocol/environment.ts';
import {
  OWN_BACKEND_HELP,
  OWN_BACKEND_OPTIONS,
  ownBackendOptions,
  type OwnBackendOptions,
} from '../backend.ts';
import { UsageError, oneOf, optionalValue, parse } from '../usage.ts';

const ACTIONS = ['list', 'show', 'set', 'delete'] as const;
const ACCESS = ['off', 'common', 'all', 'none'] as const;
const PHASES = ['agent', 'setup'] as const;

export const ENV_HELP = `codex-tasks env list [--json]
codex-tasks env show NAME [--json]
codex-tasks env set NAME [options] [--json]
codex-tasks env delete NAME [--json]

The environments of a backend, and the internet access that tasks in them have. “default” is there
always; deleting it brings its defaults back. Running tasks get a change at once.

  --internet ACCESS  off; common: package registries, source hosts and the like; all: everything;
                     none: only the domains of --allow
  --allow DOMAIN     example.com with its subdomains, =example.com alone, *.example.com its subdomains,
                     example.com:8443 for another port than 80 and 443 (may be given more than once)
  --deny DOMAIN      written alike; beats what is allowed (may be given more than once)
  --methods METHODS  all, or read: GET, HEAD and OPTIONS only
  --phase PHASE      agent (default) or setup: whose access this is about

What is not given stays as it is; domains that are given replace those that stood there, and an empty
one (--allow '') leaves none.

The backend is the one at CODEX_SERVER_URL (with CODEX_SERVER_TOKEN), or your own on this machine:
${OWN_BACKEND_HELP}`;

export const EGRESS_HELP = `codex-tasks egress TASK [--json]

What a task asked the internet for, oldest first: a table, or with --json one entry a line.

${OWN_BACKEND_HELP}`;

export interface PolicyChange {
  phase: keyof Internet;
  access?: (typeof ACCESS)[number];
  allow?: string[];
  deny?: string[];
  methods?: AccessPolicy['methods'];
}

export type EnvCommand = { json: boolean; own: OwnBackendOptions } & (
  | { action: 'list' }
  | { action: 'show' | 'delete'; name: string }
  | { action: 'set'; name: string; change: PolicyChange }
);

export function envCommand(args: string[]): EnvCommand | 'help' {
  const { values, positionals } = parse(
    optionalValue(args, '--scripted-model'),
    {
      internet: { type: 'string' },
      allow: { type: 'string', multiple: true },
      deny: { type: 'string', multiple: true },
      methods: { type: 'string' },
      phase: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      ...OWN_BACKEND_OPTIONS,
    },
    true,
  );
  if (values.help) return 'help';
  const [word, name, ...rest] = positionals;
  if (word === undefined) throw new UsageError(`Say what to do: ${ACTIONS.join(', ')}.`);
  const action = oneOf('The word after env', word, ACTIONS);
  const { internet, allow, deny, methods, phase } = values;
  const changes = [internet, allow, deny, methods];
  if (action !== 'set' && [...changes, phase].some((value) => value !== undefined))
    throw new UsageError('--internet, --allow, --deny, --methods and --phase belong to env set.');
  const common = { json: values.json ?? false, own: ownBackendOptions(values) };
  if (action === 'list') {
    if (name !== undefined) throw new UsageError('env list takes no name.');
    return { ...common, action };
  }
  if (name === undefined) throw new UsageError(`env ${action} needs the name of an environment.`);
  if (rest.length > 0)
    throw new UsageError(`env ${action} takes one name, not “${[name, ...rest].join(' ')}”.`);
  if (!EnvironmentName.safeParse(name).success) {
    throw new UsageError(
      `“${name}” can’t be an environment’s name. Take letters, digits, dots, dashes and underlines, at most 63.`,
    );
  }
  if (action !== 'set') return { ...common, action, name };
  if (changes.every((value) => value === undefined))
    throw new UsageError('env set needs --internet, --allow, --deny or --methods.');
  return {
    ...common,
    action,
    name,
    change: {
      phase: oneOf('--phase', phase ?? 'agent', PHASES),
      ...(internet === undefined ? {} : { access: oneOf('--internet', internet, ACCESS) }),
      ...(allow === undefined ? {} : { allow: notEmpty(allow) }),
      ...(deny === undefined ? {} : { deny: notEmpty(deny) }),
      ...(methods === undefined ? {} : { methods: oneOf('--methods', methods, ['all', 'read']) }),
    },
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

/** What is not in the change stays; turning access off keeps the lists for when it comes on again. */
export function changedInternet(internet: Internet, change: PolicyChange): Internet {
  const { phase, access, ...rest } = change;
  const reach: Partial<AccessPolicy> =
    access === undefined ? {} : access === 'off' ? { access } : { access: 'on', preset: access };
  return { ...internet, [phase]: { ...internet[phase], ...reach, ...rest } };
}

/** The agent gets access that it had not, or to everything: what that risks is said. */
export function opensMore(before: Internet, after: Internet): boolean {
  if (after.agent.access === 'off') return false;
  return before.agent.access === 'off' || (after.agent.preset === 'all' && before.agent.preset !== 'all');
}
