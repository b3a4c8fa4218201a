/**
 * `codex-tasks pr`: a task's result as a pull request, over the same RPC as every client. In order: what it would be
 * → what a person should know, and the files that need a second yes → made, or added to.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { BackendConnection } from '../../client/connection/index.ts';
import { authorOf } from '../../client/git/author.ts';
import { CodexError } from '../../protocol/errors.ts';
import { PULL_BODY_CHARS } from '../../protocol/limits.ts';
import type { Author, PullRequestPreview, PullRequestView } from '../../protocol/pull-request.ts';
import { EXIT } from '../../protocol/result.ts';
import { askBackend } from '../ask.ts';
import { paint, wantsColour } from '../terminal.ts';
import { UsageError } from '../usage.ts';
import { PR_HELP, prOptions, tooLong, type PrCommand } from './options.ts';
import { delicateLines, previewLines, pullRequestLines } from './render.ts';

type Connection = Pick<BackendConnection, 'call'>;

export interface Said {
  /** Of `--body-file`. */
  body: string | null;
  author: Author | null;
}

export async function pr(args: string[]): Promise<number> {
  const command = prOptions(args);
  if (command === null) {
    process.stdout.write(PR_HELP);
    return EXIT.completed;
  }
  const said: Said = {
    body: command.bodyFile === null ? null : await readBody(command.bodyFile),
    author: command.action === 'show' ? null : await authorOf(command.repo).catch(() => null),
  };
  const stop = new AbortController();
  const onStop = () => stop.abort();
  process.once('SIGINT', onStop);
  try {
    const view = await askBackend(
      command.own,
      (connection) => perform(connection, command, said, { note, signal: stop.signal }),
      { signal: stop.signal },
    );
    const lines = command.json
      ? [JSON.stringify({ pullRequest: view })]
      : pullRequestLines(view, paint(wantsColour(process.stdout)));
    process.stdout.write(`${lines.join('\n')}\n`);
    return view.error ? EXIT.failed : EXIT.completed;
  } finally {
    process.off('SIGINT', onStop);
  }
}

export interface Performing {
  note: (lines: readonly string[]) => void;
  signal?: AbortSignal;
}

/** Throws `CodexError` forgeNotConfirmed after it has told the files that need a second yes. */
export async function perform(
  connection: Connection,
  command: PrCommand,
  { body, author }: Said,
  { note: tell, signal }: Performing,
): Promise<PullRequestView> {
  const { action, taskId, title, localChanges } = command;
  if (action === 'show') {
    return (await connection.call('pullRequest.refresh', { taskId }, signal)).pullRequest;
  }
  const attempt = command.attempt === null ? {} : { attempt: command.attempt };
  const { preview } = await connection.call(
    'pullRequest.preview',
    { taskId, localChanges, ...attempt },
    signal,
  );
  tell(previewLines(preview, localChanges));
  const common = {
    taskId,
    ...confirmation(preview, command, tell),
    ...(author ? { author } : {}),
  };
  if (action === 'update') {
    const params = { ...common, ...(title === null ? {} : { title }), ...(body === null ? {} : { body }) };
    return (await connection.call('pullRequest.update', params, signal)).pullRequest;
  }
  const { branch, base } = command;
  const params = {
    ...{ ...common, ...attempt, localChanges, draft: command.draft || preview.draft },
    ...{ title: title ?? preview.title, body: body ?? preview.body },
    ...(branch === null ? {} : { branch }),
    ...(base === null ? {} : { base }),
  };
  return (await connection.call('pullRequest.create', params, signal)).pullRequest;
}

function confirmation(
  preview: PullRequestPreview,
  { yesDelicate }: PrCommand,
  tell: Performing['note'],
): { confirmed?: string } {
  const { delicate, delicateKey } = preview;
  if (delicate.length === 0 || delicateKey === undefined) return {};
  tell(delicateLines(preview));
  if (yesDelicate) return { confirmed: delicateKey };
  tell(['Look at them, then say --yes-delicate.']);
  const paths = delicate.map(({ path }) => path).join(', ');
  throw new CodexError('forgeNotConfirmed', { count: delicate.length, paths });
}

/** Before a backend is asked: a file that is not there is a mistake in the command line. */
async function readBody(file: string): Promise<string> {
  const body = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch(() => {
    throw new UsageError(`--body-file: the file “${file}” can’t be read.`);
  });
  tooLong('--body-file', body, PULL_BODY_CHARS);
  return body;
}

function note(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`);
}
