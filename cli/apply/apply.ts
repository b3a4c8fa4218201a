/**
 * `codex-tasks apply`: a result into the folder, onto a branch, into a worktree, or out as a patch. In
 * order: which result → its bytes → the plan → written, with a way back → told, file by file where it
 * did not fit.
 */
import { resolve } from 'node:path';
import { planApply, type PathResult, type PlanItem } from '../../client/apply/index.ts';
import { applyTo, baseOf, planApplyTo, type Made, type Target } from '../../client/apply-to/index.ts';
import type { BackendConnection } from '../../client/connection/index.ts';
import { asCommand, parsePatch, type Patch } from '../../client/patch/index.ts';
import { applyReasonWords, errorWords } from '../../client/words/index.ts';
import { EXIT } from '../../protocol/result.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import { askBackend } from '../ask.ts';
import { applyResult, checkOutput, checkpointsOf, savePatch, toldOf, type Applied } from '../run/deliver.ts';
import { tameLine, tameName, tameText } from '../terminal.ts';
import { UsageError } from '../usage.ts';
import { APPLY_HELP, applyOptions, type ApplyCommand } from './options.ts';
import { deliveriesOf, rootOf } from './place.ts';
import { resultOf, type Wanted } from './result.ts';

type Connection = Pick<BackendConnection, 'call' | 'patch'>;

export async function apply(args: string[]): Promise<number> {
  const command = applyOptions(args);
  if (command === null) {
    process.stdout.write(APPLY_HELP);
    return EXIT.completed;
  }
  await checkOutput(command.output);
  const isTaken = command.print !== null || command.output !== null;
  const root = isTaken ? '' : await rootOf(command.repo);
  return askBackend(command.own, (connection) => applyFrom(connection, command, root));
}

export async function applyFrom(
  connection: Connection,
  command: ApplyCommand,
  root: string,
): Promise<number> {
  const { taskId, print, output, own, dryRun } = command;
  const { task } = await connection.call('task.get', { taskId });
  const result = resultOf(task, command);
  if (print !== null || output !== null) {
    const bytes = await connection.patch(taskId, result.turn, result.attempt);
    if (output !== null) {
      say(`Patch: ${await savePatch(bytes, { taskId, turn: result.turn, dataDir: own.dataDir, output })}`);
    } else {
      process.stdout.write(print === 'patch' ? bytes : asCommand(bytes));
    }
    return EXIT.completed;
  }
  const bytes = await connection.patch(
    taskId,
    result.turn,
    result.attempt,
    sinceApplied(command, root, result),
  );
  const applied = await put(task, result, bytes, command, root);
  for (const line of applied.lines) say(tameText(line));
  if (dryRun) return applied.whole ? EXIT.completed : EXIT.failed;
  await connection.call('task.review', { taskId, review: applied.whole ? 'applied' : 'partly' });
  if (applied.whole) return EXIT.completed;
  process.stderr.write(`${tameText(errorWords(applied.error).text)}\n`);
  return EXIT.failed;
}

/** What an earlier turn changed is in the folder already when it was applied there. */
function sinceApplied({ to, taskId, own }: ApplyCommand, root: string, { turn }: Wanted): { from?: number } {
  if (to.to !== 'folder') return {};
  const earlier = checkpointsOf(own.dataDir)
    .summaries(root)
    .find(
      (one) =>
        one.taskId === taskId && one.undoneAt === null && one.keptFrom === undefined && one.turn !== null,
    );
  return earlier?.turn != null && earlier.turn < turn ? { from: earlier.turn } : {};
}

async function put(
  task: TaskView,
  { turn }: Wanted,
  bytes: Uint8Array,
  command: ApplyCommand,
  root: string,
): Promise<Applied> {
  const { own, to, selfRunning, dryRun } = command;
  const of = { taskId: task.id, turn, label: task.title };
  const choice = { include: isAsked(command), includeSelfRunning: () => selfRunning };
  const patch = parsePatch(bytes);
  filesMustBeIn(patch, command);
  if (to.to === 'folder') {
    if (dryRun) return preview((await planApply(root, patch)).items, command, root);
    return applyResult(bytes, root, own.dataDir, of, choice);
  }
  const base = command.base ?? (await baseOf(root, task));
  const plan = await planApplyTo(root, patch, targetOf(to, base));
  if (dryRun) return preview(plan.planned.plan.items, command, nameOf(to));
  const { results, made } = await applyTo(plan, {
    ...choice,
    message: command.message ?? `${tameLine(task.title)}\n\nCodex task ${task.id}, turn ${turn}.`,
    ...(command.coAuthor ? { coAuthor: command.coAuthor } : {}),
    sign: command.sign,
    partly: command.partly,
    checkpoints: checkpointsOf(own.dataDir),
    info: of,
  });
  const told = toldOf(results, nameOf(to));
  if (made === null)
    return told.whole ? { whole: true, lines: ['Everything in this result is there already.'] } : told;
  const { id } = deliveriesOf(own.dataDir).add(made, of);
  return { ...told, lines: [...told.lines, `${madeWords(made)} Undo: codex-tasks undo ${id}`] };
}

function targetOf(to: Exclude<ApplyCommand['to'], { to: 'folder' }>, start: string): Target {
  switch (to.to) {
    case 'branch':
      return to;
    case 'newBranch':
      return { ...to, start };
    case 'worktree':
      return { ...to, folder: resolve(to.folder), start };
  }
}

function nameOf(to: Exclude<ApplyCommand['to'], { to: 'folder' }>): string {
  return to.to === 'worktree' ? resolve(to.folder) : `the branch ${to.branch}`;
}

export function madeWords(made: Made): string {
  switch (made.what) {
    case 'branchMoved':
      return `The branch ${made.branch} is at ${made.at.slice(0, 12)}.`;
    case 'branchMade':
      return `The new branch ${made.branch} is at ${made.at.slice(0, 12)}.`;
    case 'worktreeMade':
      return `The new worktree is ${made.folder}.`;
  }
}

function isAsked(command: ApplyCommand): (item: PlanItem) => boolean {
  const files = new Set(command.files);
  return (item) =>
    files.size === 0 || files.has(item.path.path) || (item.from !== undefined && files.has(item.from.path));
}

function filesMustBeIn(patch: Patch, { files }: ApplyCommand): void {
  const names = new Set(patch.files.flatMap(({ oldPath, newPath }) => [oldPath.path, newPath.path]));
  const unknown = files.filter((file) => !names.has(file));
  if (unknown.length > 0) throw new UsageError(`the result has no file ${unknown.map(tameName).join(', ')}.`);
}

/** One line for each file: what would be done with it. */
function preview(items: readonly PlanItem[], command: ApplyCommand, place: string): Applied {
  const asked = items.filter(isAsked(command));
  const results = asked.map((item): PathResult => {
    const { path, verdict, reason } = item;
    if (verdict === 'applies') {
      const isLeft = item.runsByItself && !command.selfRunning;
      return isLeft
        ? { path, status: 'refused', reason: 'runsByItself' }
        : { path, status: item.merged ? 'applied-modified' : 'applied' };
    }
    if (verdict === 'alreadyApplied') return { path, status: 'applied', reason: 'alreadyApplied' };
    return { path, status: verdict, ...(reason ? { reason } : {}) };
  });
  const lines = asked.map(({ path, kind }, index) => {
    const { status, reason } = results[index]!;
    const words = reason
      ? applyReasonWords(reason)
      : status === 'applied-modified'
        ? 'together with your own changes'
        : '';
    return `  ${status.startsWith('applied') ? kind : status}  ${tameName(path.path)}${words === '' ? '' : `: ${words}`}`;
  });
  const told = toldOf(results, place);
  return { ...told, lines: [`In ${place}:`, ...lines] };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
