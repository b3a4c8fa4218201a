/**
 * `codex-tasks serve`: the backend, until it is told to stop. It reads the command line and the
 * environment; what is put together from that is `server/start.ts`.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  EXIT_FOLDER_BUSY,
  defaultDataDir,
  ensureToken,
  readToken,
  tokenFilePath,
} from '../client/backend-process/index.ts';
import { errorWords } from '../client/words/index.ts';
import { CodexError } from '../protocol/errors.ts';
import { EXIT } from '../protocol/result.ts';
import { start, type ModelChoice, type Started } from '../server/start.ts';
import { SANDBOX_KINDS } from './backend.ts';
import { modelSettings } from './model.ts';
import { UsageError, oneOf, optionalValue, parse, wholeNumber } from './usage.ts';
import { VERSION } from './version.ts';

const DEFAULT_PORT = 7421;
const KEY_MAX_BYTES = 8_192;
const MINUTE_MS = 60_000;
/** After everything has been closed. */
const LEFT_OPEN_MS = 5_000;
/** Shorter ones can be guessed. */
const TOKEN_MIN_CHARS = 16;

const HELP = `codex-tasks serve [options]

  --host H             address to listen on (default: 127.0.0.1; another one needs --behind-proxy)
  --port P             (default: ${DEFAULT_PORT}; 0 takes a free one)
  --data DIR           data folder (default: ${defaultDataDir()})
  --token-file FILE    the token that clients need (default: CODEX_SERVER_TOKEN, or one of the data folder's own)
  --token TOKEN        the same on the command line, where other users can see it
  --sandbox KIND       docker (default) or local: confined processes without a container
  --scripted-model[=FILE]   no real model: play this script (default: the one of the demo)
  --key-stdin          the model's key is the first line of standard input
  --idle-exit MINUTES  end by itself this long after the last client and task
  --behind-proxy       a proxy in front ends TLS; needed for any address but loopback
  --allowed-host NAME  a name under which clients reach it (may be given more than once)

The model comes from OPENAI_API_KEY, OPENAI_BASE_URL and CODEX_MODEL, and from the model connections
in config.yaml of the data folder (docs/models.md).
`;

export async function serve(args: string[]): Promise<number> {
  const { values } = parse(
    optionalValue(args, '--scripted-model'),
    {
      host: { type: 'string' },
      port: { type: 'string' },
      data: { type: 'string' },
      'token-file': { type: 'string' },
      token: { type: 'string' },
      sandbox: { type: 'string' },
      'scripted-model': { type: 'string' },
      'key-stdin': { type: 'boolean' },
      'idle-exit': { type: 'string' },
      'behind-proxy': { type: 'boolean' },
      'allowed-host': { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
    false,
  );
  if (values.help) {
    process.stdout.write(HELP);
    return EXIT.completed;
  }
  const host = values.host ?? '127.0.0.1';
  const behindProxy = values['behind-proxy'] ?? false;
  if (!isLoopback(host) && !behindProxy) {
    throw new UsageError(
      `${host} can be reached from other machines without encryption. Put a proxy with TLS in front and say --behind-proxy, or listen on 127.0.0.1.`,
    );
  }
  const dataDir = resolve(values.data ?? defaultDataDir());
  const scripted = values['scripted-model'];
  const idleExit = values['idle-exit'];
  const port = wholeNumber('--port', values.port ?? String(DEFAULT_PORT), 0, 65_535);
  const sandbox = values.sandbox === undefined ? null : oneOf('--sandbox', values.sandbox, SANDBOX_KINDS);
  const idleExitMs =
    idleExit === undefined ? null : wholeNumber('--idle-exit', idleExit, 1, 10_080) * MINUTE_MS;
  const model = await modelChoice(scripted, values['key-stdin'] ?? false);
  const token = await tokenOf(values.token, values['token-file'], dataDir);

  // Before anything is started: a signal that comes meanwhile is not lost.
  const stopping = stopSignal();
  let backend: Started;
  try {
    backend = await start({
      host,
      port,
      dataDir,
      token: token.value,
      version: VERSION,
      allowedHosts: values['allowed-host'] ?? [],
      behindProxy,
      sandbox,
      model,
      idleExitMs,
    });
  } catch (error) {
    if (!(error instanceof CodexError && error.code === 'dataFolderBusy')) throw error;
    process.stderr.write(`codex-tasks serve: ${errorWords(error.wire).text}\n`);
    return EXIT_FOLDER_BUSY;
  }
  process.stdout.write(`Codex Tasks ${VERSION} listens on ${backend.url}\n`);
  process.stdout.write(`Token: ${token.where}\n`);
  process.stdout.write(`Sandbox: ${backend.sandboxDetail}\n`);
  process.stdout.write(`Model: ${backend.modelDetail}\n`);
  await Promise.race([stopping, backend.idle]);
  process.stdout.write('Stopping…\n');
  await backend.stop();
  // What is still open then is a fault: it is told, and nobody waits for it.
  setTimeout(() => {
    process.stderr.write(`Left open: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(EXIT.completed);
  }, LEFT_OPEN_MS).unref();
  return EXIT.completed;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Resolves on the first signal to stop; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  const { promise, resolve: stop } = Promise.withResolvers<void>();
  let asked = false;
  const onSignal = () => {
    if (asked) process.exit(EXIT.failed);
    asked = true;
    stop();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return promise;
}

async function modelChoice(scripted: string | undefined, keyStdin: boolean): Promise<ModelChoice> {
  if (scripted !== undefined) {
    if (scripted === '') return { kind: 'scripted', script: null };
    const script = await readFile(scripted, 'utf8').catch((error: unknown) => {
      throw new UsageError(
        `The script can't be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    return { kind: 'scripted', script };
  }
  const key = keyStdin ? await keyFromStdin() : process.env['OPENAI_API_KEY'];
  // No child of ours, git for example, needs it.
  delete process.env['OPENAI_API_KEY'];
  const settings = modelSettings(process.env, key);
  return settings ? { kind: 'real', settings } : { kind: 'none' };
}

async function keyFromStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.includes('\n') || text.length > KEY_MAX_BYTES) break;
  }
  const key = (text.split('\n')[0] ?? '').trim();
  if (key === '' || key.length > KEY_MAX_BYTES)
    throw new UsageError('--key-stdin: there is no key on standard input.');
  return key;
}

async function tokenOf(
  argument: string | undefined,
  file: string | undefined,
  dataDir: string,
): Promise<{ value: string; where: string }> {
  if (argument !== undefined && file !== undefined)
    throw new UsageError('--token and --token-file exclude each other.');
  if (argument !== undefined) {
    process.stderr.write(
      'Warning: other users of this machine can see --token in the list of processes; use --token-file.\n',
    );
    return { value: checked(argument), where: 'as given by --token' };
  }
  if (file !== undefined) {
    const value = await readToken(file);
    if (value === null) throw new UsageError(`The token file ${file} is not there or empty.`);
    return { value: checked(value), where: `in ${resolve(file)}` };
  }
  const fromEnvironment = process.env['CODEX_SERVER_TOKEN'];
  if (fromEnvironment) return { value: checked(fromEnvironment), where: 'as given by CODEX_SERVER_TOKEN' };
  return { value: await ensureToken(dataDir), where: `in ${tokenFilePath(dataDir)}` };
}

function checked(token: string): string {
  if (token.length < TOKEN_MIN_CHARS || !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(`The token needs at least ${TOKEN_MIN_CHARS} printable characters without spaces.`);
  }
  return token;
}
