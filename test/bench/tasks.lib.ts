/** Tasks that are measured: a real backend in Docker, a scripted model that notes when it is asked. */
import { randomUUID } from 'node:crypto';
import { connect, type BackendConnection } from '../../client/connection/index.ts';
import { nodeSocket } from '../../client/connection/node-socket.ts';
import { defaultEnvironment, type Environment } from '../../protocol/environment.ts';
import type { WireEvent } from '../../protocol/events.ts';
import type { RepoAtCommit, TaskSummary } from '../../protocol/rpc.ts';
import type { Mode } from '../../protocol/states.ts';
import { startScriptedModel, type ScriptedModel } from '../../server/model/scripted/server.ts';
import { createDriver } from '../../server/sandbox/index.ts';
import { startBackend } from '../e2e/harness/backend.ts';
import { git, tryGitAsync } from '../support/git.ts';

const TASK_TIMEOUT_MS = 180_000;

export interface Timing {
  taskId: string;
  firstRequestMs: number;
  wholeMs: number;
  betweenRequestsMs: number[];
}

export interface BenchTask {
  repo: RepoAtCommit;
  prompt: string;
  mode?: Mode;
  environment?: string;
}

export interface Bench {
  model: ScriptedModel;
  connection: BackendConnection;
  /** HEAD of the folder's repository, as its default branch too. */
  push(folder: string, name: string): Promise<RepoAtCommit>;
  /** One task to its end. Throws when it does not complete. */
  task(of: BenchTask): Promise<Timing>;
  followUp(taskId: string, prompt: string): Promise<Timing>;
  /** Milliseconds from the first event of the newest turn to each of its events, by code and what it is about. */
  phases(taskId: string): Promise<string>;
  put(environment: Partial<Environment> & { name: string }): Promise<void>;
  /** Ends everything, and leaves nothing in the engine but the images that others use too. */
  close(): Promise<void>;
}

export async function openBench(options: { script: string; config?: string }): Promise<Bench> {
  const model = await startScriptedModel({ script: options.script });
  const { config } = options;
  const backend = await startBackend({ model: model.url, ...(config === undefined ? {} : { config }) });
  const { url, token, dataDir } = backend;
  const connection = connect({
    url,
    token: async () => token,
    client: { name: 'codex-tasks-bench', version: '0' },
    openSocket: nodeSocket(),
  });
  const timed = (submit: () => Promise<TaskSummary>) => measure(connection, model, submit);
  return {
    model,
    connection,
    async push(folder, name) {
      const sha = git(folder, ['rev-parse', 'HEAD']);
      const { repoId, pushPath } = await connection.call('repo.resolve', { name, remote: null, folder, sha });
      const pushed = await tryGitAsync(
        folder,
        ['push', '-q', `${url}${pushPath}`, `HEAD:refs/codex/in/${randomUUID()}`],
        {
          env: {
            GIT_CONFIG_COUNT: '1',
            GIT_CONFIG_KEY_0: 'http.extraHeader',
            GIT_CONFIG_VALUE_0: `Authorization: Bearer ${token}`,
          },
          timeoutMs: TASK_TIMEOUT_MS,
        },
      );
      if (pushed.code !== 0) throw new Error(pushed.stderr);
      return { repoId, name, sha, branch: 'main', includesLocal: false, defaultSha: sha };
    },
    task: ({ mode = 'code', ...of }) =>
      timed(async () => {
        const request = { requestId: randomUUID(), mode, ...of };
        return (await connection.call('task.create', request)).task;
      }),
    followUp: (taskId, prompt) =>
      timed(
        async () => (await connection.call('turn.create', { requestId: randomUUID(), taskId, prompt })).task,
      ),
    phases: (taskId) => phasesOf(connection, taskId),
    async put(environment) {
      await connection.call('environment.put', {
        environment: { ...defaultEnvironment(), ...environment },
      });
    },
    async close() {
      connection.close();
      const driver = createDriver({ kind: 'docker', dataDir });
      await backend.stop();
      await model.close();
      for (const { name } of await driver.list()) await driver.remove(name);
      for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
      await driver.close?.();
    },
  };
}

async function measure(
  to: BackendConnection,
  by: ScriptedModel,
  submit: () => Promise<TaskSummary>,
): Promise<Timing> {
  by.requests.length = 0;
  const { promise: ended, resolve, reject } = Promise.withResolvers<TaskSummary>();
  const timer = setTimeout(() => reject(new Error('The task did not end.')), TASK_TIMEOUT_MS);
  let submitted: TaskSummary | undefined;
  const look = (task: TaskSummary) => {
    if (task.id !== submitted?.id || task.turns !== submitted.turns) return;
    if (['completed', 'failed', 'cancelled'].includes(task.state)) resolve(task);
  };
  const stop = to.watchTasks((news) => {
    if (news.kind === 'changed') look(news.task);
    if (news.kind === 'list') news.tasks.forEach(look);
  });
  try {
    const startedAt = Date.now();
    submitted = await submit();
    look(submitted);
    const done = await ended;
    const wholeMs = Date.now() - startedAt;
    const asked = by.requests.map((request) => request.at);
    if (done.state !== 'completed' || asked.length === 0)
      throw new Error(`The task ${done.state} after ${asked.length} requests: ${JSON.stringify(done.error)}`);
    return {
      taskId: done.id,
      firstRequestMs: (asked[0] ?? 0) - startedAt,
      wholeMs,
      betweenRequestsMs: asked.slice(1).map((at, index) => at - (asked[index] ?? 0)),
    };
  } finally {
    clearTimeout(timer);
    stop();
  }
}

async function phasesOf(to: BackendConnection, taskId: string): Promise<string> {
  const events: WireEvent[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = to.follow(taskId, 0, {
    onEvents: (more) => {
      events.push(...more);
      if (more.some((event) => event.code === 'turn.finished')) resolve();
    },
  });
  await promise;
  stop();
  const first = events[0]?.at ?? 0;
  const shown = ['phase.started', 'phase.finished', 'environment.cache', 'sandbox.started'];
  return events
    .filter(({ code }) => shown.includes(code))
    .map(({ at, code, params }) => {
      const { phase, outcome, how } = params as Record<string, string | undefined>;
      return `${at - first} ${code} ${phase ?? outcome ?? how ?? ''}`;
    })
    .join(', ');
}

export function median(values: number[]): number {
  return values.toSorted((one, two) => one - two)[values.length >> 1] ?? Number.NaN;
}

export function print(name: string, value: number, unit: string, budget: number | null): void {
  console.log(`${name} ${value.toFixed(1)} ${unit} ${budget === null ? '-' : budget.toFixed(0)}`);
}
