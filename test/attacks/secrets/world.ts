/**
 * A whole backend with a real database, a real vault and real containers, and everything of it that can be
 * looked into from outside: what its clients hear, what its model is asked, what it logs and stores.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Docker from 'dockerode';
import { PATHS } from '../../../protocol/http.ts';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { DEFAULT_AGENT_ACCESS } from '../../../protocol/egress.ts';
import type { NewEvent, WireEvent } from '../../../protocol/events.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { Mode } from '../../../protocol/states.ts';
import { startBackend, type BackendParts } from '../../../server/backend.ts';
import { openInternetProxy } from '../../../server/internet.ts';
import { makeLog } from '../../../server/log.ts';
import { createModelClient } from '../../../server/model/client.ts';
import { DEMO_SCRIPT } from '../../../server/model/scripted/scripts/demo.ts';
import { startScriptedModel, type ScriptedModel } from '../../../server/model/scripted/server.ts';
import { createRunTurn } from '../../../server/pipeline/index.ts';
import type { Rooms } from '../../../server/pipeline/rooms.ts';
import { openRepos } from '../../../server/repos/store.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { ownerOf } from '../../../server/sandbox/naming.ts';
import { LABEL } from '../../../server/sandbox/docker/spec.ts';
import type { SandboxDriver } from '../../../server/sandbox/sandbox.ts';
import { client, TOKEN, type TestClient } from '../../integration/gateway/harness.ts';
import { gitAsync, removeFolder, temporaryFolder } from '../../support/git.ts';

export interface TaskOf {
  environment: string;
  folder: string;
  prompt: string;
  mode?: Mode;
  ref?: string;
  defaultRef?: string;
  /** While it runs. */
  onEvent?: (event: NewEvent, taskId: string) => void;
}

export interface Ended {
  taskId: string;
  events: NewEvent[];
  state: string;
  /** The code of what it failed with. */
  error: string | null;
}

export interface World {
  dataDir: string;
  owner: string;
  driver: SandboxDriver;
  docker: Docker;
  one: TestClient;
  model: ScriptedModel;
  /** Every message that the client got, as it came. */
  heard: string[];
  logged: string[];
  put(environment: Partial<Environment> & { name: string }, secrets?: Record<string, string>): Promise<void>;
  run(task: TaskOf): Promise<Ended>;
  followUp(before: Ended, prompt: string): Promise<Ended>;
  download(path: string): Promise<{ status: number; body: Buffer }>;
  /** Its containers, of whatever role. */
  containers(): Promise<Docker.ContainerInspectInfo[]>;
  /** Ends the backend; the data folder stays until `end`. */
  stop(): Promise<void>;
  end(): Promise<void>;
}

/** Long enough for a container on a busy machine. */
const TURN_WAIT_MS = 90_000;

/** `forges`: where links in prompts may lead to, in place of those that are connected. */
export async function startWorld({
  forges,
  ownersForges = [],
}: Pick<Rooms, 'forges'> & Pick<BackendParts, 'ownersForges'> = {}): Promise<World> {
  const dataDir = temporaryFolder('secrets-attack');
  const driver = createDriver({ kind: 'docker', dataDir });
  const docker = new Docker();
  const owner = ownerOf(dataDir);
  const repos = await openRepos({ dataDir });
  const model = await startScriptedModel({ script: DEMO_SCRIPT });
  const logged: string[] = [];
  const runTurn = createRunTurn({
    driver,
    repos,
    modelFor: () => createModelClient({ name: 'scripted', apiKey: 'none', baseUrl: model.url }),
    proxy: await openInternetProxy({
      dataDir,
      owner: { allowPrivate: [], intercept: 'whenNeeded' },
      resolve: async () => ['127.0.0.1'],
    }),
  });
  const backend = await startBackend({
    config: { port: 0, dataDir, token: TOKEN, version: '0', limits: resolveLimits() },
    repos,
    runTurn: (turn, rooms) => runTurn(turn, forges ? { ...rooms, forges } : rooms),
    sandbox: () => ({ kind: 'docker', detail: '' }),
    model: () => ({ name: 'scripted', configured: true, scripted: true }),
    driver,
    ownersForges,
    log: makeLog('debug', (line) => logged.push(line)),
  });
  const one = await client(backend.url);
  const heard: string[] = [];
  one.ws.on('message', (data: Buffer) => heard.push(data.toString('utf8')));

  const mine = async (all: string): Promise<Docker.ContainerInfo[]> =>
    docker.listContainers({ all: true, filters: { label: [`${LABEL}.owner=${owner}`, all] } });
  const ended = async (taskId: string, turn: number): Promise<Ended> => {
    const isEnd = (event: WireEvent): boolean =>
      event.taskId === taskId && event.turn === turn && event.code === 'turn.finished';
    const timer = new AbortController();
    const late = new Promise<never>((_, reject) => {
      const handle = setTimeout(() => {
        const last = one.events.filter((event) => event.taskId === taskId).at(-1);
        reject(new Error(`the turn did not end; its last event: ${JSON.stringify(last)}`));
      }, TURN_WAIT_MS);
      timer.signal.addEventListener('abort', () => clearTimeout(handle));
    });
    const last = await Promise.race([one.event(isEnd), late]).finally(() => timer.abort());
    const { state, error } = last.params as Finished;
    return {
      taskId,
      state,
      error: error?.code ?? null,
      events: one.events.filter((event) => event.taskId === taskId && event.turn === turn).map(known),
    };
  };

  let running = true;
  const stop = async (): Promise<void> => {
    if (!running) return;
    running = false;
    one.close();
    await backend.close();
    await model.close();
  };
  return {
    dataDir,
    owner,
    driver,
    docker,
    one,
    model,
    heard,
    logged,
    stop,
    async put({ name, ...more }, secrets = {}) {
      const internet = { agent: DEFAULT_AGENT_ACCESS, setup: DEFAULT_AGENT_ACCESS };
      await one.call('environment.put', {
        environment: { ...defaultEnvironment(), internet, ...more, name },
      });
      for (const [key, value] of Object.entries(secrets))
        await one.call('secret.put', { environment: name, name: key, value });
    },
    async run({ environment, folder, prompt, mode = 'code', ref = 'HEAD', defaultRef = ref, onEvent }) {
      const repoId = await repos.resolve({ name: 'project', remote: null, folder });
      const push = async (name: string): Promise<string> => {
        const sha = await gitAsync(folder, ['rev-parse', `${name}^{commit}`]);
        const to = join(dataDir, 'repos', `${repoId}.git`);
        await gitAsync(folder, ['push', '-q', to, `${sha}:refs/codex/in/${randomUUID()}`]);
        return sha;
      };
      const { task } = await one.call('task.create', {
        requestId: randomUUID(),
        prompt,
        mode,
        environment,
        repo: {
          repoId,
          name: 'project',
          sha: await push(ref),
          branch: 'main',
          defaultSha: await push(defaultRef),
          includesLocal: false,
        },
      });
      if (onEvent)
        void one.event((event) => (event.taskId === task.id && onEvent(known(event), task.id), false));
      await one.call('task.subscribe', { taskId: task.id, after: 0 });
      return ended(task.id, 1);
    },
    async followUp({ taskId }, prompt) {
      const { turn } = await one.call('turn.create', { requestId: randomUUID(), taskId, prompt });
      return ended(taskId, turn);
    },
    async download(path) {
      const answer = await fetch(`${backend.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
      return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
    },
    async containers() {
      const all = await mine(`${LABEL}.sandbox=true`);
      const seen = await Promise.all(
        all.map(({ Id }) =>
          docker
            .getContainer(Id)
            .inspect()
            .catch(() => null),
        ),
      );
      return seen.filter((one) => one !== null);
    },
    async end() {
      await stop();
      for (const { name } of await driver.list()) await driver.remove(name);
      for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
      await driver.close?.();
      removeFolder(dataDir);
    },
  };
}

type Finished = Extract<NewEvent, { code: 'turn.finished' }>['params'];

/** What this very program sends is what it knows. */
const known = (event: WireEvent): NewEvent => event as object as NewEvent;

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

/** Where secrets were found, by the events. */
export function foundIn(events: readonly NewEvent[]): string[] {
  return events.flatMap((event) => (event.code === 'secret.found' ? [event.params.path] : []));
}

export const logOf = ({ taskId }: Ended, turn = 1): string => PATHS.log(taskId, turn, 1);
export const patchOf = ({ taskId }: Ended, turn = 1): string => PATHS.patch(taskId, turn, 1);
