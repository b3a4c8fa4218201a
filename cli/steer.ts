/** `codex-tasks steer`: something said to a task while its turn runs, from any terminal. */
import { randomUUID } from 'node:crypto';
import { EXIT } from '../protocol/result.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, OWN_BACKEND_OPTIONS, ownBackendOptions } from './backend.ts';
import { UsageError, parse } from './usage.ts';

const STEER_HELP = `codex-tasks steer [options] TASK MESSAGE

Says something to a task that runs: the agent gets it before its next request to the model.

${OWN_BACKEND_HELP}`;

export async function steer(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    args,
    { ...OWN_BACKEND_OPTIONS, help: { type: 'boolean', short: 'h' } },
    true,
  );
  if (values.help) {
    process.stdout.write(STEER_HELP);
    return EXIT.completed;
  }
  const [taskId, ...words] = positionals;
  const text = words.join(' ').trim();
  if (taskId === undefined || text === '') throw new UsageError('It takes a task and what to say to it.');
  await askBackend(ownBackendOptions(values), (connection) =>
    connection.call('turn.steer', { taskId, requestId: randomUUID(), text }),
  );
  return EXIT.completed;
}
