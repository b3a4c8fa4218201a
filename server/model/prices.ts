/**
 * What a turn cost, roughly, by the prices that the owner wrote down. Nothing is known of prices here:
 * they change, and differ by contract. Pure.
 */
import type { Usage } from '../../protocol/events.ts';
import type { ModelSettings } from './model.ts';

export type ModelPrices = NonNullable<ModelSettings['prices']>;

const MILLION = 1_000_000;

/** Undefined where the prices are not known. Reasoning is part of the output, and cached of the input. */
export function costUsd(usage: Usage, prices: ModelPrices | undefined): number | undefined {
  if (!prices) return undefined;
  const { inputPerMillion, cachedInputPerMillion = inputPerMillion, outputPerMillion } = prices;
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  const cost =
    (usage.inputTokens - cached) * inputPerMillion +
    cached * cachedInputPerMillion +
    usage.outputTokens * outputPerMillion;
  return cost / MILLION;
}
