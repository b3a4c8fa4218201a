/** A `TurnContext` in memory: what the pipeline is given, without a database. */
import { createHash } from 'node:crypto';
import { NO_USAGE, type NewEvent } from '../../../protocol/events.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { Report } from '../../../protocol/report.ts';
import type { RepoAtCommit } from '../../../protocol/rpc.ts';
import type { Mode } from '../../../protocol/states.ts';
import type { Trigger } from '../../../server/tasks/trigger.ts';
import type { TurnContext, TurnResult } from '../../../server/tasks/turn-context.ts';

/** What outlives a turn: the task's history and results. */
export interface MemoryTask {
  id: string;
  repo: RepoAtCommit;
  history: object[];
  results: Map<number, TurnResult>;
  events: NewEvent[];
  files: Map<string, Buffer>;
  /** From which event on a turn's are; a retry is the same turn. */
  turns: Map<number, number>;
}

export function memoryTask(id: string, repo: RepoAtCommit): MemoryTask {
  return { id, repo, history: [], results: new Map(), events: [], files: new Map(), turns: new Map() };
}

export interface MemoryTurn {
  context: TurnContext;
  stop: AbortController;
  states: string[];
  answer: () => string | null;
  report: () => Report | null;
  title: () => string | null;
}

export function memoryTurn(
  task: MemoryTask,
  turn: {
    turn: number;
    prompt: string;
    mode?: Mode;
    generation?: number;
    onlySetup?: boolean;
    trigger?: Trigger;
  },
): MemoryTurn {
  const stop = new AbortController();
  const states: string[] = [];
  let answer: string | null = null;
  let report: Report | null = null;
  let title: string | null = null;
  let baseSha: string | null = null;
  const before = task.turns.get(turn.turn) ?? task.events.length;
  task.turns.set(turn.turn, before);
  const emit = async (...events: NewEvent[]) => void task.events.push(...events);
  const oneOnly = async (): Promise<never> => {
    throw new Error('This task has one attempt.');
  };
  const context: TurnContext = {
    of: () => context,
    startAttempt: oneOnly,
    finishAttempt: oneOnly,
    endedAttempts: oneOnly,
    task: {
      id: task.id,
      title: 'A task',
      repo: task.repo,
      model: null,
      effort: null,
      environment: null,
      trigger: turn.trigger ?? null,
      createdBy: 'owner',
    },
    turn: turn.turn,
    mode: turn.mode ?? 'code',
    prompt: turn.prompt,
    model: null,
    effort: null,
    images: [],
    attempts: [1],
    generation: turn.generation ?? 1,
    resumed: (turn.generation ?? 1) > 1,
    limits: resolveLimits(),
    onlySetup: turn.onlySetup ?? false,
    signal: stop.signal,
    get baseSha() {
      return baseSha;
    },
    redactWith: () => {},
    emit,
    outputStored: async (id) => {
      let stored: number | null = null;
      for (const { code, params } of task.events.slice(before)) {
        if (code === 'item.started' && params.item.id === id) stored ??= 0;
        if (code === 'output' && params.itemId === id)
          stored = params.offset + (params.bytes ?? Buffer.byteLength(params.text));
      }
      return stored;
    },
    steering: () => ({ after: async () => [], close: async () => [] }),
    usageBefore: async () => NO_USAGE,
    itemEnded: async (id) =>
      task.events
        .slice(before)
        .some(({ code, params }) => code === 'item.completed' && params.item.id === id),
    pictures: { keep: async () => '', load: async () => null },
    files: {
      keep: async (bytes) => {
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        task.files.set(sha256, Buffer.from(bytes));
        return sha256;
      },
      load: async (sha256) => task.files.get(sha256) ?? null,
    },
    approvals: () => ({ ask: async () => 'never', wasAsked: async () => false }),
    delta: () => {},
    progress: () => {},
    phase: async (phase, fn) => {
      const startedAt = Date.now();
      await emit({ code: 'phase.started', params: { phase } });
      let outcome: 'ok' | 'failed' = 'failed';
      try {
        const value = await fn();
        outcome = 'ok';
        return value;
      } finally {
        await emit({
          code: 'phase.finished',
          params: { phase, outcome, durationMs: Date.now() - startedAt },
        });
      }
    },
    history: <Item extends object>() => ({
      load: async () => structuredClone(task.history) as Item[],
      append: async (items: Item[], events: readonly NewEvent[] = []) => {
        task.history.push(...structuredClone(items));
        task.events.push(...events);
      },
    }),
    setState: async (state) => void states.push(state),
    setBase: async (sha) => void (baseSha = sha),
    setResult: async (_attempt, result) => void task.results.set(turn.turn, result),
    newestResult: async () => {
      const before = [...task.results.keys()].filter((one) => one < turn.turn).sort((a, b) => b - a)[0];
      return before === undefined ? null : (task.results.get(before)?.resultSha ?? null);
    },
    nameTask: async (make) => void (title = (await make()) ?? title),
    finish: async (end) => {
      answer = end.answer;
      report = end.report ?? null;
      states.push('completed');
    },
    fail: async () => void states.push('failed'),
  };
  return { context, stop, states, answer: () => answer, report: () => report, title: () => title };
}
