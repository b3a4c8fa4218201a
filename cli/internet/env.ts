/** `codex-tasks env`: looks at environments and changes their internet access, over the same RPC as every client. */
import type { BackendConnection } from '../../client/connection/index.ts';
import { riskWords } from '../../client/words/index.ts';
import { defaultEnvironment, type StoredEnvironment } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { EXIT } from '../../protocol/result.ts';
import { askBackend } from '../ask.ts';
import { paint, wantsColour } from '../terminal.ts';
import {
  ENV_HELP,
  changedInternet,
  envCommand,
  opensMore,
  type EnvCommand,
  type PolicyChange,
} from './options.ts';
import { environmentLine, environmentLines } from './render.ts';

type Shown = { environments: StoredEnvironment[] } | { environment: StoredEnvironment } | { deleted: string };

export async function env(args: string[]): Promise<number> {
  const command = envCommand(args);
  if (command === 'help') {
    process.stdout.write(ENV_HELP);
    return EXIT.completed;
  }
  const shown = await askBackend(command.own, (connection) => perform(connection, command));
  const lines = command.json ? [JSON.stringify(shown)] : linesOf(shown);
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.completed;
}

async function perform(connection: BackendConnection, command: EnvCommand): Promise<Shown> {
  switch (command.action) {
    case 'list':
      return connection.call('environment.list', {});
    case 'show':
      return connection.call('environment.get', { name: command.name });
    case 'set':
      return { environment: await change(connection, command.name, command.change) };
    case 'delete':
      await connection.call('environment.delete', { name: command.name });
      return { deleted: command.name };
  }
}

async function change(
  connection: BackendConnection,
  name: string,
  wanted: PolicyChange,
): Promise<StoredEnvironment> {
  const before = await environmentOrNew(connection, name);
  const internet = changedInternet(before.internet, wanted);
  const { environment } = await connection.call('environment.put', {
    environment: { ...before, name, internet },
  });
  if (opensMore(before.internet, environment.internet)) {
    const colours = paint(wantsColour(process.stderr));
    process.stderr.write(`${colours.yellow(`Warning: ${riskWords().join('\n')}`)}\n`);
  }
  return environment;
}

async function environmentOrNew(connection: BackendConnection, name: string) {
  try {
    return (await connection.call('environment.get', { name })).environment;
  } catch (error) {
    if (error instanceof CodexError && error.code === 'environmentUnknown') return defaultEnvironment(name);
    throw error;
  }
}

function linesOf(shown: Shown): string[] {
  const colours = paint(wantsColour(process.stdout));
  if ('deleted' in shown) return [`Deleted: ${shown.deleted}`];
  return 'environment' in shown
    ? environmentLines(shown.environment, colours)
    : shown.environments.map((environment) => environmentLine(environment, colours));
}
