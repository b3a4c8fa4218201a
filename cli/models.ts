/** `codex-tasks models`: which models a backend has, and with `--check` whether their servers answer. */
import { errorWords } from '../client/words/index.ts';
import { EXIT } from '../protocol/result.ts';
import type { ResultOf } from '../protocol/rpc.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, OWN_BACKEND_OPTIONS, ownBackendOptions } from './backend.ts';
import { paint, tameLine, wantsColour, type Paint } from './terminal.ts';
import { optionalValue, parse } from './usage.ts';

export const MODELS_HELP = `codex-tasks models [--check] [--json]

The models of the backend, as --model and env set --model name them; a task that asks for none gets the
first. With --check each connection is tried: exit code 1 when one does not answer or takes no key.
The owner of the backend sets them up: docs/models.md.

${OWN_BACKEND_HELP}`;

type List = ResultOf<'model.list'>;

export async function models(args: string[]): Promise<number> {
  const { values } = parse(
    optionalValue(args, '--scripted-model'),
    {
      check: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      ...OWN_BACKEND_OPTIONS,
    },
    false,
  );
  if (values.help) {
    process.stdout.write(MODELS_HELP);
    return EXIT.completed;
  }
  const { check = false } = values;
  const list = await askBackend(ownBackendOptions(values), (connection) =>
    connection.call('model.list', { check }),
  );
  const lines = values.json
    ? [JSON.stringify(list)]
    : modelLines(list, check, paint(wantsColour(process.stdout)));
  process.stdout.write(`${lines.join('\n')}\n`);
  const hasProblem = list.connections?.some(({ problem }) => problem !== undefined) ?? false;
  return check && hasProblem ? EXIT.failed : EXIT.completed;
}

/** A table of the models, and a line for each connection that was tried or has a problem. */
export function modelLines(
  { models: all, connections = [] }: List,
  checked: boolean,
  paint: Paint,
): string[] {
  const names = all.map(({ name }) => tameLine(name));
  const width = Math.max(0, ...names.map((name) => name.length));
  const rows = all.map(({ connection, windowTokens, efforts }, at) => {
    const facts = [
      connection === undefined ? '' : tameLine(connection),
      windowTokens === undefined ? '' : `${windowTokens} tokens`,
      efforts === undefined ? '' : `effort ${efforts.join(', ')}`,
      at === 0 ? 'default' : '',
    ];
    const rest = facts.filter((fact) => fact !== '').join(' · ');
    return `${paint.bold((names[at] ?? '').padEnd(width))}  ${paint.dim(rest)}`.trimEnd();
  });
  const state = connections.flatMap(({ name, problem }) => {
    if (problem) return [`${paint.red('✗')} ${tameLine(name)}: ${tameLine(errorWords(problem).text)}`];
    return checked ? [`${paint.green('✓')} ${tameLine(name)} answers`] : [];
  });
  return [...(rows.length > 0 ? rows : ['No model is known.']), ...state];
}
