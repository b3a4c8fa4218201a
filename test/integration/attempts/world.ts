/** A backend with real sandboxes, real git and the scripted model, for tasks with several attempts. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import type { WireEvent } from '../../../protocol/events.ts';
import { resolveLimits, type LimitValues } from '../../../protocol/limits.ts';
import type { ParamsIn, TaskView } from '../../../protocol/rpc.ts';
import { startBackend, type Backend } from '../../../server/backend.ts';
import { openInternetProxy } from '../../../server/internet.ts';
import { createModelClient } from '../../../server/model/client.ts';
import { startScriptedModel } from '../../../server/model/scripted/server.ts';
import { createRunTurn } from '../../../server/pipeline/index.ts';
import { openRepos } from '../../../server/repos/store.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { SandboxKind } from '../../../server/sandbox/sandbox.ts';
import { git, removeFolder, temporaryFolder } from '../../support/git.ts';
import { client, finished, TOKEN, type TestClient } from '../gateway/harness.ts';

export type AttemptsWorld = Awaited<ReturnType<typeof openAttemptsWorld>>;

export async function openAttemptsWorld(
  kind: SandboxKind,
  script: string,
  options: { limits?: Partial<LimitValues> } = {},
) {
  const folder = temporaryFolder('codex-attempts');
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'a.txt'), 'one\n');
  git(project, ['init', '-q', '-b', 'main']);
  git(project, ['add', '-A']);
  git(project, ['commit', '-q', '-m', 'first']);
  const driver = createDriver({ kind, dataDir });
  const repos = await openRepos({ dataDir });
  const model = await startScriptedModel({ script });
  const modelClient = createModelClient(
    { name: 'scripted', apiKey: 'none', baseUrl: model.url },
    { sleep: async () => {} },
  );
  const proxy = await openInternetProxy({
    dataDir,
    owner: { allowPrivate: [], intercept: 'whenNeeded' },
    resolve: async () => ['127.0.0.1'],
  });
  const ofTask = async (taskId: string) => (await driver.list()).filter((ref) => ref.taskId === taskId);

  let backend: Backend;
  let one: TestClient;
  const start = async (): Promise<void> => {
    backend = await startBackend({
      config: { port: 0, dataDir, token: TOKEN, version: '0', limits: resolveLimits(options.limits) },
      repos,
      runTurn: createRunTurn({ driver, repos, modelFor: () => modelClient, proxy }),
      sandbox: () => ({ kind, detail: '' }),
      model: () => ({ name: 'scripted', configured: true, scripted: true }),
      driver,
      onTaskDeleted: async (taskId) => {
        for (const { name } of await ofTask(taskId)) await driver.remove(name);
      },
      onAttemptChosen: async (taskId, chosen) => {
        for (const { name, attempt } of await ofTask(taskId))
          if (attempt !== chosen) await driver.remove(name);
      },
    });
    one = await client(backend.url);
  };
  await start();

  const repoId = await repos.resolve({ name: 'project', remote: null, folder: project });
  const sha = git(project, ['rev-parse', 'HEAD']).trim();
  git(project, [
    'push',
    '-q',
    join(dataDir, 'repos', `${repoId}.git`),
    `${sha}:refs/codex/in/${randomUUID()}`,
  ]);

  const follow = (taskId: string) => one.call('task.subscribe', { taskId, after: 0 });
  const eventsOf = (taskId: string): WireEvent[] => one.events.filter((event) => event.taskId === taskId);
  return {
    driver,
    model,
    get one() {
      return one;
    },
    /** Subscribed to. */
    async create(prompt: string, more: Partial<ParamsIn<'task.create'>> = {}): Promise<string> {
      const { task } = await one.call('task.create', {
        requestId: randomUUID(),
        prompt,
        mode: 'code',
        repo: { repoId, name: 'project', sha, branch: 'main', includesLocal: false, defaultSha: sha },
        ...more,
      });
      await follow(task.id);
      return task.id;
    },
    follow,
    eventsOf,
    /** With what `task.get` says then; `seq` is whole. */
    async ended(taskId: string, turn = 1): Promise<TaskView> {
      await one.event((event) => event.taskId === taskId && event.turn === turn && finished(event));
      const seen = eventsOf(taskId).map((event) => event.seq);
      assert.deepEqual(
        seen,
        seen.map((_, index) => index + 1),
        'seq has no gap and no duplicate',
      );
      return (await one.call('task.get', { taskId })).task;
    },
    followUp: (taskId: string, prompt: string) =>
      one.call('turn.create', { requestId: randomUUID(), taskId, prompt }),
    async patch(taskId: string, turn: number, attempt: number): Promise<string> {
      const response = await fetch(
        `${backend.url}/api/v1/tasks/${taskId}/turns/${turn}/attempts/${attempt}/patch`,
        { headers: { authorization: `Bearer ${TOKEN}` } },
      );
      assert.equal(response.status, 200);
      return response.text();
    },
    sandboxes: async (taskId: string): Promise<string[]> =>
      (await ofTask(taskId)).map(({ role, attempt }) => `${role} ${attempt}`).sort(),
    stop: async (): Promise<void> => {
      one.close();
      await backend.close();
    },
    start,
    async close(): Promise<void> {
      one.close();
      await backend.close();
      await model.close();
      for (const { name } of await driver.list()) await driver.remove(name);
      for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
      await driver.close?.();
      removeFolder(folder);
    },
  };
}

/** `attempt code` of the events that say how a thing ended. */
export function codes(events: readonly WireEvent[], ...wanted: string[]): string[] {
  return events
    .filter((event) => wanted.includes(event.code))
    .map((event) => `${event.attempt} ${event.code}`);
}

/** What an attempt's commands printed. */
export function printedBy(events: readonly WireEvent[], attempt: number): string {
  return events
    .filter((event) => event.code === 'output' && event.attempt === attempt)
    .map((event) => String(event.params['text']))
    .join('');
}
