/** What a task has used: tokens, and what they cost where prices are known. Pure. */
import type { Usage } from '../../protocol/events.ts';
import type { TaskModel } from './model.ts';

export interface Spent extends Usage {
  /** Of all requests whose price is known; undefined when none is. */
  costUsd: number | undefined;
}

/** Over all turns and attempts. */
export function usageOf(model: TaskModel): Spent {
  const sum: Spent = {
    requests: 0,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    costUsd: undefined,
  };
  for (const { attempts } of model.turns) {
    for (const { usage, costUsd } of attempts) {
      if (costUsd !== undefined) sum.costUsd = (sum.costUsd ?? 0) + costUsd;
      if (!usage) continue;
      sum.requests += usage.requests;
      sum.inputTokens += usage.inputTokens;
      sum.cachedInputTokens += usage.cachedInputTokens;
      sum.outputTokens += usage.outputTokens;
      sum.reasoningTokens += usage.reasoningTokens;
    }
  }
  return sum;
}

/** A part of a whole in percent, 0 to 100. */
export function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(100, Math.max(0, Math.round((part / whole) * 100)));
}

/** `$0.12`, `$3.40`; what is less than a cent is given as its bound. */
export function dollars(amount: number): { less: boolean; text: string } {
  return amount < 0.01 ? { less: true, text: '$0.01' } : { less: false, text: `$${amount.toFixed(2)}` };
}
