/** `codex-tasks forge`: which forges a backend is connected to, and connecting. */
import type { BackendConnection } from '../client/connection/index.ts';
import { errorWords } from '../client/words/index.ts';
import { CodexError } from '../protocol/errors.ts';
import { ForgeHost, ForgeKind, ForgeToken, type ForgeView } from '../protocol/forge.ts';
import { kindOf } from '../protocol/forge-address.ts';
import { EXIT } from '../protocol/result.ts';
import type { ParamsIn, ResultOf } from '../protocol/rpc.ts';
import { saidAction } from './actions.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, type OwnBackendOptions } from './backend.ts';
import { readValue } from './secret-input.ts';
import { paint, tameLine, wantsColour, type Paint } from './terminal.ts';
import { UsageError, oneOf } from './usage.ts';

const ACTIONS = ['list', 'connect', 'disconnect', 'app'] as const;
const DEFAULT_HOST = 'github.com';

export const FORGE_HELP = `codex-tasks forge list [--check] [--json]
codex-tasks forge connect [HOST] [--api-url URL] [--kind github|gitlab]
codex-tasks forge disconnect HOST
codex-tasks forge app [HOST] [--org ORGANIZATION] [--answer-issues]

The forges that the backend can make pull requests at. HOST is ${DEFAULT_HOST} unless it is given; a GitHub
Enterprise Server or a GitLab is named by its host; one whose name does not say that it is a GitLab
(gitlab.…) needs --kind. With list --check each is asked who we are: exit code 1 when one does
not answer. What the owner has in config.yaml goes first: docs/github.md.

connect asks for a token without showing it, or reads it from standard input; it is tried, then kept
encrypted, and never shown again:

  codex-tasks forge connect
  codex-tasks forge connect git.example.org < token-file

app prints the address of a page that makes a GitHub App of your own, with the permissions that are needed:
with --answer-issues also to write below issues, where comments start tasks (codex-tasks trigger).

The backend is the one at CODEX_SERVER_URL (with CODEX_SERVER_TOKEN), or your own on this machine:
${OWN_BACKEND_HELP}`;

type ForgeCommand = { own: OwnBackendOptions } & (
  | { action: 'list'; check: boolean; json: boolean }
  | { action: 'connect'; host: string; apiUrl?: string; kind?: ForgeKind }
  | { action: 'disconnect'; host: string }
  | { action: 'app'; host: string; organization?: string; answersIssues: boolean }
);

export async function forge(args: string[]): Promise<number> {
  const command = forgeCommand(args);
  if (command === 'help') {
    process.stdout.write(FORGE_HELP);
    return EXIT.completed;
  }
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const { own } = command;
  switch (command.action) {
    case 'list': {
      const { check, json } = command;
      const list = await askBackend(own, (to) => to.call('forge.list', { check }));
      if (json) say(JSON.stringify(list));
      else for (const line of forgeLines(list.forges, check, paint(wantsColour(process.stdout)))) say(line);
      return check && list.forges.some(({ problem }) => problem) ? EXIT.failed : EXIT.completed;
    }
    case 'connect': {
      const { host, apiUrl, kind = kindOf(host) } = command;
      const { text: token } = await readValue(`the token for ${host}`, false);
      if (!ForgeToken.safeParse(token).success)
        throw new UsageError('What is on standard input is no token: one line, without spaces.');
      const params = { host, kind, token, ...(apiUrl === undefined ? {} : { apiUrl }) };
      const { forge: view } = await askBackend(own, (to) => connect(to, params));
      say(`Connected: ${tameLine(view.host)} as ${tameLine(view.account ?? 'unknown')}`);
      return EXIT.completed;
    }
    case 'disconnect':
      await askBackend(own, (to) => to.call('forge.disconnect', { host: command.host }));
      say(`Disconnected: ${command.host}`);
      return EXIT.completed;
    case 'app':
      return makeApp(command, say);
  }
}

/** An error of the connection may hold what was sent: only codes are told. */
async function connect(
  to: BackendConnection,
  params: ParamsIn<'forge.connect'>,
): Promise<ResultOf<'forge.connect'>> {
  try {
    return await to.call('forge.connect', params);
  } catch (error) {
    throw error instanceof CodexError ? error : new CodexError('internal');
  }
}

const WATCH_MS = 1_000;
const APP_WAIT_MS = 10 * 60_000;

/** The backend must be there until the browser comes back; one that was started for this would stop. */
async function makeApp(
  { host, organization, answersIssues, own }: Extract<ForgeCommand, { action: 'app' }>,
  say: (text: string) => void,
): Promise<number> {
  return askBackend(own, async (to) => {
    const { url } = await to.call('forge.startApp', {
      host,
      answersIssues,
      ...(organization === undefined ? {} : { organization }),
    });
    say(`Open this page in a browser, within 10 minutes:\n\n  ${url}\n`);
    const before = await appAt(to, host);
    for (const end = Date.now() + APP_WAIT_MS; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      const now = await appAt(to, host);
      if (now === undefined || now.connectedAt === before?.connectedAt) continue;
      say(`Connected: ${tameLine(now.host)} as the app ${tameLine(now.account ?? '')}`);
      if (now.installUrl) say(`Give it repositories: ${tameLine(now.installUrl)}`);
      return EXIT.completed;
    }
    throw new CodexError('forgeAppUnfinished');
  });
}

async function appAt(to: BackendConnection, host: string): Promise<ForgeView | undefined> {
  const { forges } = await to.call('forge.list', {});
  return forges.find((one) => one.host === host && one.how === 'app');
}

const OPTIONS = {
  check: { type: 'boolean' },
  json: { type: 'boolean' },
  'api-url': { type: 'string' },
  kind: { type: 'string' },
  org: { type: 'string' },
  'answer-issues': { type: 'boolean' },
} as const;

export function forgeCommand(args: string[]): ForgeCommand | 'help' {
  const said = saidAction('forge', args, ACTIONS, OPTIONS, {
    ...{ check: ['list'], json: ['list'], 'api-url': ['connect'], kind: ['connect'], org: ['app'] },
    'answer-issues': ['app'],
  });
  if (said === null) return 'help';
  const { action, values, own } = said;
  const [named, ...rest] = said.rest;
  // Not quoted: what follows the host is probably the token.
  if (rest.length > 0)
    throw new UsageError(
      `forge ${action} takes a host alone. A token comes from standard input: on the command line, other users of this machine could see it.`,
    );
  if (action === 'list') {
    if (named !== undefined) throw new UsageError('forge list takes no host.');
    return { action, own, check: values.check ?? false, json: values.json ?? false };
  }
  if (named === undefined && action === 'disconnect') throw new UsageError('forge disconnect needs a host.');
  const host = (named ?? DEFAULT_HOST).toLowerCase();
  if (!ForgeHost.safeParse(host).success)
    throw new UsageError(`The host is a name such as ${DEFAULT_HOST}, without https:// and path.`);
  switch (action) {
    case 'connect':
      return {
        ...{ action, own, host },
        ...(values['api-url'] ? { apiUrl: values['api-url'] } : {}),
        ...(values.kind ? { kind: oneOf('--kind', values.kind, ForgeKind.options) } : {}),
      };
    case 'disconnect':
      return { action, own, host };
    case 'app':
      return {
        ...{ action, own, host, answersIssues: values['answer-issues'] ?? false },
        ...(values.org ? { organization: values.org } : {}),
      };
  }
}

/** A line for each, and what is wrong with it below. */
export function forgeLines(forges: readonly ForgeView[], checked: boolean, colours: Paint): string[] {
  if (forges.length === 0) return ['No forge is connected: codex-tasks forge connect, or forge app.'];
  const width = Math.max(...forges.map(({ host }) => host.length));
  return forges.flatMap(({ host, how, from, account, installUrl, problem }) => {
    const facts = [
      how === 'app' ? 'app' : 'token',
      account === undefined ? '' : tameLine(account),
      from === 'owner' ? 'config.yaml' : '',
      how === 'app' && installUrl !== undefined ? tameLine(installUrl) : '',
    ];
    const mark = problem ? `${colours.red('✗')} ` : checked ? `${colours.green('✓')} ` : '';
    const line = `${mark}${colours.bold(tameLine(host).padEnd(width))}  ${colours.dim(facts.filter(Boolean).join(' · '))}`;
    return problem ? [line, `  ${tameLine(errorWords(problem).text)}`] : [line];
  });
}
