/**
 * The agent: asks the model, runs what it calls, until it calls nothing more.
 *
 * In order: calls that a crash left open are settled → the turn's prompt is stored, unless it is → per
 * request: instructions of folders that were touched, and what the person has said meanwhile, are taken in → budgets are looked at → room is made where the
 * model's window is nearly full → the whole history goes out; each item that comes back is stored, a call
 * before it runs; the results are stored before the next request. The history only grows. A budget
 * (requests, tokens, commands, time, context) ends the turn in order with what is there, after a warning; a
 * cancel ends it within a second.
 */
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import type { AgentInput, AgentOutcome, RunAgent } from './agent.ts';
import { Instructions } from './told-instructions.ts';
import { resumeCall } from './calls.ts';
import {
  callCount,
  noteItem,
  onceNote,
  openCalls,
  promptItem,
  startOfTurn,
  toRequest,
  turnStart,
  wasNoted,
} from './history.ts';
import { budgetStates, isNear, isReached, nearNote, type BudgetState } from './budgets.ts';
import { ContextWindow, type Store } from './context-window.ts';
import { instructions } from './instructions.ts';
import { layLinked, linkedItems } from './linked.ts';
import type { Approving } from './approve.ts';
import { readReport } from './report.ts';
import { steerItem, steerTold, takenUpTo } from './steering.ts';
import { PictureLoader } from './images.ts';
import { Sessions } from './sessions.ts';
import { ModelStep } from './step.ts';
import { toolsFor } from './tools.ts';
import { TurnClock } from './turn-clock.ts';
import { addUsage } from './usage.ts';
import { NO_USAGE, type Usage } from '../../protocol/events.ts';
import type { ModelResponse, ResponseItem } from '../model/model.ts';

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
    return withReport(await runTurn(context, clock), input.sandbox.workdir);
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

async function runTurn(input: AgentInput & { sessions: Sessions }, clock: TurnClock): Promise<AgentOutcome> {
  const items = await input.history.load();
  const store: Store = async (more, events = []) => {
    if (more.length > 0 || events.length > 0) await input.history.append(more, events);
    items.push(...more);
  };

  const begun = turnStart(items, input.prompt, input.turn);
  await input.sessions.restore(input, items, begun.kind !== 'new');
  for (const open of openCalls(items)) await store(await resumeCall(input, open));
  const start = turnStart(items, input.prompt, input.turn);
  const workIsLost = start.kind !== 'new' && start.ranCalls && input.sandbox.how === 'new';
  const outcome: AgentOutcome = { answer: '', usage: input.usageBefore ?? NO_USAGE };
  if (start.kind === 'answered' && !(workIsLost && input.mode === 'code')) {
    outcome.answer = start.answer;
    if (!(await takeSteers(input, items, store, 'closing'))) return outcome;
  }
  if (workIsLost) await store([FRESH_SANDBOX]);
  const told = new Instructions(input, items, store);
  if (start.kind === 'new') {
    const { items: first, events } = await told.forTurn();
    const linked = await linkedItems(input.links);
    const asked = promptItem(input.prompt, input.turn ?? 0, input.images);
    await store([...first, ...linked.items, asked], [...events, ...linked.events]);
  }
  await layLinked(input.links, items);

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
    ...(input.effort ? { effort: input.effort } : {}),
  };
  const pictures = new PictureLoader(input.pictures, (event) => input.emit(event));
  const window = new ContextWindow(input, items, store, fixed);
  const stop = async (code: ErrorCode, limit: string, value: number): Promise<AgentOutcome> => {
    await input.emit({ code: 'limit.reached', params: { limit, value } });
    return { ...outcome, stoppedBy: { code, limit } };
  };
  const timeIsUp = () => stop('limitReached', 'turnTimeoutMs', input.limits.turnTimeoutMs);

  for (let cuts = 0; ;) {
    await told.forTouched();
    await takeSteers(input, items, store, 'running');
    const gone = await lookAtBudgets(input, items, store, { usage: outcome.usage, spentMs: clock.spentMs });
    if (gone) return stop('limitReached', gone.limit, gone.value);
    const step = new ModelStep(input, items, store);
    try {
      outcome.usage = addUsage(outcome.usage, await window.makeRoom());
      const used = (response: ModelResponse) => {
        outcome.usage = addUsage(outcome.usage, response.usage);
        return [window.usageEvent(outcome.usage, response)];
      };
      const input = toRequest(items, await pictures.forRequest(items));
      const response = await step.run({ ...fixed, input }, used);
      window.saw(response, step.results);
      cuts = response.cut === undefined ? 0 : cuts + 1;
    } catch (error) {
      if (clock.signal.aborted) return timeIsUp();
      if (isContextFull(error)) {
        if (window.mayShrink()) continue;
        if (outcome.usage.requests > 0) {
          return stop('modelContextFull', 'modelContext', outcome.usage.requests);
        }
      }
      throw error;
    }
    if (step.text !== '') outcome.answer = step.text;
    if (clock.signal.aborted) return timeIsUp();
    if (input.signal.aborted) throw new CodexError('cancelled');
    if (!step.called && !(await takeSteers(input, items, store, 'closing'))) return outcome;
    if (cuts > MAX_CUTS_IN_A_ROW) throw new CodexError('modelUnavailable', { message: 'The stream breaks.' });
  }
}

/** Whether the person has said something; it is in the history then, with what its links lead to. */
async function takeSteers(
  { steering, links }: AgentInput,
  items: readonly ResponseItem[],
  store: Store,
  when: 'running' | 'closing',
): Promise<boolean> {
  if (!steering) return false;
  const taken = takenUpTo(items, startOfTurn(items));
  const said = when === 'closing' ? await steering.close(taken) : await steering.after(taken);
  if (said.length === 0) return false;
  const linked = await Promise.all(said.map((one) => linkedItems(links, one)));
  const more = said.flatMap((one, nth) => [...(linked[nth]?.items ?? []), steerItem(one)]);
  await store(
    more,
    said.flatMap((one, nth) => [...(linked[nth]?.events ?? []), ...steerTold(one)]),
  );
  await layLinked(links, more);
  return true;
}

/** The budget that is used up, if any. The first time that one nearly is, everybody is told. */
async function lookAtBudgets(
  { limits }: AgentInput,
  items: readonly ResponseItem[],
  store: Store,
  { usage, spentMs }: { usage: Usage; spentMs: number },
): Promise<BudgetState | null> {
  const ofTurn = items.slice(startOfTurn(items));
  const states = budgetStates({ usage, spentMs, commands: callCount(ofTurn) }, limits);
  const reached = states.find(isReached);
  if (reached) return reached;
  const near = states.filter((state) => isNear(state) && !wasNoted(ofTurn, state.limit));
  if (near.length > 0) {
    await store(
      near.map((state) => onceNote(state.limit, nearNote(state))),
      near.map((params) => ({ code: 'limit.near', params })),
    );
  }
  return null;
}

const FRESH_SANDBOX = noteItem(
  'The sandbox was lost and made again: the folder is back at the state in which this turn began, and every change and process since is gone. Do again what is still needed.',
);

function isContextFull(error: unknown): boolean {
  return error instanceof CodexError && error.code === 'modelContextFull';
}
