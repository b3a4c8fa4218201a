/** Everything around one turn but the database: real sandboxes, real git, the scripted model's real wire. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EventCode, EventParams, NewEvent } from '../../../protocol/events.ts';
import { openInternetProxy, type InternetOptions } from '../../../server/internet.ts';
import { createModelClient } from '../../../server/model/client.ts';
import { DEMO_SCRIPT } from '../../../server/model/scripted/scripts/demo.ts';
import { startScriptedModel } from '../../../server/model/scripted/server.ts';
import { createRunTurn } from '../../../server/pipeline/index.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import { openRepos } from '../../../server/repos/store.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { SandboxDriver, SandboxKind } from '../../../server/sandbox/sandbox.ts';
import { git, removeFolder, temporaryFolder } from '../../support/git.ts';
import { memoryRooms, type MemoryRooms } from './memory-rooms.ts';
import { memoryTask, memoryTurn, type MemoryTask, type MemoryTurn } from './memory-turn.ts';

export interface World {
  driver: SandboxDriver;
  repos: Repos;
  memory: MemoryRooms;
  dataDir: string;
  /** A task at `ref` of the folder, with `defaultRef` as its default branch (null: nobody knows). */
  newTask(folder: string, of?: { ref?: string; defaultRef?: string | null }): Promise<MemoryTask>;
  runTurn: ReturnType<typeof createRunTurn>;
  /** Runs it to its end; what it threw is in `error`. */
  run(task: MemoryTask, turn: Parameters<typeof memoryTurn>[1]): Promise<Ran>;
  close(): Promise<void>;
}

export interface Ran {
  turn: MemoryTurn;
  error: unknown;
  /** Of this turn alone. */
  events: NewEvent[];
}

/** Every name is this machine, so that nothing leaves it. */
const OWN_MACHINE: Omit<InternetOptions, 'dataDir'> = {
  owner: { allowPrivate: [{ host: 'localhost.test', cidr: '127.0.0.0/8' }], intercept: 'whenNeeded' },
  resolve: async () => ['127.0.0.1'],
};

export async function openWorld(kind: SandboxKind, internet = OWN_MACHINE): Promise<World> {
  const dataDir = temporaryFolder('pipeline-data');
  const driver = createDriver({ kind, dataDir });
  const repos = await openRepos({ dataDir });
  const model = await startScriptedModel({ script: DEMO_SCRIPT });
  const memory = memoryRooms();
  const tasks: MemoryTask[] = [];
  const runTurn = createRunTurn({
    driver,
    repos,
    proxy: await openInternetProxy({ dataDir, ...internet }),
    modelFor: () => createModelClient({ name: 'scripted', apiKey: 'none', baseUrl: model.url }),
  });
  return {
    driver,
    repos,
    memory,
    dataDir,
    runTurn,
    async newTask(folder, { ref = 'HEAD', defaultRef = ref } = {}) {
      const repoId = await repos.resolve({ name: 'project', remote: null, folder });
      const push = (name: string): string => {
        const sha = git(folder, ['rev-parse', `${name}^{commit}`]).trim();
        const to = `${sha}:refs/codex/in/${randomUUID()}`;
        git(folder, ['push', '-q', join(dataDir, 'repos', `${repoId}.git`), to]);
        return sha;
      };
      const task = memoryTask(randomUUID().replaceAll('-', '').slice(0, 20), {
        repoId,
        name: 'project',
        sha: push(ref),
        branch: 'main',
        includesLocal: false,
        ...(defaultRef === null ? {} : { defaultSha: push(defaultRef) }),
      });
      tasks.push(task);
      return task;
    },
    async run(task, of) {
      const turn = memoryTurn(task, of);
      const from = task.events.length;
      let error: unknown = null;
      try {
        await runTurn(turn.context, memory.rooms);
      } catch (thrown) {
        error = thrown;
      }
      return { turn, error, events: task.events.slice(from) };
    },
    async close() {
      await model.close();
      const ids = new Set(tasks.map((task) => task.id));
      for (const ref of await driver.list()) if (ids.has(ref.taskId)) await driver.remove(ref.name);
      for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
      removeFolder(dataDir);
    },
  };
}

/** What commands printed, in order; of the agent, or of a script. */
export function printed(events: readonly NewEvent[], by: 'agent' | 'setup' | 'maintenance'): string {
  const whose = new Map<string, string>();
  let text = '';
  for (const event of events) {
    if (event.code === 'item.started' && event.params.item.type === 'command')
      whose.set(event.params.item.id, event.params.item.by ?? 'agent');
    if (event.code === 'output' && whose.get(event.params.itemId) === by) text += event.params.text;
  }
  return text;
}

export function paramsOf<C extends EventCode>(events: readonly NewEvent[], code: C): EventParams<C>[] {
  return events.flatMap((event) => (event.code === code ? [event.params as EventParams<C>] : []));
}
