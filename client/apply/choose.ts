/** Which items of a plan are carried out, and what is said of those that are not. Pure. */
import type { ApplyPlan, ApplyReason, PathResult, PlanItem, ResultStatus } from './types.ts';

export interface ChooseOptions {
  /** Which items to apply; all that can be, without one. */
  include?: (item: PlanItem) => boolean;
  /** Which files that run by themselves the person has confirmed; none, without one. */
  includeSelfRunning?: (item: PlanItem) => boolean;
}

export interface Choice {
  /** Indices of the items that were asked for. */
  chosen: number[];
  /** By item index. An item without a result is still to be applied. */
  results: Map<number, PathResult>;
}

export function chooseItems(plan: ApplyPlan, options: ChooseOptions): Choice {
  const choice: Choice = { chosen: [], results: new Map() };
  for (const [index, item] of plan.items.entries()) {
    if (options.include && !options.include(item)) continue;
    choice.chosen.push(index);
    switch (item.verdict) {
      case 'applies':
        if (item.runsByItself && !options.includeSelfRunning?.(item))
          setResult(plan, choice, index, 'refused', 'runsByItself');
        break;
      case 'alreadyApplied':
        setResult(plan, choice, index, 'applied', 'alreadyApplied');
        break;
      case 'conflict':
      case 'refused':
        setResult(plan, choice, index, item.verdict, item.reason);
        break;
    }
  }
  dropDependents(plan, choice);
  return choice;
}

export function openOf({ chosen, results }: Choice): number[] {
  return chosen.filter((index) => !results.has(index));
}

/** An item whose place would be freed by one that is not applied can't be either, and so on. */
export function dropDependents(plan: ApplyPlan, choice: Choice): void {
  for (let again = true; again;) {
    again = false;
    const open = openOf(choice);
    const applied = new Set(open);
    for (const index of open) {
      if (plan.planned[index]!.needs.every((needed) => applied.has(needed))) continue;
      setResult(plan, choice, index, 'conflict', 'needsOther');
      again = true;
    }
  }
}

export function setResult(
  plan: ApplyPlan,
  choice: Choice,
  index: number,
  status: ResultStatus,
  reason?: ApplyReason,
  more: Pick<PathResult, 'stands' | 'detail'> = {},
): void {
  const { path } = plan.items[index]!;
  choice.results.set(index, { path, status, ...(reason ? { reason } : {}), ...more });
}

export function resultsOf({ chosen, results }: Choice): PathResult[] {
  return chosen.map((index) => results.get(index)).filter((result) => result !== undefined);
}
