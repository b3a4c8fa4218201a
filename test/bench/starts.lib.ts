/** Cold and warm starts of an environment, side by side. */
import { median, print, type Bench, type BenchTask } from './tasks.lib.ts';

/** One request, one answer: what is measured is what comes before. */
export const START_SCRIPT = 'name: start\nturns:\n  - steps:\n      - say: Done.\n';

/** Like an installed `node_modules`: many small files in many folders. */
export const SETUP_SCRIPT = `for package in $(seq 250); do
  mkdir -p "node_modules/package$package/lib"
  for file in $(seq 20); do printf '%2000s' "$file" > "node_modules/package$package/lib/$file.js"; done
done`;

export async function measureStarts(
  bench: Bench,
  of: Omit<BenchTask, 'prompt'> & { environment: string },
  name: string,
  how: { colds: number; warms: number; warmBudgetMs: number | null },
): Promise<void> {
  const task = () => bench.task({ ...of, prompt: 'Go.' });
  const colds: number[] = [];
  for (let round = 0; round < how.colds; round++) {
    await bench.connection.call('environment.resetCache', { name: of.environment });
    colds.push((await task()).firstRequestMs);
  }
  print(`start-cold-${name}`, median(colds), 'ms', null);
  const warms: number[] = [];
  let last = await task();
  for (let round = 0; round < how.warms; round++) warms.push((last = await task()).firstRequestMs);
  print(`start-warm-${name}`, median(warms), 'ms', how.warmBudgetMs);
  if (how.warmBudgetMs === null || median(warms) > how.warmBudgetMs)
    console.error(`The last warm start: ${await bench.phases(last.taskId)}`);
}
