/** `codex-tasks trigger`: in which repositories a comment `@codex …` starts a task. */
import { GITHUB, namedRepo } from '../client/pull-request/forge-address.ts';
import { webhookWords } from '../client/words/index.ts';
import { EnvironmentName } from '../protocol/environment.ts';
import type { ForgeView, TriggerView } from '../protocol/forge.ts';
import { EXIT } from '../protocol/result.ts';
import { saidAction } from './actions.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, type OwnBackendOptions } from './backend.ts';
import { tameLine } from './terminal.ts';
import { UsageError } from './usage.ts';

const ACTIONS = ['list', 'on', 'off'] as const;

export const TRIGGER_HELP = `codex-tasks trigger list [--json]
codex-tasks trigger on  [HOST/]OWNER/NAME [--env NAME]
codex-tasks trigger off [HOST/]OWNER/NAME

In which repositories a comment that begins with @codex starts a task, below an issue or a pull request. Off
until you turn it on; then for people who may write there alone, which the forge is asked each time. Such a task
runs in the environment that --env names. HOST is ${GITHUB} unless it is given. The forge must be connected
and reach the backend by webhook: docs/github.md.

The backend is the one at CODEX_SERVER_URL (with CODEX_SERVER_TOKEN), or your own on this machine:
${OWN_BACKEND_HELP}`;

type TriggerCommand = { own: OwnBackendOptions } & (
  | { action: 'list'; json: boolean }
  | { action: 'on'; host: string; repo: string; environment?: string }
  | { action: 'off'; host: string; repo: string }
);

export async function trigger(args: string[]): Promise<number> {
  const command = triggerCommand(args);
  if (command === 'help') {
    process.stdout.write(TRIGGER_HELP);
    return EXIT.completed;
  }
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  if (command.action === 'list') {
    const list = await askBackend(command.own, (to) => to.call('forge.listTriggers', {}));
    if (command.json) say(JSON.stringify(list));
    else for (const line of triggerLines(list.triggers)) say(line);
    return EXIT.completed;
  }
  const { own, action, ...of } = command;
  const on = action === 'on';
  const forges = await askBackend(own, async (to) => {
    await to.call('forge.setTrigger', { ...of, on });
    return on ? (await to.call('forge.list', {})).forges : [];
  });
  if (on) for (const line of onLines(of, forges)) say(line);
  else say(`Off: ${of.host}/${of.repo}`);
  return EXIT.completed;
}

export function triggerCommand(args: string[]): TriggerCommand | 'help' {
  const options = { json: { type: 'boolean' }, env: { type: 'string' } } as const;
  const said = saidAction('trigger', args, ACTIONS, options, { json: ['list'], env: ['on'] });
  if (said === null) return 'help';
  const { action, values, own } = said;
  const [named, ...rest] = said.rest;
  if (action === 'list') {
    if (named !== undefined) throw new UsageError('trigger list takes no repository.');
    return { action, own, json: values.json ?? false };
  }
  if (named === undefined || rest.length > 0)
    throw new UsageError(`trigger ${action} needs one repository, such as octocat/hello-world.`);
  const of = { ...repositoryOf(named), own };
  if (action === 'off') return { action, ...of };
  if (values.env === undefined) return { action, ...of };
  const environment = EnvironmentName.safeParse(values.env);
  if (!environment.success) throw new UsageError(`“${values.env}” is no environment’s name.`);
  return { action, ...of, environment: environment.data };
}

function repositoryOf(named: string): { host: string; repo: string } {
  const found = namedRepo(named, GITHUB);
  if (!found) throw new UsageError(`“${named}” is no repository: write OWNER/NAME or HOST/OWNER/NAME.`);
  return found;
}

/** What holds now, and what the forge needs for it. */
export function onLines(of: { host: string; repo: string }, forges: readonly ForgeView[]): string[] {
  const forge = forges.find(({ host }) => host === of.host);
  return [
    `On: comments that begin with @codex start tasks in ${of.host}/${of.repo}`,
    ...(forge ? [tameLine(webhookWords(forge))] : []),
  ];
}

export function triggerLines(triggers: readonly TriggerView[]): string[] {
  if (triggers.length === 0) return ['Off in all repositories: codex-tasks trigger on OWNER/NAME.'];
  return triggers.map(
    ({ host, repo, environment }) =>
      `${tameLine(`${host}/${repo}`)}${environment === undefined ? '' : `  in ${tameLine(environment)}`}`,
  );
}
