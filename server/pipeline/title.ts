/**
 * The task's title, asked for in its first turn while the agent works. Nothing waits for it: with the end of
 * the agent's work it is there or is given up, and the prompt's first line stays.
 */
import { NO_USAGE, type Usage } from '../../protocol/events.ts';
import { makeTitle } from '../agent/title.ts';
import { addUsage } from '../agent/usage.ts';
import type { ModelClient } from '../model/model.ts';
import type { Preparation } from './preparation.ts';

export interface Naming {
  /** What the agent's end says, with what the title cost so far. */
  withUsage<E extends object>(end: E): E;
  stop(): void;
}

export function startNaming({ turn, environment }: Preparation, model: ModelClient | undefined): Naming {
  const stop = new AbortController();
  let usage: Usage = NO_USAGE;
  const wanted = turn.turn === 1 && !turn.onlySetup;
  if (wanted && model) {
    const name = async () => {
      const signal = AbortSignal.any([turn.signal, stop.signal]);
      const prompt = environment.redactor.text(turn.prompt);
      const made = await makeTitle({ model, prompt, cacheKey: turn.task.id, signal });
      usage = made.usage;
      return signal.aborted ? null : made.title;
    };
    // It failed, it is too late, or the turn has another owner: the prompt's first line is a title too.
    turn.nameTask(name).catch(() => undefined);
  }
  return {
    withUsage: (end) => ('usage' in end ? { ...end, usage: addUsage(end.usage as Usage, usage) } : end),
    stop: () => stop.abort(),
  };
}
