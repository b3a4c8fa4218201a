/** `codex-tasks checkpoints`: what can be undone, from when, how large, and how full the store is. */
import type { CheckpointSummary } from '../../client/apply/index.ts';
import type { Delivery } from '../../client/apply-to/index.ts';
import { defaultDataDir } from '../../client/backend-process/index.ts';
import { bytesWords } from '../../client/words/index.ts';
import { EXIT } from '../../protocol/result.ts';
import { checkpointsOf } from '../run/deliver.ts';
import { tameLine, tameName } from '../terminal.ts';
import { UsageError, parse } from '../usage.ts';
import { madeWords } from './apply.ts';
import { deliveriesOf, rootOf } from './place.ts';

const CHECKPOINTS_HELP = `codex-tasks checkpoints [options]

What applying results changed in this folder, newest first, and what it made beside it.

  --all              of every folder
  --delete ID        drop one: it can't be undone any more
  --json             as JSON
  --repo DIR         the repository's folder (default: this folder)
  --data DIR         the data folder (default: ${defaultDataDir()})
`;

const DAY_MS = 24 * 60 * 60_000;

export async function checkpoints(args: string[]): Promise<number> {
  const { values } = parse(
    args,
    {
      all: { type: 'boolean' },
      delete: { type: 'string' },
      json: { type: 'boolean' },
      repo: { type: 'string' },
      data: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    false,
  );
  if (values.help) {
    process.stdout.write(CHECKPOINTS_HELP);
    return EXIT.completed;
  }
  const dataDir = values.data ?? defaultDataDir();
  const store = checkpointsOf(dataDir);
  const deliveries = deliveriesOf(dataDir);
  if (values.delete !== undefined) return drop(values.delete);
  const root = values.all ? undefined : await rootOf(values.repo ?? '.');
  const kept = store.summaries(root);
  const made = deliveries.list().filter((one) => root === undefined || one.made.root === root);
  const usage = store.usage();
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ checkpoints: kept, made, usage })}\n`);
    return EXIT.completed;
  }
  const lines = [
    ...kept.map((one) => ({ at: one.at, text: checkpointLine(one, root === undefined) })),
    ...made.map((one) => ({ at: one.at, text: madeLine(one) })),
  ].sort((one, two) => two.at - one.at);
  for (const { text } of lines) process.stdout.write(`${text}\n`);
  const days = Math.round(usage.maxAgeMs / DAY_MS);
  process.stdout.write(
    `${usage.count} ${usage.count === 1 ? 'checkpoint' : 'checkpoints'}, ${bytesWords(usage.bytes)} of ${bytesWords(usage.maxBytes)}; each is kept ${days} days.\n`,
  );
  return EXIT.completed;

  function drop(id: string): number {
    if (store.get(id) === null && deliveries.get(id) === null)
      throw new UsageError(`there is no checkpoint “${tameName(id)}”.`);
    store.remove(id);
    deliveries.remove(id);
    return EXIT.completed;
  }
}

function checkpointLine(one: CheckpointSummary, withRoot: boolean): string {
  const kept = one.keptFrom === undefined ? '' : ', your edits before an undo';
  const state = one.undoneAt !== null ? ', undone' : one.finished ? '' : ', not finished';
  const of = one.taskId === null ? '' : `  ${one.taskId} turn ${one.turn ?? '?'}`;
  const files = `${one.files} ${one.files === 1 ? 'file' : 'files'}`;
  const where = withRoot ? `  ${tameName(one.root)}` : '';
  return `${one.id}  ${when(one.at)}  ${files}, ${bytesWords(one.size)}${kept}${state}${of}  ${tameLine(one.label)}${where}`;
}

function madeLine(one: Delivery): string {
  const of = one.taskId === null ? '' : `  ${one.taskId} turn ${one.turn ?? '?'}`;
  return `${one.id}  ${when(one.at)}  ${tameName(madeWords(one.made))}${one.undoneAt === null ? '' : ' Undone.'}${of}  ${tameLine(one.label)}`;
}

/** In the person's own time. */
function when(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
