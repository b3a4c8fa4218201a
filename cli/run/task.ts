/**
 * One task from creation to its end, over whatever happens to the connection. The end is the
 * `turn.finished` event; what came of it is then read whole, since events may be cut.
 */
import { randomUUID } from 'node:crypto';
import type { BackendConnection } from '../../client/connection/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import { NO_USAGE, knownEvent, type WireEvent } from '../../protocol/events.ts';
import type { Report } from '../../protocol/report.ts';
import type { RunResult } from '../../protocol/result.ts';
import type { ParamsIn, TaskView } from '../../protocol/rpc.ts';
import { hasEnded } from '../../protocol/states.ts';

/** Lines about something slow, an image that is built for example, come as text of this item. */
const PROGRESS_ITEM = 'progress';

export type TurnView = TaskView['turnList'][number];

/** Creates the task; sent again after a loss, the same request is the same task. */
export async function createTask(
  connection: BackendConnection,
  params: Omit<ParamsIn<'task.create'>, 'requestId'>,
  signal: AbortSignal,
): Promise<string> {
  const { task } = await connection.call('task.create', { requestId: randomUUID(), ...params }, signal);
  return task.id;
}

/** Passes every event on, once and in order, until this turn has ended. Rejects when it can't be followed. */
export async function followTurn(
  connection: BackendConnection,
  taskId: string,
  turn: number,
  listener: {
    onEvent(event: WireEvent): void;
    onProgress(line: string): void;
    /** The connection is gone, and comes back by itself: true, then false. */
    onLost(lost: boolean): void;
  },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let lost = false;
  const stopState = connection.onState((state) => {
    if (state.kind === 'refused') reject(new CodexError(state.error.code, state.error.params));
    const isLost = state.kind === 'awaitingRetry' || (state.kind === 'connecting' && lost);
    if (isLost !== lost) listener.onLost(isLost);
    lost = isLost;
  });
  const stop = connection.follow(taskId, 0, {
    onEvents: (events) => {
      for (const event of events) {
        listener.onEvent(event);
        if (event.turn === turn && endsTurn(event)) resolve();
      }
    },
    onDelta: (delta) => {
      if (delta.turn === turn && delta.itemId === PROGRESS_ITEM) listener.onProgress(delta.text);
    },
    onError: (error) => reject(new CodexError(error.code, error.params)),
  });
  try {
    await promise;
  } finally {
    stop();
    stopState();
  }
}

function endsTurn(event: WireEvent): boolean {
  const known = knownEvent(event);
  return known?.code === 'turn.finished' && hasEnded(known.params.state);
}

export async function turnOf(
  connection: BackendConnection,
  taskId: string,
  turn: number,
): Promise<{ task: TaskView; view: TurnView }> {
  const { task } = await connection.call('task.get', { taskId });
  const view = task.turnList.find((one) => one.turn === turn);
  if (!view) throw new CodexError('notFound', { what: 'turn' });
  return { task, view };
}

export function resultOf(taskId: string, view: TurnView, patch: RunResult['patch']): RunResult {
  const status = view.state === 'completed' || view.state === 'cancelled' ? view.state : 'failed';
  return {
    type: 'result',
    taskId,
    turn: view.turn,
    status,
    answer: view.answer ?? '',
    ...reportParts(view.report),
    patch,
    attempts: Math.max(view.attempts.length, 1),
    usage: view.usage ?? NO_USAGE,
    ...(view.error ? { error: view.error } : {}),
  };
}

function reportParts(report: Report | undefined): Pick<RunResult, 'followUps'> & Partial<RunResult> {
  if (!report) return { followUps: [] };
  const { followUps, findings, checks, verdict, proposal } = report;
  return {
    followUps,
    ...(findings.length > 0 || verdict ? { findings } : {}),
    ...(checks.length > 0 ? { checks } : {}),
    ...(verdict ? { verdict } : {}),
    ...(proposal ? { proposal } : {}),
  };
}

/** Of a run that did not come to a task, or lost it. */
export function failedResult(taskId: string | null, error: CodexError): RunResult {
  return {
    type: 'result',
    taskId,
    turn: 1,
    status: error.code === 'cancelled' ? 'cancelled' : 'failed',
    answer: '',
    followUps: [],
    patch: null,
    attempts: 1,
    usage: NO_USAGE,
    error: error.wire,
  };
}
