/** A real backend for one test file: `codex-tasks serve` from the bundle, in Docker. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { ATTEMPTS_MOST } from '../../../protocol/limits.ts';
import { freePort } from './code-server.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SCRIPTS = join(import.meta.dirname, '../scripts');
/** The first start makes the database. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const LIST_TIMEOUT_MS = 5_000;

export interface E2eBackend {
  url: string;
  token: string;
  dataDir: string;
  /** Ends it as a crash would: at once, without a word. */
  kill(): Promise<void>;
  /** Neither answers nor ends, as a machine that is too busy would; until `go`. */
  freeze(): void;
  go(): void;
  /** Starts it again on the same port and data, after `kill`. */
  restart(): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/**
 * `script`: a file of `../scripts` for a model; `model`: the address of a server that speaks the
 * Responses API. `config`: the owner's `config.yaml`.
 */
export async function startBackend(
  options: ({ script: string } | { model: string }) & { config?: string },
): Promise<E2eBackend> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-e2e-backend-'));
  const token = randomBytes(24).toString('base64url');
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, token, { mode: 0o600 });
  if (options.config !== undefined) {
    await mkdir(join(folder, 'data'), { mode: 0o700 });
    await writeFile(join(folder, 'data/config.yaml'), options.config);
  }
  const port = await freePort();
  const modelEnv =
    'model' in options
      ? { OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: options.model, CODEX_MODEL: 'scripted' }
      : {};
  let output = '';
  let child: ChildProcess;

  const start = async () => {
    child = spawn(
      process.execPath,
      [
        join(ROOT, 'dist/cli/codex-tasks.mjs'),
        'serve',
        ...['--port', String(port), '--data', join(folder, 'data'), '--token-file', tokenFile],
        ...['--sandbox', 'docker'],
        ...('script' in options ? [`--scripted-model=${join(SCRIPTS, options.script)}`] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...modelEnv } },
    );
    const listening = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The backend did not start:\n${output}`)),
        START_TIMEOUT_MS,
      );
      const settle = (how: () => void) => {
        clearTimeout(timer);
        how();
      };
      const take = (bytes: Buffer) => {
        output += bytes.toString('utf8');
        if (/listens on/.test(output)) settle(resolve);
      };
      child.stdout?.on('data', take);
      child.stderr?.on('data', take);
      child.once('exit', (code) =>
        settle(() => reject(new Error(`The backend ended with ${code}:\n${output}`))),
      );
    });
    await listening;
  };

  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };

  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    dataDir: join(folder, 'data'),
    kill: () => end('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    go: () => void child.kill('SIGCONT'),
    restart: async () => {
      output = '';
      await start();
    },
    output: () => output,
    stop: async () => {
      const ids = await taskIds(`http://127.0.0.1:${port}`, token).catch(() => []);
      await end('SIGTERM');
      // Parked for follow-ups that will not come; nobody sweeps for a data folder that is gone.
      const names = ids.flatMap((id) =>
        ['task', 'ask', 'setup'].flatMap((role) =>
          Array.from({ length: ATTEMPTS_MOST }, (_, at) => `codex-${role}-${id}-${at + 1}`),
        ),
      );
      if (names.length > 0) spawnSync('docker', ['rm', '-f', '-v', ...names]);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function taskIds(url: string, token: string): Promise<string[]> {
  const connection = connectTo({ url, token }, LIST_TIMEOUT_MS);
  try {
    return (await connection.call('task.list', {})).tasks.map((task) => task.id);
  } finally {
    connection.close();
  }
}

/** Another client of the backend, beside the window. */
export function connectTo(
  { url, token }: Pick<E2eBackend, 'url' | 'token'>,
  callWaitMs?: number,
): BackendConnection {
  return connect({
    url,
    token: async () => token,
    client: { name: 'codex-tasks-test', version: '0' },
    openSocket: nodeSocket(),
    ...(callWaitMs === undefined ? {} : { callWaitMs }),
  });
}
