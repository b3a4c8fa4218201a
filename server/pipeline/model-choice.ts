/**
 * Which model a turn works with, and how much it thinks: what was asked for with the turn, else with the
 * task, else what its environment says. Pure.
 */
import type { Effort } from '../../protocol/states.ts';

export interface Asked {
  model?: string | null;
  effort?: Effort | null;
}

export interface ModelChoice {
  /** Null: the backend's own choice. */
  model: string | null;
  /** Null: the model's own. */
  effort: Effort | null;
}

/**
 * `levels`: what says most first. An effort that was set along with a model is about that model: another
 * one, asked for above it, goes without.
 */
export function chosenModel(levels: readonly Asked[]): ModelChoice {
  const model = levels.find((level) => level.model)?.model ?? null;
  const holds = ({ effort, model: its }: Asked) => effort && (!its || its === model);
  return { model, effort: levels.find(holds)?.effort ?? null };
}
