/**
 * Whole tasks through a real backend in Docker, with a scripted model that notes when it is asked: how
 * long until the first model request, what a tool call costs, and twenty calls against the Codex CLI
 * on the same script, if that is in our cache folder.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type BackendConnection } from '../../client/connection/index.ts';
import { nodeSocket } from '../../client/connection/node-socket.ts';
import type { RepoAtCommit, TaskSummary } from '../../protocol/rpc.ts';
import { TWENTY_CALLS_SCRIPT } from '../../server/model/scripted/scripts/twenty-calls.ts';
import { startScriptedModel, type ScriptedModel } from '../../server/model/scripted/server.ts';
import { startBackend, type E2eBackend } from '../e2e/harness/backend.ts';
import { makeRepository } from '../e2e/harness/repository.ts';
import { codexExec, findCodexCli } from '../peers/codex-cli.ts';
import { git, gitAsync } from '../support/git.ts';

const WARM_UP_TASKS = 2;
const TASKS = 7;
const CALLS = 20;
const TASK_TIMEOUT_MS = 120_000;
/** DESIGN's budgets, measured on two cores. */
const TOOL_CALL_BUDGET_MS = 10;
const FIRST_REQUEST_BUDGET_MS = 700;

interface Timing {
  firstRequestMs: number;
  wholeMs: number;
  betweenRequestsMs: number[];
}

const folder = await mkdtemp(join(tmpdir(), 'codex-bench-'));
const model = await startScriptedModel({ script: TWENTY_CALLS_SCRIPT });
const backend = await startBackend({ model: model.url });
const connection = connect({
  url: backend.url,
  token: async () => backend.token,
  client: { name: 'codex-tasks-bench', version: '0' },
  openSocket: nodeSocket(),
});
try {
  makeRepository(folder);
  const repo = await push(connection, backend, folder);
  for (let task = 0; task < WARM_UP_TASKS; task++) await measure(connection, model, repo);
  const timings: Timing[] = [];
  const peers: number[] = [];
  const cli = findCodexCli();
  // In turns: what else the machine does meanwhile hits both.
  for (let task = 0; task < TASKS; task++) {
    timings.push(await measure(connection, model, repo));
    if (cli) {
      const run = await codexExec(cli, { folder, baseUrl: model.url, prompt: 'Make twenty calls.' });
      if (run.code !== 0) throw new Error(`The Codex CLI ended with ${run.code}:\n${run.output}`);
      peers.push(run.durationMs);
    }
  }
  const peer = peers.length > 0 ? median(peers) : null;
  print(
    'submit-to-first-request',
    median(timings.map((one) => one.firstRequestMs)),
    'ms',
    FIRST_REQUEST_BUDGET_MS,
  );
  print('tool-call', median(timings.flatMap((one) => one.betweenRequestsMs)), 'ms', TOOL_CALL_BUDGET_MS);
  print('twenty-call-task', median(timings.map((one) => one.wholeMs)), 'ms', peer);
  if (peer !== null) print('twenty-call-task-codex-cli', peer, 'ms', null);
} finally {
  connection.close();
  await backend.stop();
  await model.close();
  await rm(folder, { recursive: true, force: true });
}

async function push(to: BackendConnection, { url, token }: E2eBackend, from: string): Promise<RepoAtCommit> {
  const sha = git(from, ['rev-parse', 'HEAD']);
  const { repoId, pushPath } = await to.call('repo.resolve', {
    name: 'parcel',
    remote: null,
    folder: from,
    sha,
  });
  await gitAsync(from, ['push', '-q', `${url}${pushPath}`, `HEAD:refs/codex/in/${randomUUID()}`], {
    env: {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Bearer ${token}`,
    },
  });
  return { repoId, name: 'parcel', sha, branch: 'main', includesLocal: false };
}

async function measure(to: BackendConnection, by: ScriptedModel, repo: RepoAtCommit): Promise<Timing> {
  by.requests.length = 0;
  const { promise: ended, resolve, reject } = Promise.withResolvers<TaskSummary>();
  const timer = setTimeout(() => reject(new Error('The task did not end.')), TASK_TIMEOUT_MS);
  let id = '';
  const look = (task: TaskSummary) => {
    if (task.id === id && ['completed', 'failed', 'cancelled'].includes(task.state)) resolve(task);
  };
  const stop = to.watchTasks((news) => {
    if (news.kind === 'changed') look(news.task);
    if (news.kind === 'list') news.tasks.forEach(look);
  });
  try {
    const startedAt = Date.now();
    const { task } = await to.call('task.create', {
      requestId: randomUUID(),
      prompt: 'Make twenty calls.',
      mode: 'code',
      repo,
    });
    id = task.id;
    look(task);
    const done = await ended;
    const wholeMs = Date.now() - startedAt;
    const asked = by.requests.map((request) => request.at);
    if (done.state !== 'completed' || asked.length !== CALLS + 1) {
      throw new Error(`The task ${done.state} after ${asked.length} requests: ${JSON.stringify(done.error)}`);
    }
    return {
      firstRequestMs: (asked[0] ?? 0) - startedAt,
      wholeMs,
      betweenRequestsMs: asked.slice(1).map((at, index) => at - (asked[index] ?? 0)),
    };
  } finally {
    clearTimeout(timer);
    stop();
  }
}

function median(values: number[]): number {
  return values.toSorted((one, two) => one - two)[values.length >> 1] ?? Number.NaN;
}

function print(name: string, value: number, unit: string, budget: number | null): void {
  console.log(`${name} ${value.toFixed(1)} ${unit} ${budget === null ? '-' : budget.toFixed(0)}`);
}
