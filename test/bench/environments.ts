/**
 * How long until an agent begins, with a repository of 10,000 files and a setup that installs 5,000: with
 * nothing prepared, from a prepared environment, the same with sandboxes kept started, for a question,
 * and for a follow-up.
 */
import { measureStarts, SETUP_SCRIPT, START_SCRIPT } from './starts.lib.ts';
import { keptRepository, text, type Content } from './repositories.lib.ts';
import { median, openBench, print } from './tasks.lib.ts';

const FILES = 10_000;
const FILE_BYTES = 9_000;
const TASKS = 7;
const POOL = 2;
/** DESIGN's budgets, measured on two cores. */
const WARM_BUDGET_MS = 700;
const POOLED_BUDGET_MS = 150;
/** A pool fills when an open is a second old, one sandbox after the other. */
const POOL_FILLS_MS = 5_000;

function* files(): Iterable<Content> {
  yield { name: '.gitignore', bytes: Buffer.from('node_modules/\n') };
  for (let at = 0; at < FILES; at++)
    yield { name: `src/part${at % 100}/file${at}.ts`, bytes: text(FILE_BYTES) };
}

const folder = await keptRepository('10000-files.git', files);

const plain = await openBench({ script: START_SCRIPT });
try {
  await plain.put({ name: 'bench', setup: SETUP_SCRIPT });
  const repo = await plain.push(folder, 'project');
  await measureStarts(plain, { repo, environment: 'bench' }, '10000-files', {
    colds: 2,
    warms: TASKS,
    warmBudgetMs: WARM_BUDGET_MS,
  });
  const asks: number[] = [];
  const followUps: number[] = [];
  for (let task = 0; task <= TASKS; task++) {
    const ask = await plain.task({ repo, environment: 'bench', mode: 'ask', prompt: 'What is this?' });
    const code = await plain.task({ repo, environment: 'bench', prompt: 'Go.' });
    const followUp = await plain.followUp(code.taskId, 'Go on.');
    // The first ones warm up what is warmed up once.
    if (task === 0) continue;
    asks.push(ask.firstRequestMs);
    followUps.push(followUp.firstRequestMs);
  }
  print('start-ask-10000-files', median(asks), 'ms', WARM_BUDGET_MS);
  print('start-follow-up-parked-10000-files', median(followUps), 'ms', WARM_BUDGET_MS);
} finally {
  await plain.close();
}

const pooled = await openBench({ script: START_SCRIPT, config: `sandboxPool: ${POOL}\n` });
try {
  await pooled.put({ name: 'bench', setup: SETUP_SCRIPT });
  const repo = await pooled.push(folder, 'project');
  const starts: number[] = [];
  for (let task = 0; task <= TASKS; task++) {
    const { firstRequestMs, taskId } = await pooled.task({ repo, environment: 'bench', prompt: 'Go.' });
    // The first one prepares the environment and tells the pool what to keep.
    if (task > 0) starts.push(firstRequestMs);
    if (task === TASKS && median(starts) > POOLED_BUDGET_MS) console.error(await pooled.phases(taskId));
    await new Promise((resolve) => setTimeout(resolve, POOL_FILLS_MS));
  }
  print('start-warm-pooled-10000-files', median(starts), 'ms', POOLED_BUDGET_MS);
} finally {
  await pooled.close();
}
