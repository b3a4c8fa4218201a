/** `codex-tasks undo`: what applying changed, back as it was, or a branch or worktree taken away again. */
import { undoCheckpoint, type UndoResult } from '../../client/apply/index.ts';
import { undoApplyTo, type Delivery } from '../../client/apply-to/index.ts';
import { applyReasonWords } from '../../client/words/index.ts';
import { EXIT } from '../../protocol/result.ts';
import { defaultDataDir } from '../../client/backend-process/index.ts';
import { checkpointsOf } from '../run/deliver.ts';
import { tameName } from '../terminal.ts';
import { UsageError, parse } from '../usage.ts';
import { madeWords } from './apply.ts';
import { deliveriesOf, rootOf } from './place.ts';

const UNDO_HELP = `codex-tasks undo [options] [TASK|ID]

Brings back what applying a result changed, byte for byte; a branch or worktree that was made for it goes
away. Without TASK or ID: what was applied last from this folder. codex-tasks checkpoints lists them.

  --force            also files that you have edited since; your edits are kept in a checkpoint of their own
  --dry-run          say what would be, and write nothing
  --repo DIR         the repository's folder (default: this folder)
  --data DIR         the data folder (default: ${defaultDataDir()})
`;

/** What can be undone: in the folder, or beside it. */
type Last =
  { kind: 'checkpoint'; id: string; at: number } | { kind: 'delivery'; delivery: Delivery; at: number };

export async function undo(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    args,
    {
      force: { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      repo: { type: 'string' },
      data: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    true,
  );
  if (values.help) {
    process.stdout.write(UNDO_HELP);
    return EXIT.completed;
  }
  const [wanted = null, ...more] = positionals;
  if (more.length > 0) throw new UsageError('one task or one checkpoint is wanted.');
  const dataDir = values.data ?? defaultDataDir();
  const last = find(dataDir, wanted, await rootOf(values.repo ?? '.'));
  if (last === null) {
    process.stderr.write(
      wanted === null
        ? 'Nothing was applied from this folder that could be undone.\n'
        : `Nothing of ${tameName(wanted)} was applied that could be undone.\n`,
    );
    return EXIT.failed;
  }
  if (last.kind === 'delivery') return takeAway(dataDir, last.delivery, values['dry-run'] ?? false);
  const outcome = await undoCheckpoint(checkpointsOf(dataDir), last.id, {
    force: values.force ?? false,
    dryRun: values['dry-run'] ?? false,
  });
  return tell(outcome.results, outcome.checkpointId, values['dry-run'] ?? false);
}

/** By its id, whether undone before or not; by its task or folder the newest that is not. */
function find(dataDir: string, wanted: string | null, root: string): Last | null {
  const checkpoints = checkpointsOf(dataDir);
  const deliveries = deliveriesOf(dataDir);
  if (wanted !== null) {
    const checkpoint = checkpoints.get(wanted);
    if (checkpoint) return { kind: 'checkpoint', id: checkpoint.id, at: checkpoint.at };
    const delivery = deliveries.get(wanted);
    if (delivery) return { kind: 'delivery', delivery, at: delivery.at };
  }
  const fits = (taskId: string | null, of: string) => (wanted === null ? of === root : taskId === wanted);
  const all: Last[] = [
    ...checkpoints
      .summaries()
      .filter((one) => one.undoneAt === null && fits(one.taskId, one.root))
      .map(({ id, at }): Last => ({ kind: 'checkpoint', id, at })),
    ...deliveries
      .list()
      .filter((one) => one.undoneAt === null && fits(one.taskId, one.made.root))
      .map((delivery): Last => ({ kind: 'delivery', delivery, at: delivery.at })),
  ];
  return all.sort((one, two) => two.at - one.at)[0] ?? null;
}

async function takeAway(dataDir: string, { id, made }: Delivery, dryRun: boolean): Promise<number> {
  if (dryRun) {
    process.stdout.write(
      `${madeWords(made)} It would be ${made.what === 'branchMoved' ? 'put back' : 'taken away'}.\n`,
    );
    return EXIT.completed;
  }
  await undoApplyTo(made);
  deliveriesOf(dataDir).markUndone(id);
  process.stdout.write(
    made.what === 'branchMoved'
      ? `The branch ${made.branch} is back at ${made.from.slice(0, 12)}.\n`
      : 'It is taken away.\n',
  );
  return EXIT.completed;
}

function tell(results: readonly UndoResult[], kept: string | null, dryRun: boolean): number {
  const left = results.filter(({ status }) => status === 'stale' || status === 'failed');
  const back = results.filter(({ status }) => status === 'restored' || status === 'merged').length;
  const verb = dryRun ? 'Would restore' : 'Restored';
  process.stdout.write(`${verb} ${back} ${back === 1 ? 'file' : 'files'}.\n`);
  for (const { path, status, reason } of left)
    process.stdout.write(`  ${tameName(path.path)}: ${reason ? applyReasonWords(reason) : status}\n`);
  if (kept !== null) process.stdout.write(`Your later edits are in checkpoint ${kept}.\n`);
  if (left.length === 0) return EXIT.completed;
  process.stderr.write(
    'What was edited since is left as it is. --force restores it too, and keeps the edits.\n',
  );
  return EXIT.failed;
}
