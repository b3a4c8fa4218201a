/**
 * `codex-tasks run`: a headless client of the same WebSocket API that the extension speaks.
 *
 * Order: look at the folder → find or start the backend → send the commit → create the task → follow
 * it to its end → save the patch → apply it if asked. With `--json` standard output holds the events
 * and the result, one a line, and nothing else, whatever goes wrong.
 */
import { text } from 'node:stream/consumers';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { EXIT } from '../../protocol/result.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import { UsageError } from '../usage.ts';
import { openBackend, type Backend } from '../backend.ts';
import { sendPictures } from '../../client/attachments.ts';
import { ApprovalAsker } from './approvals.ts';
import { checkOutput } from './deliver.ts';
import { humanOutput, jsonOutput, type Output } from './output.ts';
import { readPictures } from './images.ts';
import { RUN_HELP, checkPrompt, runOptions, type RunOptions } from './options.ts';
import { lookAtFolder, sendCommit, type Folder } from './push.ts';
import { stopOnSignal } from './stop.ts';
import { asCodexError, takeOne, takeSeveral, type Taken } from './take.ts';
import { createTask, failedResult, followTurn, turnOf } from './task.ts';

type CreateTask = (
  connection: Backend['connection'],
  repo: RepoAtCommit,
  signal: AbortSignal,
) => Promise<string>;

const FIRST_TURN = 1;

function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

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
  if (options.apply && options.attempts > 1 && options.choose === null && (options.json || !canAsk())) {
    throw new UsageError(
      '--apply with several attempts needs to know which one: add --choose N, or run it on a terminal.',
    );
  }
  const output = options.json ? jsonOutput() : humanOutput(options.attempts > 1);
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
): Promise<Taken> {
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

function requestOf({ prompt, mode, model, effort, environment, attempts }: RunOptions, repo: RepoAtCommit) {
  return {
    prompt,
    mode,
    repo,
    attempts,
    ...(model === null ? {} : { model }),
    ...(effort === null ? {} : { effort }),
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
): Promise<Taken> {
  const cancel = () => {
    connection.call('task.cancel', { taskId }).catch((error: unknown) => {
      // It ended in the same moment: then its end is already on the way.
      if (!(error instanceof CodexError && error.code === 'conflict')) output.warn(errorText(error));
    });
  };
  // Standard output may be a program's.
  const terminal = canAsk() ? { input: process.stdin, output: process.stderr } : null;
  const approvals = new ApprovalAsker({
    connection,
    taskId,
    hasSeveral: options.attempts > 1,
    terminal,
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
  const { task, view } = await turnOf(connection, taskId, FIRST_TURN);
  const place = { root: folder.root, terminal, output, signal };
  return task.attempts > 1
    ? takeSeveral(connection, task, view, options, place)
    : takeOne(connection, task, view, options, place);
}

function noteBackend({ hello, own, started, where }: Backend, output: Output): void {
  const kind = own === null ? '' : started ? ', started for this' : ', running already';
  const model = hello.model.scripted ? 'scripted model' : `model ${hello.model.name}`;
  output.note(`Backend: ${where().url}${kind}; sandbox ${hello.sandbox.kind}; ${model}`);
}
