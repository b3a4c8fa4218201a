/** `codex-tasks undo`: what applying changed, back as it was, or a branch or worktree taken away again. */
import {
  undoCheckpoint,
  type Checkpoint,
  type CheckpointSummary,
  type UndoOptions,
} from '../../client/apply/index.ts';
import { undoApplyTo, type Delivery } from '../../client/apply-to/index.ts';
import { mergeWhole } from '../../client/review/index.ts';
import { applyReasonWords, errorWords } from '../../client/words/index.ts';
import { CodexError, toWireError } from '../../protocol/errors.ts';
import { EXIT } from '../../protocol/result.ts';
import { defaultDataDir } from '../../client/backend-process/index.ts';
import { askBackend } from '../ask.ts';
import { ownBackendOptions, type Backend, type OwnBackendOptions } from '../backend.ts';
import { checkpointsOf } from '../run/deliver.ts';
import { tameName, tameText } from '../terminal.ts';
import { UsageError, parse } from '../usage.ts';
import { madeWords } from './apply.ts';
import { deliveriesOf, rootOf } from './place.ts';

const UNDO_HELP = `codex-tasks undo [options] [TASK|ID]

Brings back what applying a result changed, byte for byte; a branch or worktree that was made for it goes
away. Without TASK or ID: what was applied last from this folder. codex-tasks checkpoints lists them.

  --merge            where you have edited since: takes the change out and keeps your edits
  --force            where you have edited since: restores it; your edits are kept in a checkpoint of their own
                     (both: merges what can be merged, restores the rest)
  --dry-run          say what would be, and write nothing
  --repo DIR         the repository's folder (default: this folder)
  --data DIR         the data folder (default: ${defaultDataDir()})
  --token-file FILE  for a backend at CODEX_SERVER_URL: holds its token (default: CODEX_SERVER_TOKEN)
`;

/** A server elsewhere that is away must not hold up someone whose files are back already. */
const SERVER_TIMEOUT_MS = 5_000;

/** What can be undone: in the folder, or beside it. */
type Last =
  | { kind: 'checkpoint'; at: number; taskId: string | null; checkpoint: Checkpoint | CheckpointSummary }
  | { kind: 'delivery'; at: number; taskId: string | null; delivery: Delivery };

export async function undo(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    args,
    {
      merge: { type: 'boolean' },
      force: { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      repo: { type: 'string' },
      data: { type: 'string' },
      'token-file': { type: 'string' },
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
  // `--data` says where checkpoints are, whichever backend has the task.
  const own = { ...ownBackendOptions(values), given: false };
  const { dataDir } = own;
  const last = find(dataDir, wanted, await rootOf(values.repo ?? '.'));
  if (last === null) {
    process.stderr.write(
      wanted === null
        ? 'Nothing was applied from this folder that could be undone.\n'
        : `Nothing of ${tameName(wanted)} was applied that could be undone.\n`,
    );
    return EXIT.failed;
  }
  const dryRun = values['dry-run'] ?? false;
  const code =
    last.kind === 'delivery'
      ? await takeAway(dataDir, last.delivery, dryRun)
      : await restore(dataDir, last.checkpoint.id, {
          ...{ dryRun, force: values.force ?? false },
          ...(values.merge ? { merge: mergeWhole } : {}),
        });
  if (code === EXIT.completed && !dryRun) await reopen(own, last);
  return code;
}

/** By its id, whether undone before or not; by its task or folder the newest that is not. */
function find(dataDir: string, wanted: string | null, root: string): Last | null {
  if (wanted !== null) {
    const checkpoint = checkpointsOf(dataDir).get(wanted);
    if (checkpoint) return ofCheckpoint(checkpoint);
    const delivery = deliveriesOf(dataDir).get(wanted);
    if (delivery) return ofDelivery(delivery);
  }
  return applied(dataDir, (taskId, of) => (wanted === null ? of === root : taskId === wanted))[0] ?? null;
}

/** What stands, newest first. Edits that an undo put aside were never applied: they go by their id only. */
function applied(dataDir: string, fits: (taskId: string | null, root: string) => boolean): Last[] {
  const all = [
    ...checkpointsOf(dataDir)
      .summaries()
      .filter((one) => one.undoneAt === null && one.keptFrom === undefined && fits(one.taskId, one.root))
      .map(ofCheckpoint),
    ...deliveriesOf(dataDir)
      .list()
      .filter((one) => one.undoneAt === null && fits(one.taskId, one.made.root))
      .map(ofDelivery),
  ];
  return all.sort((one, two) => two.at - one.at);
}

function ofCheckpoint(checkpoint: Checkpoint | CheckpointSummary): Last {
  return { kind: 'checkpoint', at: checkpoint.at, taskId: checkpoint.taskId, checkpoint };
}

function ofDelivery(delivery: Delivery): Last {
  return { kind: 'delivery', at: delivery.at, taskId: delivery.taskId, delivery };
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

async function restore(dataDir: string, id: string, options: UndoOptions): Promise<number> {
  const { results, checkpointId } = await undoCheckpoint(checkpointsOf(dataDir), id, options);
  const merged = results.filter(({ status }) => status === 'merged');
  const restored = results.filter(({ status }) => status === 'restored').length;
  const left = results.filter(({ status }) => status === 'stale' || status === 'failed');
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`${options.dryRun ? 'Would restore' : 'Restored'} ${files(restored)}.`);
  if (merged.length > 0)
    say(`${options.dryRun ? 'Would keep' : 'Kept'} your edits in ${files(merged.length)}:`);
  for (const { path } of merged) say(`  ${tameName(path.path)}`);
  if (left.length > 0) say(`Left ${files(left.length)}:`);
  for (const { path, reason, status } of left)
    say(`  ${tameName(path.path)}: ${reason ? applyReasonWords(reason) : status}`);
  if (checkpointId !== null) say(`What you had edited is in checkpoint ${checkpointId}.`);
  if (left.length === 0) return EXIT.completed;
  process.stderr.write(`${hintOf(options)}\n`);
  return EXIT.failed;
}

function hintOf({ merge }: UndoOptions): string {
  const first =
    merge === undefined
      ? 'What was edited since is left as it is. --merge takes the change out and keeps your edits;'
      : 'Where you edited the same lines, the file is left as it is.';
  return `${first} --force restores it, and keeps the edits in a checkpoint.`;
}

function files(count: number): string {
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}

/** The result waits for its review again, unless more of the task is still applied, or it is a pull request. */
async function reopen(own: OwnBackendOptions, { kind, taskId, ...last }: Last): Promise<void> {
  const kept = 'checkpoint' in last && last.checkpoint.keptFrom !== undefined;
  if (taskId === null || (kind === 'checkpoint' && kept)) return;
  if (applied(own.dataDir, (of) => of === taskId).length > 0) return;
  const signal = process.env['CODEX_SERVER_URL'] ? AbortSignal.timeout(SERVER_TIMEOUT_MS) : undefined;
  const tell = async (connection: Backend['connection']) => {
    const { task } = await connection.call('task.get', { taskId });
    if (task.review === 'applied' || task.review === 'partly')
      await connection.call('task.review', { taskId, review: 'open' });
  };
  try {
    await askBackend(own, tell, signal ? { signal } : {});
  } catch (error) {
    // The files are back, which is what was asked for; a task that is deleted has no review.
    if (error instanceof CodexError && error.code === 'notFound') return;
    const why = signal?.aborted ? 'The backend does not answer.' : errorWords(toWireError(error)).text;
    process.stderr.write(`The task still counts as applied: ${tameText(why)}\n`);
  }
}
