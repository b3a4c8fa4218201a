/** What becomes of a result on this machine: a patch file, and the repository when that was asked for. */
import { constants } from 'node:fs';
import { access, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  applyPlan,
  openCheckpoints,
  planApply,
  type ApplyOptions,
  type Checkpoints,
  type PathResult,
} from '../../client/apply/index.ts';
import { parsePatch } from '../../client/patch/index.ts';
import { applyReasonWords } from '../../client/words/index.ts';
import { CodexError, errorText, wireError, type WireError } from '../../protocol/errors.ts';
import { tameName } from '../terminal.ts';
import { UsageError } from '../usage.ts';

/** Before the task runs: a place that can't be written would cost its result. Throws `UsageError`. */
export async function checkOutput(output: string | null): Promise<void> {
  if (output === null) return;
  const folder = dirname(resolve(output));
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is no folder');
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--output: nothing can be written to ${tameName(folder)} (${errorText(error)}).`);
  }
}

/** Throws `CodexError` fileNotWritten. */
export async function savePatch(
  bytes: Uint8Array,
  at: {
    taskId: string;
    turn: number;
    /** Of several. */
    attempt?: number;
    dataDir: string;
    output: string | null;
  },
): Promise<string> {
  const name = [at.taskId, at.turn, ...(at.attempt === undefined ? [] : [at.attempt])].join('-');
  const path = at.output === null ? join(at.dataDir, 'patches', `${name}.patch`) : resolve(at.output);
  try {
    if (at.output === null) await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  } catch (error) {
    throw new CodexError('fileNotWritten', { path, reason: errorText(error) }, { cause: error });
  }
  return path;
}

export type Applied = { whole: true; lines: string[] } | { whole: false; lines: string[]; error: WireError };

export function checkpointsOf(dataDir: string): Checkpoints {
  return openCheckpoints(join(dataDir, 'checkpoints'));
}

/** With a checkpoint in the data folder, so that nothing that stood there is lost. */
export async function applyResult(
  bytes: Uint8Array,
  root: string,
  dataDir: string,
  of: { taskId: string; turn: number; label?: string },
  choice: Pick<ApplyOptions, 'include' | 'includeSelfRunning'> = {},
): Promise<Applied> {
  const plan = await planApply(root, parsePatch(bytes));
  const info = { label: `turn ${of.turn}`, ...of };
  const outcome = await applyPlan(plan, { checkpoints: checkpointsOf(dataDir), info, ...choice });
  return toldOf(outcome.results, root);
}

/** `place`: where it went, as a person reads it. */
export function toldOf(results: readonly PathResult[], place: string): Applied {
  const total = results.length;
  const left = results.filter((result) => !isIn(result));
  const lines = left.map((result) => `  ${tameName(result.path.path)}: ${reasonOf(result)}`);
  if (left.length === 0)
    return { whole: true, lines: [`Applied ${total} ${total === 1 ? 'file' : 'files'} in ${place}`] };
  return { whole: false, lines, error: wireError('notApplied', { left: left.length, total }) };
}

function isIn(result: PathResult): boolean {
  return result.status.startsWith('applied') || result.reason === 'alreadyApplied';
}

function reasonOf(result: PathResult): string {
  return result.reason ? applyReasonWords(result.reason) : result.status;
}
