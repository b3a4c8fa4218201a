/**
 * `codex-tasks run`: a headless client of the same WebSocket API that the extension speaks.
 *
 * Order: look at the folder → find or start the backend → send the commit → create the task → follow
 * it to its end → save the patch → apply it if asked. With `--json` standard output holds the events
 * and the result, one a line, and nothing else, whatever goes wrong.
 */
import { text } from 'node:stream/consumers';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { EXIT, type RunResult } from '../../protocol/result.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import { UsageError } from '../usage.ts';
import { openBackend, type Backend } from '../backend.ts';
import { sendPictures } from '../../client/attachments.ts';
import { ApprovalAsker } from './approvals.ts';
import { checkOutput, applyResult, savePatch } from './deliver.ts';
import { readPictures } from './images.ts';
import { humanOutput, jsonOutput, type AttemptView, type Output } from './output.ts';
import { RUN_HELP, checkPrompt, runOptions, type RunOptions } from './options.ts';
import { lookAtFolder, sendCommit, type Folder } from './push.ts';
import { stopOnSignal } from './stop.ts';
import { createTask, failedResult, followTurn, resultOf, turnOf } from './task.ts';

type CreateTask = (
  connection: Backend['connection'],
  repo: RepoAtCommit,
  signal: AbortSignal,
) => Promise<string>;

const FIRST_TURN = 1;
const ATTEMPT = 1;

export async function run(args: string[]): Promise<number> {
  const options = runOptions(args);
  if (options === 'help') {
    process.stdout.write(RUN_HELP);
    return EXIT.completed;
  }
  if (options.prompt === '-') {
    options.prompt = await text(process.stdin);
    if (options.prompt.trim() === '') throw new UsageError('The prompt on standard input is empty.');
    checkPrompt(options.prompt);
  }
  const output = options.json ? jsonOutput() : humanOutput();
  const { result, attempt } = await runTask(options, output);
  output.end(result, attempt);
  return EXIT[result.status];
}

/** Never throws for what can go wrong with a task; a bad command line is still a `UsageError`. */
export async function runTask(
  options: RunOptions,
  output: Output,
  /** Makes the task in place of the options; its id. */
  create?: CreateTask,
): Promise<{ result: RunResult; attempt: AttemptView | null }> {
  const stop = stopOnSignal((line) => output.warn(line));
  let taskId: string | null = null;
  let backend: Backend | null = null;
  try {
    await checkOutput(options.output);
    const pictures = await readPictures(options.images ?? []);
    const folder = await lookAtFolder(options);
    for (const line of folder.notes) output.note(line);
    backend = await openBackend(options.own, { signal: stop.signal, runsTasks: true });
    noteBackend(backend, output);
    const repo = await sendCommit(folder, backend, output, stop.signal);
    if (create) taskId = await create(backend.connection, repo, stop.signal);
    else {
      const images = await sendPictures(backend.connection, pictures, stop.signal);
      const request = { ...requestOf(options, repo), ...(images.length > 0 ? { images } : {}) };
      taskId = await createTask(backend.connection, request, stop.signal);
    }
    return await followTask(taskId, folder, backend, options, output, stop.signal);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // A mistake of ours, or of this machine: what it says itself is all that there is to go by.
    if (!(error instanceof CodexError) && !stop.signal.aborted) output.warn(errorText(error));
    if (process.env['CODEX_DEBUG']) console.error(error);
    return { result: failedResult(taskId, asCodexError(error, stop.signal)), attempt: null };
  } finally {
    stop.dispose();
    backend?.connection.close();
  }
}

function requestOf({ prompt, mode, model, environment }: RunOptions, repo: RepoAtCommit) {
  return {
    prompt,
    mode,
    repo,
    ...(model === null ? {} : { model }),
    ...(environment === null ? {} : { environment }),
  };
}

async function followTask(
  taskId: string,
  folder: Folder,
  { connection }: Backend,
  options: RunOptions,
  output: Output,
  signal: AbortSignal,
): Promise<{ result: RunResult; attempt: AttemptView | null }> {
  const cancel = () => {
    connection.call('task.cancel', { taskId }).catch((error: unknown) => {
      // It ended in the same moment: then its end is already on the way.
      if (!(error instanceof CodexError && error.code === 'conflict')) output.warn(errorText(error));
    });
  };
  const approvals = new ApprovalAsker({
    connection,
    taskId,
    // Standard output may be a program's.
    terminal:
      process.stdin.isTTY && process.stderr.isTTY ? { input: process.stdin, output: process.stderr } : null,
    warn: (line) => output.warn(line),
  });
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await followTurn(connection, taskId, FIRST_TURN, {
      onEvent: (event) => {
        output.event(event);
        approvals.event(event);
      },
      onProgress: (line) => output.progress(line),
      onLost: (lost) =>
        output.warn(lost ? 'The backend does not answer; trying again…' : 'Connected again; going on.'),
    });
  } finally {
    signal.removeEventListener('abort', cancel);
    approvals.close();
  }
  const view = await turnOf(connection, taskId, FIRST_TURN);
  const attempt = view.attempts.find((each) => each.attempt === ATTEMPT) ?? null;
  if (!attempt?.patch || attempt.patch.files === 0) return { result: resultOf(taskId, view, null), attempt };
  const bytes = await connection.patch(taskId, FIRST_TURN, ATTEMPT);
  const { dataDir } = options.own;
  let path: string;
  try {
    path = await savePatch(bytes, { taskId, turn: FIRST_TURN, dataDir, output: options.output });
  } catch (error) {
    // The answer is still worth having.
    const result = resultOf(taskId, view, null);
    return { result: { ...result, status: 'failed', error: asCodexError(error, signal).wire }, attempt };
  }
  const { files, added, removed } = attempt.patch;
  const result = resultOf(taskId, view, { path, files, added, removed, bytes: bytes.length });
  if (options.apply && result.status === 'completed') {
    const applied = await applyResult(bytes, folder.root, dataDir, { taskId, turn: FIRST_TURN });
    for (const line of applied.lines) output.note(line);
    await connection.call('task.review', { taskId, review: applied.whole ? 'applied' : 'partly' });
    if (!applied.whole) return { result: { ...result, status: 'failed', error: applied.error }, attempt };
  }
  return { result, attempt };
}

function noteBackend({ hello, own, started, where }: Backend, output: Output): void {
  const kind = own === null ? '' : started ? ', started for this' : ', running already';
  const model = hello.model.scripted ? 'scripted model' : `model ${hello.model.name}`;
  output.note(`Backend: ${where().url}${kind}; sandbox ${hello.sandbox.kind}; ${model}`);
}

function asCodexError(error: unknown, signal: AbortSignal): CodexError {
  if (signal.aborted) return new CodexError('cancelled');
  if (error instanceof CodexError) return error;
  return new CodexError('internal', {}, { detail: errorText(error), cause: error });
}
