/** `codex-tasks choose`: the attempts of a task side by side, and which one of them counts. */
import type { BackendConnection } from '../client/connection/index.ts';
import { ATTEMPTS_MOST } from '../protocol/limits.ts';
import { EXIT } from '../protocol/result.ts';
import type { TaskView } from '../protocol/rpc.ts';
import { errorWords } from '../client/words/index.ts';
import { rootOf } from './apply/place.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, OWN_BACKEND_OPTIONS, ownBackendOptions } from './backend.ts';
import { applyResult, checkOutput, savePatch } from './run/deliver.ts';
import { sideBySide } from './run/side-by-side.ts';
import { paint, tameLine, tameText, wantsColour } from './terminal.ts';
import { UsageError, optionalValue, parse, wholeNumber } from './usage.ts';

const CHOOSE_HELP = `codex-tasks choose [options] TASK [N]

Without N: the attempts of a task, side by side. With it: attempt N is the one that counts. Its patch is
saved, and a follow-up goes on from it; what the others left running is put away. The choice can be changed
until there is a follow-up.

  --apply            put its result into the repository
  --repo DIR         the repository's folder, for --apply (default: this folder)
  --output FILE      where the patch goes (default: in the data folder)

${OWN_BACKEND_HELP}`;

interface Chosen {
  taskId: string;
  attempt: number;
  /** Of the repository that gets the result. */
  folder: string | null;
  output: string | null;
  dataDir: string;
}

export async function choose(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    optionalValue(args, '--scripted-model'),
    {
      ...OWN_BACKEND_OPTIONS,
      apply: { type: 'boolean' },
      repo: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    true,
  );
  if (values.help) {
    process.stdout.write(CHOOSE_HELP);
    return EXIT.completed;
  }
  const [taskId, number, ...more] = positionals;
  if (taskId === undefined || more.length > 0) throw new UsageError('one task and one number are wanted.');
  const own = ownBackendOptions(values);
  if (number === undefined) {
    if (values.apply || values.output !== undefined)
      throw new UsageError('which attempt? Say its number after the task.');
    return askBackend(own, async (connection) => show(await taskOf(connection, taskId)));
  }
  const attempt = wholeNumber('The attempt', number, 1, ATTEMPTS_MOST);
  const output = values.output ?? null;
  await checkOutput(output);
  const folder = values.apply ? await rootOf(values.repo ?? '.') : null;
  return askBackend(own, (connection) =>
    take(connection, { taskId, attempt, folder, output, dataDir: own.dataDir }),
  );
}

async function taskOf(connection: BackendConnection, taskId: string): Promise<TaskView> {
  return (await connection.call('task.get', { taskId })).task;
}

function show(task: TaskView): number {
  const [first] = task.turnList;
  const views = (first?.attempts ?? []).map((one) =>
    // Of a task with one attempt the turn says how it ended.
    one.state === undefined && first ? { ...one, ...asAttempt(first) } : one,
  );
  const lines = sideBySide(views, paint(wantsColour(process.stdout)), task.chosenAttempt);
  for (const line of [tameLine(task.title), ...lines]) process.stdout.write(`${line}\n`);
  return EXIT.completed;
}

type Turn = TaskView['turnList'][number];

function asAttempt({ state, answer, usage, error }: Turn): Partial<Turn['attempts'][number]> {
  const isOver = state === 'completed' || state === 'failed' || state === 'cancelled';
  return {
    state: isOver ? state : 'running',
    ...(answer === undefined ? {} : { answer }),
    ...(usage === undefined ? {} : { usage }),
    ...(error === undefined ? {} : { error }),
  };
}

async function take(connection: BackendConnection, chosen: Chosen): Promise<number> {
  const { taskId, attempt, folder, output, dataDir } = chosen;
  await connection.call('attempt.choose', { taskId, attempt });
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`Attempt ${attempt} is chosen.`);
  const { attempts, turnList } = await taskOf(connection, taskId);
  // A follow-up's patch holds what came before it, too.
  const turn = turnList.findLast((one) =>
    one.attempts.some((view) => view.attempt === attempt && (view.patch?.files ?? 0) > 0),
  )?.turn;
  if (turn === undefined) {
    say('It changed nothing.');
    return EXIT.completed;
  }
  const bytes = await connection.patch(taskId, turn, attempt);
  const of = attempts > 1 ? { attempt } : {};
  say(`Patch: ${await savePatch(bytes, { taskId, turn, ...of, dataDir, output })}`);
  if (folder === null) return EXIT.completed;
  const applied = await applyResult(bytes, folder, dataDir, { taskId, turn });
  for (const line of applied.lines) say(tameText(line));
  await connection.call('task.review', { taskId, review: applied.whole ? 'applied' : 'partly' });
  if (applied.whole) return EXIT.completed;
  process.stderr.write(`${tameText(errorWords(applied.error).text)}\n`);
  return EXIT.failed;
}
