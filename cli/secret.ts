/** `codex-tasks secret`: sets and deletes secrets of environments, and lists their names. */
import type { BackendConnection } from '../client/connection/index.ts';
import { DEFAULT_ENVIRONMENT_NAME, EnvironmentName } from '../protocol/environment.ts';
import { CodexError } from '../protocol/errors.ts';
import { EXIT } from '../protocol/result.ts';
import type { SecretView } from '../protocol/secret.ts';
import { variableProblem } from '../protocol/variables.ts';
import { saidAction } from './actions.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, type OwnBackendOptions } from './backend.ts';
import { readValue } from './secret-input.ts';
import { paint, tameLine, wantsColour, type Paint } from './terminal.ts';
import { UsageError } from './usage.ts';

const ACTIONS = ['put', 'list', 'delete', 'rotate'] as const;

const HELP = `codex-tasks secret put NAME [--env ENVIRONMENT] [--exact]
codex-tasks secret list [--env ENVIRONMENT] [--json]
codex-tasks secret delete NAME [--env ENVIRONMENT]
codex-tasks secret rotate

Secrets of an environment: the setup gets them as variables, the agent never. A value goes in and is
never shown again. --env is “${DEFAULT_ENVIRONMENT_NAME}” unless it is given.

put asks for the value without showing it, or reads it from standard input:

  codex-tasks secret put NPM_TOKEN
  codex-tasks secret put DEPLOY_KEY --env web < deploy_key

Of a single line that is piped in, the line’s end is left out; several lines are kept to the last byte.
With --exact a single line keeps its end too.

rotate makes a new key where the backend keeps its own keys, and wraps all secrets with the newest key.

The backend is the one at CODEX_SERVER_URL (with CODEX_SERVER_TOKEN), or your own on this machine:
${OWN_BACKEND_HELP}`;

type SecretCommand = { json: boolean; own: OwnBackendOptions; environment: string } & (
  | { action: 'put'; name: string; exact: boolean }
  | { action: 'delete'; name: string }
  | { action: 'list' | 'rotate' }
);

export async function secret(args: string[]): Promise<number> {
  const command = secretCommand(args);
  if (command === 'help') {
    process.stdout.write(HELP);
    return EXIT.completed;
  }
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const { own, environment } = command;
  switch (command.action) {
    case 'put': {
      const { name } = command;
      const { text: value, trimmed } = await readValue(name, command.exact);
      await askBackend(own, (to) => put(to, { environment, name, value }));
      const note = trimmed ? ', without the line’s end' : '';
      say(`Set: ${name} in ${environment} (${Buffer.byteLength(value)} bytes${note})`);
      break;
    }
    case 'delete':
      await askBackend(own, (to) => to.call('secret.delete', { environment, name: command.name }));
      say(`Deleted: ${command.name} in ${environment}`);
      break;
    case 'list': {
      const { secrets } = await askBackend(own, async (to) => {
        await to.call('environment.get', { name: environment });
        return to.call('secret.list', { environment });
      });
      if (command.json) say(JSON.stringify({ environment, secrets }));
      else for (const line of listLines(environment, secrets, paint(wantsColour(process.stdout)))) say(line);
      break;
    }
    case 'rotate': {
      const { rewrapped } = await askBackend(own, (to) => to.call('secret.rotate', {}));
      say(
        rewrapped === 0
          ? 'All secrets are wrapped with the newest key.'
          : `${rewrapped} ${rewrapped === 1 ? 'secret is' : 'secrets are'} now wrapped with the newest key.`,
      );
    }
  }
  return EXIT.completed;
}

/** An error of the connection may hold what was sent: only codes are told. */
async function put(
  to: BackendConnection,
  params: { environment: string; name: string; value: string },
): Promise<void> {
  try {
    await to.call('secret.put', params);
  } catch (error) {
    throw error instanceof CodexError ? error : new CodexError('internal');
  }
}

export function secretCommand(args: string[]): SecretCommand | 'help' {
  const options = { env: { type: 'string' }, exact: { type: 'boolean' }, json: { type: 'boolean' } } as const;
  const said = saidAction('secret', args, ACTIONS, options, { exact: ['put'], json: ['list'] });
  if (said === null) return 'help';
  const { action, values, own } = said;
  const [name, ...rest] = said.rest;
  if (values.env !== undefined && action === 'rotate')
    throw new UsageError('secret rotate is for all environments: leave --env out.');
  const environment = values.env ?? DEFAULT_ENVIRONMENT_NAME;
  if (!EnvironmentName.safeParse(environment).success)
    throw new UsageError(`“${environment}” can’t be an environment’s name.`);
  const common = { json: values.json ?? false, own, environment };
  if (action === 'list' || action === 'rotate') {
    if (name !== undefined) throw new UsageError(`secret ${action} takes no name.`);
    return { ...common, action };
  }
  if (name === undefined) throw new UsageError(`secret ${action} needs the name of a secret.`);
  if (rest.length > 0 || name.includes('=')) {
    // Not quoted: what follows the name is probably the value.
    throw new UsageError(
      action === 'put'
        ? 'secret put takes a name alone. The value comes from standard input: on the command line, other users of this machine could see it.'
        : `secret ${action} takes one name.`,
    );
  }
  if (action === 'delete') return { ...common, action, name };
  const problem = variableProblem(name);
  if (problem !== null) throw new UsageError(`“${name}” ${problem}.`);
  return { ...common, action, name, exact: values.exact ?? false };
}

function listLines(environment: string, secrets: readonly SecretView[], colours: Paint): string[] {
  if (secrets.length === 0) return [`The environment “${environment}” has no secrets.`];
  const width = Math.max(...secrets.map(({ name }) => name.length));
  return secrets.map(
    ({ name, updatedAt, updatedBy }) =>
      `${colours.bold(name.padEnd(width))}  ${colours.dim(`${new Date(updatedAt).toISOString()} by ${tameLine(updatedBy)}`)}`,
  );
}
