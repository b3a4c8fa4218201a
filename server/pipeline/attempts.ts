/**
 * Several attempts at one turn, side by side: each to its own end, which is stored when it is reached.
 *
 * The turn ends with the last one: completed when any completed, failed when all did. One that has ended under
 * an owner before this one is not run again. Whoever fails or is cancelled leaves the others alone.
 */
import { CodexError, toWireError, type ErrorCode } from '../../protocol/errors.ts';
import { NO_USAGE, type Usage } from '../../protocol/events.ts';
import type { Report } from '../../protocol/report.ts';
import { addUsage } from '../agent/usage.ts';
import type { Log } from '../log.ts';
import { stopReason, type AttemptEnd, type TurnContext } from '../tasks/turn-context.ts';

export type AgentEnd =
  | {
      kind: 'answered';
      answer: string;
      usage: Usage;
      report?: Report;
      stoppedBy?: { code: ErrorCode; limit: string };
    }
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: unknown };

/** False once the turn has another owner, or will have one after a restart: then nothing is touched. */
export function isOurs(turn: TurnContext): boolean {
  const reason = stopReason(turn.signal);
  return reason === null || reason === 'cancelled';
}

export async function sideBySide(
  turn: TurnContext,
  run: (attempt: number) => Promise<AgentEnd>,
  log?: Pick<Log, 'error'>,
): Promise<void> {
  const before = await turn.endedAttempts();
  const open = turn.attempts.filter((attempt) => !before.has(attempt));
  const atOnce = Math.min(open.length, turn.limits.parallelTurns);
  // What could not be written is the turn's failure; the others go on to their ends first.
  const lines = await Promise.allSettled(
    Array.from({ length: atOnce }, async () => {
      for (let attempt = open.shift(); attempt !== undefined; attempt = open.shift()) {
        await toItsEnd(turn, attempt, () => run(attempt).catch(failed), log);
      }
    }),
  );
  for (const line of lines) if (line.status === 'rejected') throw line.reason;
  if (!isOurs(turn)) return;
  await finishTurn(turn, await turn.endedAttempts());
}

const failed = (error: unknown): AgentEnd => ({ kind: 'failed', error });

async function toItsEnd(
  turn: TurnContext,
  attempt: number,
  run: () => Promise<AgentEnd>,
  log?: Pick<Log, 'error'>,
): Promise<void> {
  if (!isOurs(turn)) return;
  await turn.startAttempt(attempt);
  // Cancelled before its turn came: there is nothing to stop or to deliver.
  const isLate = turn.signal.aborted && !turn.resumed;
  const end: AgentEnd = isLate ? { kind: 'cancelled' } : await run();
  if (!isOurs(turn)) return;
  if (end.kind === 'failed' && !turn.signal.aborted && toWireError(end.error).code === 'internal') {
    log?.error('an attempt failed unexpectedly', { taskId: turn.task.id, attempt, error: end.error });
  }
  await turn.finishAttempt(attempt, asStored(end, turn.signal.aborted));
}

function asStored(end: AgentEnd, wasCancelled: boolean): AttemptEnd {
  switch (end.kind) {
    case 'answered': {
      const { answer, usage, report } = end;
      return { state: 'completed', answer, usage, ...(report === undefined ? {} : { report }) };
    }
    case 'cancelled':
      return { state: 'cancelled' };
    case 'failed':
      return wasCancelled ? { state: 'cancelled' } : { state: 'failed', error: toWireError(end.error) };
  }
}

/** Until somebody chooses, the first that completed speaks for the turn; all of them were paid for. */
async function finishTurn(turn: TurnContext, ends: ReadonlyMap<number, AttemptEnd>): Promise<void> {
  const all = turn.attempts.flatMap((attempt) => ends.get(attempt) ?? []);
  const first = all.find((end) => end.state === 'completed');
  if (first === undefined) {
    const worst = all.find((end) => end.state === 'failed');
    if (worst === undefined || turn.signal.aborted) throw new CodexError('cancelled');
    throw new CodexError(worst.error.code, worst.error.params);
  }
  const usage = all.reduce((sum, end) => addUsage(sum, end.usage ?? NO_USAGE), NO_USAGE);
  const { answer, report } = first;
  await turn.finish({ answer, usage, ...(report === undefined ? {} : { report }) });
}
