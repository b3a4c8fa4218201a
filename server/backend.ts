/**
 * A backend: one data folder, one port, one queue of turns.
 *
 * Starting: refuse what is unsafe → lock the folder → database → port → queue → `backend.json`. The
 * port is taken before a turn is, so that a second backend never touches the first one's work. Stopping
 * goes the other way, and leaves running turns as they are for the next start.
 */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { DEFAULT_ENVIRONMENT_NAME } from '../protocol/environment.ts';
import { CodexError } from '../protocol/errors.ts';
import type { LimitValues } from '../protocol/limits.ts';
import type { ParamsOf, ResultOf } from '../protocol/rpc.ts';
import { hasEnded } from '../protocol/states.ts';
import { removeBackendFile, writeBackendFile } from './backend-file.ts';
import { EgressLog } from './environments/egress-log.ts';
import { Environments } from './environments/environments.ts';
import { PreparedEnvironments } from './environments/prepared.ts';
import { Scripts } from './environments/scripts.ts';
import type { Connection } from './forge/connection.ts';
import { createFetchCommits } from './forge/fetch-commits.ts';
import type { Forges } from './forge/forge.ts';
import { openForgeRooms } from './forge/index.ts';
import { createGateway } from './gateway/gateway.ts';
import type { HiddenValues } from './hidden.ts';
import { type Log, NO_LOG } from './log.ts';
import { NO_TERMINALS } from './no-terminals.ts';
import { openPullRequests } from './pull-requests/pull-requests.ts';
import { webhookRoutes } from './pull-requests/webhook-routes.ts';
import type { Repos } from './repos/repos.ts';
import { openKeys, type KeySettings } from './secrets/keys/index.ts';
import type { Vault } from './secrets/types.ts';
import { openVault } from './secrets/vault.ts';
import type { SandboxDriver } from './sandbox/sandbox.ts';
import { lockFolder } from './store/lock.ts';
import { openStore } from './store/store.ts';
import { Approvals } from './tasks/approvals.ts';
import { Blobs } from './tasks/blobs.ts';
import { readEvents } from './tasks/events.ts';
import { Hub } from './tasks/hub.ts';
import { TurnQueue } from './tasks/queue.ts';
import { Tasks } from './tasks/tasks.ts';
import type { TurnContext } from './tasks/turn-context.ts';
import { Terminals } from './terminals/terminals.ts';

export interface BackendConfig {
  /** Default: 127.0.0.1. */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  dataDir: string;
  token: string;
  version: string;
  limits: LimitValues;
  databaseUrl?: string;
  /** Default: a keyring in the data folder. */
  secretKeys?: KeySettings;
  /** Names under which clients reach it, beside loopback's. */
  allowedHosts?: readonly string[];
  /** Where browsers and forges reach it, when that is not only this machine. */
  publicUrl?: string;
  /** A proxy in front ends TLS: then it may listen on another address than loopback. */
  behindProxy?: boolean;
  /** End this long after the last client left and the last turn ended. */
  idleExitMs?: number | null;
}

/** What belongs to the data folder and a turn needs beside its own context. */
export interface Rooms {
  environments: Environments;
  egressLog: EgressLog;
  vault: Vault;
  prepared: PreparedEnvironments;
  scripts: Scripts;
  forges: Forges;
}

export interface BackendParts {
  config: BackendConfig;
  repos: Repos;
  /** A `RunTurn`; `rooms` are the same for every turn. */
  runTurn: (turn: TurnContext, rooms: Rooms) => Promise<void>;
  sandbox: () => ResultOf<'server.hello'>['sandbox'];
  model: () => ResultOf<'server.hello'>['model'];
  /** With `check` every connection is tried. */
  models?: (check: boolean) => Promise<ResultOf<'model.list'>>;
  /** Throws `CodexError` modelUnknown, modelNotConfigured; null is the default one. */
  checkModel?: (name: string | null) => Promise<void>;
  checkTask?: (request: ParamsOf<'task.create'>) => void;
  /** The owner's forges. */
  ownersForges?: readonly Connection[];
  /** Of tests: how time passes before a forge is asked again. */
  forgePause?: (ms: number) => Promise<void>;
  /** What the log must not have is added here. */
  hidden?: HiddenValues;
  /** Where terminals are opened; absent: nowhere. */
  driver?: SandboxDriver;
  /** After a task's rows are gone: its sandboxes go. Its repositories are removed here. */
  onTaskDeleted?: (taskId: string) => Promise<void>;
  /** The sandboxes of the other attempts go. */
  onAttemptChosen?: (taskId: string, chosen: number) => Promise<void>;
  log?: Log;
}

export interface Backend {
  url: string;
  port: number;
  token: string;
  /** Resolves when it was idle for `idleExitMs`: whoever started it closes it then. */
  idle: Promise<void>;
  /** For sweeping sandboxes. */
  presenceOf: (taskId: string) => Promise<'live' | 'idle' | 'gone'>;
  /** For sweeping what was prepared. */
  prepared: PreparedEnvironments;
  close(): Promise<void>;
}

const LOOPBACK = /^(localhost|::1|127(\.\d{1,3}){3})$/;

export async function startBackend(parts: BackendParts): Promise<Backend> {
  const { config, repos, log = NO_LOG } = parts;
  const host = config.host ?? '127.0.0.1';
  refuseUnsafe(host, config);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });

  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        log.warn('not everything could be closed', { error });
      }
    }
  };

  try {
    const lock = lockFolder(config.dataDir);
    closers.push(() => lock.release());
    const { dataDir, databaseUrl, limits, publicUrl } = config;
    const store = await openStore({ dataDir, ...(databaseUrl ? { databaseUrl } : {}) });
    closers.push(() => store.close());

    const keys = await openKeys(config.secretKeys ?? {}, dataDir);
    const vault = await openVault(store, keys);
    let url = '';
    const { ownersForges: owners = [], forgePause: pause } = parts;
    const forge = await openForgeRooms({
      ...{ store, keys, owners, log, publicUrl, pause },
      url: () => (config.behindProxy ? null : url),
      // Otherwise whoever comes in through the proxy could ask what listens here.
      loopback: config.behindProxy !== true,
    });
    parts.hidden?.add(() => forge.forges.secrets());
    closers.push(() => forge.forges.close());
    const environments = new Environments(store);
    const egressLog = new EgressLog({ store, maxEntries: limits.egressLogEntries, log });
    closers.push(() => egressLog.close());
    const prepared = new PreparedEnvironments({ store, maxBytes: limits.cacheBytes });
    const scripts = new Scripts({ store, repos });
    const rooms: Rooms = { environments, egressLog, vault, prepared, scripts, forges: forge.forges };

    const hub = new Hub(
      (taskId, after, limit) => store.read((db) => readEvents(db, taskId, after, limit)),
      (error) => log.warn('the log could not be read', { error }),
    );
    const approvals = new Approvals({ store, hub, limits });
    const queue = new TurnQueue({
      store,
      hub,
      limits,
      log,
      approvals,
      runTurn: (turn) => parts.runTurn(turn, rooms),
    });
    const tasks = new Tasks({
      store,
      hub,
      queue,
      limits,
      onDeleted: ({ id, repoId }) => {
        egressLog.forget(id);
        // What is being published would go on to keep commits for it.
        const removed = pulls.after(id, () => repos.removeTask(id, repoId));
        void Promise.all([removed, parts.onTaskDeleted?.(id)]).catch((error: unknown) =>
          log.warn('a deleted task left something behind', { taskId: id, error }),
        );
      },
      // Waited for: a follow-up that comes next must not lose what is removed here.
      onChosen: async (taskId, attempt) => {
        try {
          await parts.onAttemptChosen?.(taskId, attempt);
        } catch (error) {
          log.warn('sandboxes of attempts that were not chosen stay until their time ends', {
            taskId,
            error,
          });
        }
      },
    });
    const pulls = openPullRequests({
      forges: forge.forges,
      webhookSecret: (host) => forge.forges.webhookSecret(host),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      store,
      hub,
      tasks,
      repos,
      limits,
      log,
      environments,
      checkTask: async (request) => {
        parts.checkTask?.(request);
        const { model } = await environments.get(request.environment ?? DEFAULT_ENVIRONMENT_NAME);
        await parts.checkModel?.(model ?? null);
      },
    });
    forge.forges.onConnected(() => pulls.polling.forget());
    forge.forges.onConnected(() => pulls.webhooks.again());
    // What it waits for must not wait for a forge.
    closers.push(() => (forge.forges.close(), pulls.close()));
    const { driver } = parts;
    const serveOrigin = (taskId: string, stream: Duplex) => repos.serveOrigin(taskId, stream);
    const terminals = driver && new Terminals({ store, driver, environments, limits, log, serveOrigin });
    closers.push(() => terminals?.closeAll());
    const id = randomUUID();
    const gateway = createGateway({
      tasks,
      blobs: new Blobs({ store, maxBytes: limits.attachmentBytes }),
      environments,
      egressLog,
      vault,
      prepared,
      scripts,
      terminals: terminals ?? NO_TERMINALS,
      forges: { ...forge.room, ...pulls.room },
      openRoutes: [forge.routes, webhookRoutes(pulls.webhooks)],
      fetchCommits: createFetchCommits({ forges: forge.forges, repos }),
      approvals,
      hub,
      store,
      repos,
      limits,
      log,
      token: config.token,
      allowedHosts: [...(config.allowedHosts ?? []), ...(publicUrl ? [new URL(publicUrl).hostname] : [])],
      hello: () => ({
        server: { name: 'codex-tasks', version: config.version, id },
        sandbox: parts.sandbox(),
        model: parts.model(),
      }),
      models: parts.models ?? (async () => ({ models: [{ name: parts.model().name }] })),
      ...(parts.checkModel ? { checkModel: parts.checkModel } : {}),
      ...(parts.checkTask ? { checkTask: parts.checkTask } : {}),
    });
    // In reverse: the turns let go first, then the sockets, then the port.
    closers.push(() => gateway.app.close());
    closers.push(() => gateway.closeSockets());
    await listen(gateway.app, host, config.port);
    const { port } = gateway.app.server.address() as AddressInfo;
    lock.setPort(port);
    url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

    closers.push(() => queue.stop());
    await queue.start();
    await pulls.start();
    await writeBackendFile(dataDir, {
      pid: process.pid,
      port,
      version: config.version,
      nonce: id,
      startedAt: Date.now(),
    });
    closers.push(() => removeBackendFile(dataDir));

    const idle = Promise.withResolvers<void>();
    if (config.idleExitMs) {
      const limitMs = config.idleExitMs;
      const timer = setInterval(
        () => {
          const since = gateway.idleSince;
          const busy = queue.runningTurns > 0 || since === null;
          if (busy) busyAt = Date.now();
          else if (Date.now() - Math.max(since, busyAt) >= limitMs) idle.resolve();
        },
        Math.min(limitMs / 4, 10_000),
      );
      let busyAt = Date.now();
      closers.push(() => clearInterval(timer));
    }
    log.info('listening', { host, port });
    return {
      url,
      port,
      token: config.token,
      idle: idle.promise,
      prepared,
      presenceOf: async (taskId) => {
        const task = await store.read((db) =>
          db.selectFrom('tasks').select(['state', 'archived']).where('id', '=', taskId).executeTakeFirst(),
        );
        if (!task) return 'gone';
        if (!hasEnded(task.state) || terminals?.uses(taskId)) return 'live';
        return task.archived ? 'gone' : 'idle';
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function refuseUnsafe(host: string, config: BackendConfig): void {
  if (config.token.length < 16) {
    throw new CodexError(
      'badRequest',
      { field: 'token' },
      { detail: 'The token needs at least 16 characters.' },
    );
  }
  if (!LOOPBACK.test(host) && !config.behindProxy) {
    throw new CodexError(
      'badRequest',
      { field: 'host', host },
      {
        detail: `${host} can be reached from other machines without encryption: listen on 127.0.0.1, or put a proxy with TLS in front and say --behind-proxy.`,
      },
    );
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new CodexError(
      'portTaken',
      { port, host },
      {
        detail: `Port ${port} on ${host} is taken: stop what listens there, or choose another with --port (0 takes a free one).`,
        cause: error,
      },
    );
  }
}
