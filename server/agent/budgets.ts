/** What a turn may use up, and when a person and the model are told that it is nearly gone. Pure. */
import type { Usage } from '../../protocol/events.ts';
import { BUDGET_NEAR_SHARE, type LimitValues } from '../../protocol/limits.ts';

export const BUDGETS = ['turnModelRequests', 'turnTokens', 'turnCommands', 'turnTimeoutMs'] as const;
export type BudgetName = (typeof BUDGETS)[number];

export interface BudgetState {
  limit: BudgetName;
  used: number;
  value: number;
}

/** What counts as used; `spentMs` leaves out the time in which a person was asked. */
export interface Spent {
  usage: Usage;
  commands: number;
  spentMs: number;
}

/**
 * Tokens as a budget counts them: what the provider's cache had costs next to nothing and is sent again
 * with every request, so it is left out.
 */
export function budgetTokens(usage: Usage): number {
  return Math.max(0, usage.inputTokens - usage.cachedInputTokens) + usage.outputTokens;
}

export function budgetStates({ usage, commands, spentMs }: Spent, limits: LimitValues): BudgetState[] {
  const used: Record<BudgetName, number> = {
    turnModelRequests: usage.requests,
    turnTokens: budgetTokens(usage),
    turnCommands: commands,
    turnTimeoutMs: Math.round(spentMs),
  };
  return BUDGETS.map((limit) => ({ limit, used: used[limit], value: limits[limit] }));
}

export const isReached = ({ used, value }: BudgetState): boolean => used >= value;
export const isNear = ({ used, value }: BudgetState): boolean => used >= value * BUDGET_NEAR_SHARE;

/** For the model: what is nearly gone, and what to do about it. */
export function nearNote({ limit, used, value }: BudgetState): string {
  return `This turn has used ${used} of ${value} ${wordsFor(limit)} that it may. When these are gone it ends where it stands: bring the work to a state that is of use, leave nothing half done, and give your answer.`;
}

function wordsFor(limit: BudgetName): string {
  switch (limit) {
    case 'turnModelRequests':
      return 'requests';
    case 'turnTokens':
      return 'tokens';
    case 'turnCommands':
      return 'commands';
    case 'turnTimeoutMs':
      return 'milliseconds';
  }
}
