/** `codex-tasks env`: looks at environments, changes and tries them, over the same RPC as every client. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { BackendConnection } from '../../client/connection/index.ts';
import { riskWords } from '../../client/words/index.ts';
import {
  checkEnvironment,
  defaultEnvironment,
  type Environment,
  type StoredEnvironment,
} from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { EXIT } from '../../protocol/result.ts';
import { askBackend } from '../ask.ts';
import { paint, wantsColour } from '../terminal.ts';
import { UsageError } from '../usage.ts';
import { checkFolder } from './check.ts';
import { editedEnvironment } from './edit.ts';
import { changedFields, type FieldChange } from './fields.ts';
import { changedInternet, opensMore } from './internet.ts';
import { ENV_HELP, envCommand, type EnvCommand, type EnvironmentChange } from './options.ts';
import { environmentLine, environmentLines } from './render.ts';
import { tryEnvironment } from './try.ts';

type Shown =
  | { environments: StoredEnvironment[] }
  | { environment: StoredEnvironment }
  | { deleted: string }
  | { removed: number }
  | { unchanged: string };
type Asking = Exclude<EnvCommand, { action: 'check' | 'test' }>;

export async function env(args: string[]): Promise<number> {
  const command = envCommand(args);
  if (command === 'help') {
    process.stdout.write(ENV_HELP);
    return EXIT.completed;
  }
  if (command.action === 'check') return checkFolder(command.folder, command.json);
  if (command.action === 'test') return tryEnvironment(command);
  const texts = command.action === 'set' ? await scriptTexts(command.change.fields) : {};
  const shown = await askBackend(command.own, (connection) => perform(connection, command, texts));
  const lines = command.json ? [JSON.stringify(shown)] : linesOf(shown);
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.completed;
}

async function perform(connection: BackendConnection, command: Asking, texts: ScriptTexts): Promise<Shown> {
  switch (command.action) {
    case 'list':
      return connection.call('environment.list', {});
    case 'show':
      return connection.call('environment.get', { name: command.name });
    case 'set':
      return { environment: await change(connection, command.name, command.change, texts) };
    case 'edit': {
      const before = await environmentOrNew(connection, command.name);
      const edited = await editedEnvironment(before);
      return edited ? { environment: await put(connection, before, edited) } : { unchanged: command.name };
    }
    case 'delete':
      await connection.call('environment.delete', { name: command.name });
      return { deleted: command.name };
    case 'reset-cache':
      return connection.call('environment.resetCache', { name: command.name });
  }
}

type ScriptTexts = { setup?: string; maintenance?: string };

/** Before a backend is asked: a file that is not there is a mistake in the command line. */
async function scriptTexts({ scripts }: FieldChange): Promise<ScriptTexts> {
  const texts: ScriptTexts = {};
  for (const field of ['setup', 'maintenance'] as const) {
    const script = scripts[field];
    if (typeof script !== 'object') continue;
    try {
      texts[field] = script.from === '-' ? await text(process.stdin) : await readFile(script.from, 'utf8');
    } catch {
      throw new UsageError(`--${field}: the file “${script.from}” can’t be read.`);
    }
  }
  return texts;
}

async function change(
  connection: BackendConnection,
  name: string,
  { internet, fields }: EnvironmentChange,
  texts: ScriptTexts,
): Promise<StoredEnvironment> {
  const before = await environmentOrNew(connection, name);
  const after = changedFields(before, fields, texts);
  return put(connection, before, {
    ...after,
    name,
    internet: internet === null ? before.internet : changedInternet(before.internet, internet),
  });
}

/** Says what it risks when it opens more of the internet. Throws `CodexError` badEnvironment, badPolicy. */
async function put(
  connection: BackendConnection,
  before: Environment,
  wanted: Environment,
): Promise<StoredEnvironment> {
  const { environment } = await connection.call('environment.put', { environment: checkEnvironment(wanted) });
  if (opensMore(before.internet, environment.internet)) {
    const colours = paint(wantsColour(process.stderr));
    process.stderr.write(`${colours.yellow(`Warning: ${riskWords().join('\n')}`)}\n`);
  }
  return environment;
}

async function environmentOrNew(connection: BackendConnection, name: string): Promise<Environment> {
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
  if ('unchanged' in shown) return [`Nothing changed: ${shown.unchanged}`];
  if ('removed' in shown) {
    return [
      shown.removed === 0
        ? 'Nothing was prepared. The next task sets up anyway.'
        : `Forgotten: ${shown.removed} prepared. The next task sets up anew.`,
    ];
  }
  return 'environment' in shown
    ? environmentLines(shown.environment, colours)
    : shown.environments.map((environment) => environmentLine(environment, colours));
}
