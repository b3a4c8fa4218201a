/** A `TurnContext` in memory: what the pipeline is given, without a database. */
import type { NewEvent } from '../../../protocol/events.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { RepoAtCommit } from '../../../protocol/rpc.ts';
import type { Mode } from '../../../protocol/states.ts';
import type { TurnContext, TurnResult } from '../../../server/tasks/turn-context.ts';

/** What outlives a turn: the task's history and results. */
export interface MemoryTask {
  id: string;
  repo: RepoAtCommit;
  history: object[];
  results: Map<number, TurnResult>;
  events: NewEvent[];
  /** From which event on a turn's are; a retry is the same turn. */
  turns: Map<number, number>;
}

export function memoryTask(id: string, repo: RepoAtCommit): MemoryTask {
  return { id, repo, history: [], results: new Map(), events: [], turns: new Map() };
}

export interface MemoryTurn {
  context: TurnContext;
  stop: AbortController;
  states: string[];
  answer: () => string | null;
}

export function memoryTurn(
  task: MemoryTask,
  turn: { turn: number; prompt: string; mode?: Mode; generation?: number; onlySetup?: boolean },
): MemoryTurn {
  const stop = new AbortController();
  const states: string[] = [];
  let answer: string | null = null;
  let baseSha: string | null = null;
  const before = task.turns.get(turn.turn) ?? task.events.length;
  task.turns.set(turn.turn, before);
  const emit = async (...events: NewEvent[]) => void task.events.push(...events);
  const context: TurnContext = {
    task: {
      id: task.id,
      title: 'A task',
      repo: task.repo,
      model: null,
      environment: null,
      createdBy: 'owner',
    },
    turn: turn.turn,
    mode: turn.mode ?? 'code',
    prompt: turn.prompt,
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
    itemEnded: async (id) =>
      task.events
        .slice(before)
        .some(({ code, params }) => code === 'item.completed' && params.item.id === id),
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
      append: async (items: Item[], told: readonly NewEvent[] = []) => {
        task.history.push(...structuredClone(items));
        if (told.length > 0) await emit(...told);
      },
    }),
    setState: async (state) => void states.push(state),
    setBase: async (sha) => void (baseSha = sha),
    setResult: async (_attempt, result) => void task.results.set(turn.turn, result),
    newestResult: async () => {
      const before = [...task.results.keys()].filter((one) => one < turn.turn).sort((a, b) => b - a)[0];
      return before === undefined ? null : (task.results.get(before)?.resultSha ?? null);
    },
    finish: async (end) => {
      answer = end.answer;
      states.push('completed');
    },
    fail: async () => void states.push('failed'),
  };
  return { context, stop, states, answer: () => answer };
}
