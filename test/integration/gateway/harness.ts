/** A backend of its own in a temporary folder, and clients of it, for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { WireEvent } from '../../../protocol/events.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import { resolveLimits, type LimitValues } from '../../../protocol/limits.ts';
import { type ClientPeer, clientPeer } from '../../../protocol/peer.ts';
import type { NotificationName, NotificationOf, ParamsIn } from '../../../protocol/rpc.ts';
import { type Backend, type BackendParts, startBackend } from '../../../server/backend.ts';
import type { Log } from '../../../server/log.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import type { RunTurn } from '../../../server/tasks/turn-context.ts';

export const TOKEN = 'a-token-for-tests-only';
export const SHA = 'a'.repeat(40);

/** Every commit is there; git itself has tests of its own. */
export const FAKE_REPOS = {
  resolve: async () => 'abcdefgh',
  has: async (repoId: string) => repoId === 'abcdefgh',
  hasCommit: async (_repoId: string, sha: string) => sha === SHA,
  removeTask: async () => {},
  sweepRefs: async () => 0,
  patch: async (_repoId: string, from: string, to: string) => ({ bytes: Buffer.from(`${from}..${to}`) }),
  handleHttp: async (
    _repoId: string,
    rest: string,
    request: NodeJS.ReadableStream,
    response: NodeJS.WritableStream,
  ) => {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    response.end(`${rest} ${bytes}`);
  },
} as unknown as Repos;

export const answerAtOnce: RunTurn = async (turn) => {
  await turn.setState('running');
  await turn.finish({ answer: 'done', usage: NO_USAGE });
};

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'codex-heart-'));
}

export interface Options {
  dataDir?: string;
  port?: number;
  runTurn?: BackendParts['runTurn'];
  limits?: Partial<LimitValues>;
  log?: Log;
  idleExitMs?: number;
  /** Default: ones in which every commit is there. */
  repos?: Repos;
}

export async function backend(options: Options = {}): Promise<Backend & { dataDir: string }> {
  const dataDir = options.dataDir ?? (await temporaryFolder());
  const started = await startBackend({
    config: {
      port: options.port ?? 0,
      dataDir,
      token: TOKEN,
      version: '0.0.0',
      limits: resolveLimits(options.limits),
      ...(options.idleExitMs ? { idleExitMs: options.idleExitMs } : {}),
    },
    repos: options.repos ?? FAKE_REPOS,
    runTurn: options.runTurn ?? answerAtOnce,
    sandbox: () => ({ kind: 'none', detail: '' }),
    model: () => ({ name: 'none', configured: true, scripted: true }),
    ...(options.log ? { log: options.log } : {}),
  });
  return {
    ...started,
    dataDir,
    async close() {
      await started.close();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export interface TestClient extends ClientPeer {
  ws: WebSocket;
  events: WireEvent[];
  /** Resolves with the first event that fits, past ones included. */
  event(fits: (event: WireEvent) => boolean): Promise<WireEvent>;
  notified: [NotificationName, unknown][];
}

export async function socket(url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`, {
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
  });
  await new Promise<void>((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('unexpected-response', (_request, response) => {
      reject(Object.assign(new Error(`HTTP ${response.statusCode}`), { status: response.statusCode }));
      ws.terminate();
    });
    ws.on('error', reject);
  });
  return ws;
}

export async function client(url: string, greet = true): Promise<TestClient> {
  const ws = await socket(url);
  const events: WireEvent[] = [];
  const notified: [NotificationName, unknown][] = [];
  let waiting: { fits: (event: WireEvent) => boolean; resolve: (event: WireEvent) => void }[] = [];
  const peer = clientPeer(
    {
      send: (text) => ws.send(text),
      onMessage: (listener) => void ws.on('message', (data: Buffer) => listener(data.toString('utf8'))),
      onClose: (listener) => void ws.on('close', () => listener()),
      close: (code) => ws.close(code),
    },
    {
      onNotification(name, params) {
        notified.push([name, params]);
        if (name !== 'events') return;
        for (const event of (params as NotificationOf<'events'>).events) {
          events.push(event);
          for (const one of waiting) if (one.fits(event)) one.resolve(event);
          waiting = waiting.filter((one) => !one.fits(event));
        }
      },
    },
  );
  if (greet) await peer.call('server.hello', { protocol: 1, client: { name: 'test', version: '0' } });
  return {
    ...peer,
    ws,
    events,
    notified,
    event: (fits) => {
      const past = events.find(fits);
      if (past) return Promise.resolve(past);
      return new Promise((resolve) => waiting.push({ fits, resolve }));
    },
  };
}

let requests = 0;
export function taskRequest(more: Partial<ParamsIn<'task.create'>> = {}): ParamsIn<'task.create'> {
  return {
    requestId: `request-${process.pid}-${++requests}`,
    prompt: 'Fix the failing test',
    mode: 'code',
    repo: { repoId: 'abcdefgh', name: 'app', sha: SHA, includesLocal: false },
    ...more,
  };
}

export const finished = (event: WireEvent) => event.code === 'turn.finished';
