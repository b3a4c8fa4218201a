/**
 * The backend that a command talks to: the one that the environment names, or one of the person's own
 * on this machine, found or started. A lost one of the person's own is started again.
 */
import { resolve } from 'node:path';
import {
  defaultDataDir,
  ensureBackend,
  readToken,
  stopBackend,
  type Launch,
  type RunningBackend,
} from '../client/backend-process/index.ts';
import { connect, type BackendConnection, type Hello } from '../client/connection/index.ts';
import { nodeSocket } from '../client/connection/node-socket.ts';
import { CodexError } from '../protocol/errors.ts';
import { ENTRY } from './entry.ts';
import { UsageError, oneOf } from './usage.ts';
import { VERSION } from './version.ts';

/** CONTRACTS: it lives this long after its last client and task. */
const IDLE_EXIT_MINUTES = 10;
/** The first start makes the database. */
const CONNECT_TIMEOUT_MS = 60_000;

export const SANDBOX_KINDS = ['docker', 'local'] as const;

export interface OwnBackendOptions {
  dataDir: string;
  sandbox: 'docker' | 'local' | null;
  /** A script's path, `''` for the one that ships with the product, null for a real model. */
  scriptedModel: string | null;
  /** Holds the token of the backend that CODEX_SERVER_URL names. */
  tokenFile: string | null;
  /** Some of these were given: they say nothing about a backend that runs elsewhere. */
  given: boolean;
}

export const OWN_BACKEND_OPTIONS = {
  data: { type: 'string' },
  sandbox: { type: 'string' },
  'scripted-model': { type: 'string' },
  'token-file': { type: 'string' },
} as const;

export const OWN_BACKEND_HELP = `  --data DIR         its data folder (default: ${defaultDataDir()})
  --sandbox KIND     docker or local; local confines commands without a container
  --scripted-model[=FILE]   no real model: play this script (default: the one of the demo)
  --token-file FILE  for a backend at CODEX_SERVER_URL: holds its token (default: CODEX_SERVER_TOKEN)
`;

export function ownBackendOptions(values: {
  data?: string | undefined;
  sandbox?: string | undefined;
  'scripted-model'?: string | undefined;
  'token-file'?: string | undefined;
}): OwnBackendOptions {
  const scripted = values['scripted-model'];
  return {
    dataDir: resolve(values.data ?? defaultDataDir()),
    sandbox: values.sandbox === undefined ? null : oneOf('--sandbox', values.sandbox, SANDBOX_KINDS),
    tokenFile: values['token-file'] === undefined ? null : resolve(values['token-file']),
    scriptedModel: scripted === undefined ? null : scripted === '' ? '' : resolve(scripted),
    given: values.data !== undefined || values.sandbox !== undefined || scripted !== undefined,
  };
}

export interface Backend {
  connection: BackendConnection;
  hello: Hello;
  /** For git over HTTP. Asked anew each time: it may have come back on another port. */
  where: () => { url: string; token: string };
  /** Null: it runs elsewhere. */
  own: RunningBackend | null;
  /** It was started for this. */
  started: boolean;
}

export interface OpenOptions {
  signal?: AbortSignal;
  /** False: whichever model and sandbox it has will do. */
  runsTasks: boolean;
}

export async function openBackend(own: OwnBackendOptions, options: OpenOptions): Promise<Backend> {
  const { signal } = options;
  const url = process.env['CODEX_SERVER_URL'];
  if (!url) return openOwn(own, options);
  if (own.given) {
    throw new UsageError(
      '--data, --sandbox and --scripted-model are for a backend of your own; CODEX_SERVER_URL names another one.',
    );
  }
  const token = await tokenFor(own.tokenFile);
  // A header can't hold anything else, and every attempt to connect would fail on it.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(
      'What stands for the token is none: it holds a space, a line break or a letter that no token has.',
    );
  }
  const connection = open(url, async () => token);
  try {
    const hello = await connection.ready(CONNECT_TIMEOUT_MS, signal);
    return { connection, hello, where: () => ({ url, token }), own: null, started: false };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function tokenFor(file: string | null): Promise<string> {
  const token = file === null ? process.env['CODEX_SERVER_TOKEN']?.trim() : await readToken(file);
  if (token) return token;
  throw new UsageError(
    file === null
      ? 'CODEX_SERVER_URL is set, but neither CODEX_SERVER_TOKEN nor --token-file is.'
      : `The token file ${file} is not there or empty.`,
  );
}

async function openOwn(own: OwnBackendOptions, { signal, runsTasks }: OpenOptions): Promise<Backend> {
  const launch = launchOf(own);
  let running = await ensureBackend({ ...launch, ...(signal ? { signal } : {}) });
  let started = running.started;
  const connection = open(
    async () => {
      running = await ensureBackend(launch);
      started ||= running.started;
      return running.url;
    },
    async () => running.token,
  );
  try {
    let hello = await connection.ready(CONNECT_TIMEOUT_MS, signal);
    if (runsTasks && !hello.model.configured && hasModel(own)) {
      // It was started without a model, so nothing runs in it that a restart could hurt.
      await stopBackend(running);
      await connection.call('environment.list', {}, signal);
      hello = await connection.ready(CONNECT_TIMEOUT_MS, signal);
      started = true;
    }
    if (runsTasks) checkFits(own, hello);
    return {
      connection,
      hello,
      where: () => ({ url: running.url, token: running.token }),
      own: running,
      started,
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

function launchOf(own: OwnBackendOptions): Launch {
  const apiKey = process.env['OPENAI_API_KEY'];
  return {
    dataDir: own.dataDir,
    node: process.execPath,
    entry: [ENTRY],
    args: [
      ...(own.sandbox ? ['--sandbox', own.sandbox] : []),
      ...(own.scriptedModel === null ? [] : [`--scripted-model=${own.scriptedModel}`]),
    ],
    ...(apiKey ? { apiKey } : {}),
    idleExitMinutes: IDLE_EXIT_MINUTES,
  };
}

function hasModel(own: OwnBackendOptions): boolean {
  return own.scriptedModel !== null || Boolean(process.env['OPENAI_API_KEY']);
}

/** A running backend keeps the sandbox and model that it was started with: never silently another one. */
function checkFits(own: OwnBackendOptions, hello: Hello): void {
  const differs =
    own.sandbox !== null && hello.sandbox.kind !== 'none' && hello.sandbox.kind !== own.sandbox
      ? `the sandbox “${hello.sandbox.kind}”`
      : own.scriptedModel !== null && !hello.model.scripted
        ? `the model ${hello.model.name}`
        : own.scriptedModel === null && hello.model.scripted
          ? 'a scripted model'
          : null;
  if (differs === null) return;
  throw new CodexError('backendStartFailed', {
    reason: `one already runs on ${own.dataDir} with ${differs}. Stop it, or choose another folder with --data.`,
  });
}

function open(url: string | (() => Promise<string>), token: () => Promise<string>): BackendConnection {
  return connect({
    url,
    token,
    client: { name: 'codex-tasks-cli', version: VERSION },
    openSocket: nodeSocket(),
    callWaitMs: CONNECT_TIMEOUT_MS,
  });
}
