/**
 * The sandbox's main process: listens on the door's socket and serves one backend at a time.
 *
 * A hello with a lower generation than the highest ever seen is refused; a higher one, or the same
 * again, closes the door that is open and takes its place. Commands don't notice any of it.
 */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { performServerHandshake } from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  DOOR_SESSION_MEMORY_MB,
  DOOR_SESSION_WINDOW_BYTES,
  DOOR_SOCKET,
  DOOR_STREAM_WINDOW_BYTES,
  DOOR_VERSION,
  HELLO_LINE_BYTES,
  REPLACED,
  RUN_DIR,
} from '../protocol/door.ts';
import type { DoorHello, DoorWelcome } from '../protocol/door.ts';
import { ENDED_WHOLE } from '../protocol/places.ts';
import { Commands } from './commands.ts';
import { Pipes } from './pipes.ts';
import { PLACES } from './places.ts';
import { endEverything } from './processes.ts';
import { parseHello } from './requests.ts';
import { Router } from './router.ts';
import { canSignal } from './signalled.ts';
import { WaysOut } from './ways-out.ts';

/** A connection that says nothing does not stay. */
const HELLO_TIMEOUT_MS = 10_000;
const GENERATION_FILE = join(PLACES.run, 'generation');

const SOCKET_NAME = 'door.sock';

interface OpenDoor {
  socket: Socket;
  session: ServerHttp2Session;
}

export function serve(): void {
  refuseUnconfined();
  prepareRunDir();
  const router = new Router(
    new Commands(join(PLACES.run, 'commands'), new Pipes(join(PLACES.run, 'pipes'))),
    new WaysOut(),
  );
  let generation = readGeneration();
  let open: OpenDoor | undefined;
  router.raiseGeneration = (to) => {
    if (to > generation) writeGeneration((generation = to));
  };

  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    readHello(socket, (hello) => {
      const refusal = refuse(hello, generation);
      if (refusal) return void socket.end(`${JSON.stringify(refusal)}\n`);
      const accepted = hello as DoorHello;
      router.raiseGeneration(accepted.generation);
      if (open) replace(open);
      const welcome: DoorWelcome = { ok: true, door: DOOR_VERSION, generation };
      socket.write(`${JSON.stringify(welcome)}\n`);
      open = { socket, session: startSession(socket, router) };
      router.pump = accepted.pump;
    });
  });
  server.on('error', (error) => {
    process.stderr.write(`the door's socket: ${error.message}\n`);
    process.exit(1);
  });
  // Where the folder is not mounted its path may be longer than a socket's address can be.
  const isMounted = PLACES.run === RUN_DIR;
  if (!isMounted) process.chdir(PLACES.run);
  const socket = isMounted ? DOOR_SOCKET : SOCKET_NAME;
  server.listen(socket, () => chmodSync(socket, 0o600));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, leave);
}

/** Whom it may signal is how it tells its own from the person's: before that is sure it does nothing. */
function refuseUnconfined(): void {
  if (PLACES.outsider === undefined || !canSignal(PLACES.outsider)) return;
  process.stderr.write('signals are not confined here\n');
  process.exit(1);
}

/**
 * Where no process namespace ends with it, the runner takes along what is in the sandbox, and says so: that
 * it has ended proves nothing, since what is in the sandbox may end it.
 */
function leave(): void {
  if (PLACES.pgrep === undefined) process.exit(0);
  endEverything(undefined).then(
    (isWhole) => {
      if (isWhole) writeSync(1, `${ENDED_WHOLE}\n`);
      process.exit(isWhole ? 0 : 1);
    },
    () => process.exit(1),
  );
}

/** Says why before it closes: a backend whose channel merely broke attaches again. */
function replace({ socket, session }: OpenDoor): void {
  if (!session.destroyed) session.goaway(0, 0, Buffer.from(REPLACED));
  setImmediate(() => {
    session.destroy();
    socket.destroySoon();
  });
}

function prepareRunDir(): void {
  mkdirSync(PLACES.run, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(PLACES.run)) {
    if (name === SOCKET_NAME || name.startsWith('capture-'))
      rmSync(join(PLACES.run, name), { recursive: true, force: true });
  }
}

function readGeneration(): number {
  try {
    const value = Number(readFileSync(GENERATION_FILE, 'utf8'));
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch {
    return 0;
  }
}

/** Kept on disk too: a runner that was started again still refuses who was superseded. */
function writeGeneration(generation: number): void {
  try {
    writeFileSync(GENERATION_FILE, String(generation));
  } catch {
    // A full disk: it holds for as long as this runner lives.
  }
}

function refuse(hello: DoorHello | null, generation: number): DoorWelcome | null {
  const reason = !hello
    ? 'malformed'
    : hello.door !== DOOR_VERSION
      ? 'version'
      : hello.generation < generation
        ? 'superseded'
        : null;
  return reason === null ? null : { ok: false, reason, door: DOOR_VERSION, generation };
}

/** The first line, and nothing after it: the backend waits for the welcome before it goes on. */
function readHello(socket: Socket, then: (hello: DoorHello | null) => void): void {
  const timer = setTimeout(() => socket.destroy(), HELLO_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(timer));
  let line = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    line = Buffer.concat([line, chunk]);
    const end = line.indexOf(0x0a);
    if (end < 0 && line.length <= HELLO_LINE_BYTES) return;
    clearTimeout(timer);
    socket.off('data', onData);
    socket.pause();
    then(end === line.length - 1 ? parseHello(line.toString('utf8', 0, end)) : null);
  };
  socket.on('data', onData);
}

function startSession(socket: Socket, router: Router): ServerHttp2Session {
  const session = performServerHandshake(socket, {
    settings: { initialWindowSize: DOOR_STREAM_WINDOW_BYTES, enablePush: false },
    maxSessionMemory: DOOR_SESSION_MEMORY_MB,
  });
  session.setLocalWindowSize(DOOR_SESSION_WINDOW_BYTES);
  session.on('error', () => socket.destroy());
  session.once('close', () => socket.destroy());
  session.on('stream', (stream, headers) => void router.handle(stream, headers));
  return session;
}
