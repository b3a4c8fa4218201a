/**
 * The agent: asks the model, runs what it calls, until it calls nothing more.
 *
 * In order: calls that a crash left open are settled → the turn's prompt is stored, unless it is → per
 * request: the whole history goes out; each item that comes back is stored, a call before it runs; the
 * results are stored before the next request. The history only grows. A budget (requests, time,
 * context) ends the turn in order with what is there; a cancel ends it within a second.
 */
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import type { AgentInput, AgentOutcome, RunAgent } from './agent.ts';
import { isAgentsMessage, readAgentsFile } from './agents-file.ts';
import { resumeCall } from './calls.ts';
import { lastUserText, noteItem, openCalls, promptItem, toRequest, turnStart } from './history.ts';
import { instructions } from './instructions.ts';
import type { Approving } from './approve.ts';
import { ModelStep } from './step.ts';
import { toolsFor } from './tools.ts';
import { TurnClock } from './turn-clock.ts';
import { addUsage } from './usage.ts';
import { NO_USAGE, type NewEvent } from '../../protocol/events.ts';

/** Streams that break one after another, each after a call: the connection is no good. */
export const MAX_CUTS_IN_A_ROW = 5;

export const runAgent: RunAgent = async (input) => {
  const clock = new TurnClock(input.limits.turnTimeoutMs);
  const context = {
    ...input,
    signal: AbortSignal.any([input.signal, clock.signal]),
    ...(input.approve ? { approve: withClock(input.approve, clock) } : {}),
  };
  try {
    return await runTurn(context, clock.signal);
  } catch (error) {
    if (input.signal.aborted) throw new CodexError('cancelled', {}, { cause: error });
    throw error;
  } finally {
    clock.stop();
  }
};

function withClock({ policy, desk }: Approving, clock: TurnClock): Approving {
  return {
    policy,
    desk: {
      ask: (question, signal) => clock.paused(() => desk.ask(question, signal)),
      wasAsked: (id) => desk.wasAsked(id),
    },
  };
}

async function runTurn(input: AgentInput, timeIsUp: AbortSignal): Promise<AgentOutcome> {
  const items = await input.history.load();
  const storeTold = async (more: typeof items, told: readonly NewEvent[]) => {
    if (more.length + told.length > 0) await input.history.append(more, told);
    items.push(...more);
  };
  const store = (...more: typeof items) => storeTold(more, []);

  for (const open of openCalls(items)) await store(await resumeCall(input, open));
  const start = turnStart(items, input.prompt, input.turn);
  const workIsLost = start.kind !== 'new' && start.ranCalls && input.sandbox.how === 'new';
  if (start.kind === 'answered' && !(workIsLost && input.mode === 'code')) {
    return { answer: start.answer, usage: NO_USAGE };
  }
  if (workIsLost) await store(FRESH_SANDBOX);
  if (start.kind === 'new') {
    const agentsFile = await agentsMessage(input, items);
    await store(...(agentsFile ? [agentsFile] : []), promptItem(input.prompt, input.turn ?? 0));
  }

  const fixed = {
    instructions: instructions({
      mode: input.mode,
      internet: input.internet,
      workdir: input.sandbox.workdir,
      commandTimeoutMs: input.limits.commandTimeoutMs,
    }),
    tools: toolsFor(input.model.shell),
    cacheKey: input.cacheKey,
  };
  const outcome: AgentOutcome = { answer: '', usage: NO_USAGE };
  const stop = async (code: ErrorCode, limit: string, value: number): Promise<AgentOutcome> => {
    await input.emit({ code: 'limit.reached', params: { limit, value } });
    return { ...outcome, stoppedBy: { code, limit } };
  };

  for (let cuts = 0; ;) {
    if (outcome.usage.requests >= input.limits.turnModelRequests) {
      return stop('limitReached', 'turnModelRequests', input.limits.turnModelRequests);
    }
    const step = new ModelStep(input, items, storeTold);
    try {
      const response = await step.run({ ...fixed, input: toRequest(items) });
      outcome.usage = addUsage(outcome.usage, response.usage);
      cuts = response.cut === undefined ? 0 : cuts + 1;
    } catch (error) {
      if (timeIsUp.aborted) return stop('limitReached', 'turnTimeoutMs', input.limits.turnTimeoutMs);
      if (isContextFull(error) && outcome.usage.requests > 0) {
        return stop('modelContextFull', 'modelContext', outcome.usage.requests);
      }
      throw error;
    }
    if (step.text !== '') outcome.answer = step.text;
    if (timeIsUp.aborted) return stop('limitReached', 'turnTimeoutMs', input.limits.turnTimeoutMs);
    if (input.signal.aborted) throw new CodexError('cancelled');
    if (!step.called) return outcome;
    if (cuts > MAX_CUTS_IN_A_ROW) throw new CodexError('modelUnavailable', { message: 'The stream breaks.' });
  }
}

const FRESH_SANDBOX = noteItem(
  'The sandbox was lost and made again: the folder is back at the state in which this turn began, and every change and process since is gone. Do again what is still needed.',
);

/** The repository's instructions, when they are new to this history. */
async function agentsMessage(input: AgentInput, items: Parameters<typeof lastUserText>[0]) {
  const { message, cut } = await readAgentsFile(input.sandbox, input.limits.agentsFileBytes);
  const told = message === null ? null : (input.redactor?.text(message) ?? message);
  if (told === null || told === lastUserText(items, isAgentsMessage)) return null;
  if (cut !== null) {
    await input.emit({
      code: 'warning',
      params: {
        code: 'agentsFileCut',
        params: { path: cut.path, keptBytes: cut.keptBytes, maxBytes: input.limits.agentsFileBytes },
      },
    });
  }
  return { type: 'message' as const, role: 'user' as const, content: told };
}

function isContextFull(error: unknown): boolean {
  return error instanceof CodexError && error.code === 'modelContextFull';
}
