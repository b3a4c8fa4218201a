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
import { PictureLoader } from './images.ts';
import { instructions } from './instructions.ts';
import type { Approving } from './approve.ts';
import { readReport } from './report.ts';
import { Sessions } from './sessions.ts';
import { ModelStep } from './step.ts';
import { toolsFor } from './tools.ts';
import { TurnClock } from './turn-clock.ts';
import { addUsage } from './usage.ts';
import { NO_USAGE } from '../../protocol/events.ts';
import { REQUEST_IMAGES_BYTES } from '../../protocol/limits.ts';

/** Streams that break one after another, each after a call: the connection is no good. */
export const MAX_CUTS_IN_A_ROW = 5;

export const runAgent: RunAgent = async (input) => {
  const clock = new TurnClock(input.limits.turnTimeoutMs);
  const context = {
    ...input,
    signal: AbortSignal.any([input.signal, clock.signal]),
    sessions: new Sessions(),
    ...(input.approve ? { approve: withClock(input.approve, clock) } : {}),
  };
  try {
    return withReport(await runTurn(context, clock.signal), input.sandbox.workdir);
  } catch (error) {
    if (input.signal.aborted) throw new CodexError('cancelled', {}, { cause: error });
    throw error;
  } finally {
    await context.sessions.end();
    clock.stop();
  }
};

/** The history keeps the model's own bytes; a person gets the text, and the report apart from it. */
function withReport(outcome: AgentOutcome, workdir: string): AgentOutcome {
  const { text, report } = readReport(outcome.answer, workdir);
  return { ...outcome, answer: text, ...(report ? { report } : {}) };
}

function withClock({ policy, desk }: Approving, clock: TurnClock): Approving {
  return {
    policy,
    desk: {
      ask: (question, signal) => clock.paused(() => desk.ask(question, signal)),
      wasAsked: (id) => desk.wasAsked(id),
    },
  };
}

async function runTurn(
  input: AgentInput & { sessions: Sessions },
  timeIsUp: AbortSignal,
): Promise<AgentOutcome> {
  const items = await input.history.load();
  const store = async (...more: typeof items) => {
    if (more.length > 0) await input.history.append(more);
    items.push(...more);
  };

  const begun = turnStart(items, input.prompt, input.turn);
  await input.sessions.restore(input, items, begun.kind !== 'new');
  for (const open of openCalls(items)) await store(...(await resumeCall(input, open)));
  const start = turnStart(items, input.prompt, input.turn);
  const workIsLost = start.kind !== 'new' && start.ranCalls && input.sandbox.how === 'new';
  if (start.kind === 'answered' && !(workIsLost && input.mode === 'code')) {
    return { answer: start.answer, usage: NO_USAGE };
  }
  if (workIsLost) await store(FRESH_SANDBOX);
  if (start.kind === 'new') {
    const agentsFile = await agentsMessage(input, items);
    await store(...(agentsFile ? [agentsFile] : []), promptItem(input.prompt, input.turn ?? 0, input.images));
  }

  const fixed = {
    instructions: instructions({
      mode: input.mode,
      internet: input.internet,
      workdir: input.sandbox.workdir,
      commandTimeoutMs: input.limits.commandTimeoutMs,
      change: input.change,
    }),
    tools: toolsFor(input.model.shell),
    cacheKey: input.cacheKey,
  };
  const outcome: AgentOutcome = { answer: '', usage: NO_USAGE };
  const stop = async (code: ErrorCode, limit: string, value: number): Promise<AgentOutcome> => {
    await input.emit({ code: 'limit.reached', params: { limit, value } });
    return { ...outcome, stoppedBy: { code, limit } };
  };

  const loader = new PictureLoader(input.pictures);
  let picturesLeft = 0;

  for (let cuts = 0; ;) {
    if (outcome.usage.requests >= input.limits.turnModelRequests) {
      return stop('limitReached', 'turnModelRequests', input.limits.turnModelRequests);
    }
    const { pictures, left } = await loader.load(items);
    if (left > picturesLeft) {
      await input.emit({
        code: 'limit.reached',
        params: { limit: 'requestImagesBytes', value: REQUEST_IMAGES_BYTES },
      });
    }
    picturesLeft = left;
    const step = new ModelStep(input, items, store);
    try {
      const response = await step.run({ ...fixed, input: toRequest(items, pictures) });
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
