/**
 * Whole tasks through a real backend in Docker, with a scripted model that notes when it is asked: how
 * long until the first model request, what a tool call costs, and twenty calls against the Codex CLI
 * on the same script, if that is in our cache folder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TWENTY_CALLS_SCRIPT } from '../../server/model/scripted/scripts/twenty-calls.ts';
import { makeRepository } from '../e2e/harness/repository.ts';
import { codexExec, findCodexCli } from '../peers/codex-cli.ts';
import { median, openBench, print, type Timing } from './tasks.lib.ts';

const WARM_UP_TASKS = 2;
const TASKS = 7;
const CALLS = 20;
/** DESIGN's budgets, measured on two cores. */
const TOOL_CALL_BUDGET_MS = 10;
const FIRST_REQUEST_BUDGET_MS = 700;

const folder = await mkdtemp(join(tmpdir(), 'codex-bench-'));
const bench = await openBench({ script: TWENTY_CALLS_SCRIPT });
try {
  makeRepository(folder);
  const repo = await bench.push(folder, 'parcel');
  const measure = async (): Promise<Timing> => {
    const timing = await bench.task({ repo, prompt: 'Make twenty calls.' });
    const calls = timing.betweenRequestsMs.length;
    if (calls !== CALLS) throw new Error(`There were ${calls} calls.`);
    return timing;
  };
  for (let task = 0; task < WARM_UP_TASKS; task++) await measure();
  const timings: Timing[] = [];
  const peers: number[] = [];
  const cli = findCodexCli();
  // In turns: what else the machine does meanwhile hits both.
  for (let task = 0; task < TASKS; task++) {
    timings.push(await measure());
    if (cli) {
      const run = await codexExec(cli, { folder, baseUrl: bench.model.url, prompt: 'Make twenty calls.' });
      if (run.code !== 0) throw new Error(`The Codex CLI ended with ${run.code}:\n${run.output}`);
      peers.push(run.durationMs);
    }
  }
  const peer = peers.length > 0 ? median(peers) : null;
  const first = timings.map((one) => one.firstRequestMs);
  print('submit-to-first-request', median(first), 'ms', FIRST_REQUEST_BUDGET_MS);
  print('tool-call', median(timings.flatMap((one) => one.betweenRequestsMs)), 'ms', TOOL_CALL_BUDGET_MS);
  print('twenty-call-task', median(timings.map((one) => one.wholeMs)), 'ms', peer);
  if (peer !== null) print('twenty-call-task-codex-cli', peer, 'ms', null);
} finally {
  await bench.close();
  await rm(folder, { recursive: true, force: true });
}
