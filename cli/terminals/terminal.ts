/**
 * `codex-tasks terminal TASK`: a shell in the sandbox of a task whose turn has ended, on this terminal.
 * Its exit code is the shell's. What the sandbox prints goes to the terminal as it is: that is what a
 * terminal is for.
 */
import { EXIT } from '../../protocol/result.ts';
import { terminalEndWords, terminalGreeting } from '../../client/words/terminals.ts';
import type { BackendConnection, TerminalEnd } from '../../client/connection/index.ts';
import { askBackend } from '../ask.ts';
import { OWN_BACKEND_HELP, OWN_BACKEND_OPTIONS, ownBackendOptions } from '../backend.ts';
import { tameLine } from '../terminal.ts';
import { optionalValue, parse, UsageError } from '../usage.ts';
import { Escape } from './escape.ts';

export const TERMINAL_HELP = `codex-tasks terminal TASK

A shell in the sandbox of a task: while it is kept for follow-ups, or when its setup failed; not while
a turn runs. It has no internet access. The exit code is the shell's. “~.” at the beginning of a line
leaves.

${OWN_BACKEND_HELP}`;

/** What a terminal that does not say its size is taken to have. */
const USUAL = { columns: 80, rows: 24 };

export async function terminal(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    optionalValue(args, '--scripted-model'),
    { ...OWN_BACKEND_OPTIONS, help: { type: 'boolean', short: 'h' } },
    true,
  );
  if (values.help) {
    process.stdout.write(TERMINAL_HELP);
    return EXIT.completed;
  }
  const [taskId, ...more] = positionals;
  if (taskId === undefined || more.length > 0) throw new UsageError('one task is wanted.');
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError('a terminal needs one here too: neither input nor output may be a file or a pipe.');
  }
  return askBackend(ownBackendOptions(values), (connection) => session(connection, taskId));
}

async function session(connection: BackendConnection, taskId: string): Promise<number> {
  const { task } = await connection.call('task.get', { taskId });
  const ended = Promise.withResolvers<{ reason: TerminalEnd; exitCode: number | null }>();
  const size = () => ({
    columns: process.stdout.columns || USUAL.columns,
    rows: process.stdout.rows || USUAL.rows,
  });
  process.stderr.write(`${tameLine(terminalGreeting(task))}\n`);
  const opened = await connection.terminal(
    { taskId, ...size() },
    {
      onOutput: (bytes) => process.stdout.write(bytes),
      onEnd: (reason, exitCode) => ended.resolve({ reason, exitCode }),
    },
  );
  const escape = new Escape();
  const onTyped = (typed: Buffer): void => {
    const { bytes, leave } = escape.take(typed);
    // More is read once this was taken: a paste waits in the kernel, not here.
    process.stdin.pause();
    void opened.write(bytes).finally(() => {
      if (leave) opened.close();
      else process.stdin.resume();
    });
  };
  const onResize = (): void => opened.resize(size().columns, size().rows);
  process.stdin.setRawMode(true);
  process.stdin.on('data', onTyped);
  process.stdout.on('resize', onResize);
  try {
    const { reason, exitCode } = await ended.promise;
    process.stderr.write(`\r\n${terminalEndWords(reason, exitCode)}\r\n`);
    if (reason === 'closed') return EXIT.completed;
    return exitCode ?? EXIT.failed;
  } finally {
    process.stdout.off('resize', onResize);
    process.stdin.off('data', onTyped);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}
