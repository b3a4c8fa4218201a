/** One request of the backend to what answers it; see protocol/door.ts for the table. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import {
  DOOR_INPUT_BYTES,
  DOOR_TEXT_BYTES,
  IGNORED_HEADER,
  RESULT_TRAILER,
  TREE_HEADER,
} from '../protocol/door.ts';
import type { DoorFailure } from '../protocol/door.ts';
import { capture } from './capture.ts';
import { checkout } from './checkout.ts';
import type { Command } from './command.ts';
import type { Commands } from './commands.ts';
import { DoorRefusal, refusalStatus } from './failure.ts';
import { openFile, putFile, readUpTo } from './files.ts';
import { endEverything } from './processes.ts';
import {
  asCallId,
  asCells,
  asCapture,
  asCheckout,
  asCommand,
  asCount,
  asPath,
  asWayOut,
  readBytes,
  readJson,
} from './requests.ts';
import { Terminals } from './terminals.ts';
import type { WaysOut } from './ways-out.ts';

const CHUNK_BYTES = 256 * 1024;
const DEFAULT_MODE = 0o644;

export class Router {
  readonly #commands: Commands;
  readonly #waysOut: WaysOut;
  readonly #terminals = new Terminals();
  /** The process behind the open door. */
  pump: number | undefined;
  /** Doors of a lower generation are refused from then on. */
  raiseGeneration: (generation: number) => void = () => {};
  /** Checkout and capture rewrite whole folders: one at a time. */
  #gitBusy = false;

  constructor(commands: Commands, waysOut: WaysOut) {
    this.#commands = commands;
    this.#waysOut = waysOut;
  }

  async handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => {});
    try {
      await this.#route(stream, String(headers[':method']), new URL(String(headers[':path']), 'http://door'));
    } catch (error) {
      refuse(stream, error);
    }
  }

  async #route(stream: ServerHttp2Stream, method: string, url: URL): Promise<void> {
    const typed = /^\/commands\/([^/]+)\/input$/.exec(url.pathname)?.[1];
    if (typed !== undefined && method === 'PUT') return this.#input(stream, asCallId(typed), url);
    const callId = /^\/commands\/([^/]+)$/.exec(url.pathname)?.[1];
    if (callId !== undefined) return this.#command(stream, method, asCallId(callId), url);
    const terminal = /^\/terminals\/([^/]+)$/.exec(url.pathname)?.[1];
    if (terminal !== undefined) return this.#terminal(stream, method, asCallId(terminal), url);
    switch (`${method} ${url.pathname}`) {
      case 'POST /accept':
        return this.#waysOut.of(asWayOut(url.searchParams.get('for'))).accept(stream);
      case 'PUT /egress':
      case 'DELETE /egress':
        await this.#waysOut.setEgress(method === 'PUT');
        return json(stream, {});
      case 'PUT /generation':
        this.raiseGeneration(asCount(url.searchParams.get('to'), 'to'));
        return json(stream, {});
      case 'DELETE /processes':
        await endEverything(this.pump);
        return json(stream, {});
      case 'PUT /file':
        await putFile(asPath(url.searchParams.get('path'), 'path'), modeOf(url), stream);
        return json(stream, {});
      case 'GET /file':
        return sendFile(
          stream,
          asPath(url.searchParams.get('path'), 'path'),
          asCount(url.searchParams.get('max'), 'max'),
        );
      case 'POST /checkout': {
        const wanted = asCheckout(await readJson(stream));
        await this.#alone(() => checkout(wanted));
        return json(stream, {});
      }
      case 'POST /capture': {
        const wanted = asCapture(await readJson(stream));
        return this.#alone(() => sendCapture(stream, wanted));
      }
      default:
        throw new DoorRefusal('notFound', `${method} ${url.pathname}`);
    }
  }

  async #command(stream: ServerHttp2Stream, method: string, callId: string, url: URL): Promise<void> {
    switch (method) {
      case 'POST': {
        const after = asCount(url.searchParams.get('after') ?? '0', 'after');
        const spec = asCommand(await readJson(stream));
        return follow(stream, this.#commands.start(callId, spec), after);
      }
      case 'GET':
        return json(stream, this.#commands.state(callId));
      case 'DELETE':
        this.#commands.get(callId)?.cancel();
        return json(stream, {});
      default:
        throw new DoorRefusal('notFound', method);
    }
  }

  /** The whole body first: what broke off is sent again, and typed as a whole or not at all. */
  async #input(stream: ServerHttp2Stream, callId: string, url: URL): Promise<void> {
    const id = asCallId(url.searchParams.get('id') ?? '');
    const bytes = await readBytes(stream, DOOR_INPUT_BYTES);
    const command = this.#commands.get(callId);
    if (!command) throw new DoorRefusal('notFound', 'no such command');
    return json(stream, { running: command.typeOnce(id, bytes) });
  }

  async #terminal(stream: ServerHttp2Stream, method: string, id: string, url: URL): Promise<void> {
    switch (method) {
      case 'POST':
        return this.#terminals.serve(id, stream);
      case 'PUT': {
        const { searchParams } = url;
        const taken = searchParams.get('taken');
        if (taken !== null) this.#terminals.taken(id, asCount(taken, 'taken'));
        else
          this.#terminals.resize(
            id,
            asCells(Number(searchParams.get('columns'))),
            asCells(Number(searchParams.get('rows'))),
          );
        return json(stream, {});
      }
      default:
        throw new DoorRefusal('notFound', method);
    }
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#gitBusy) throw new DoorRefusal('busy', 'a checkout or capture is under way');
    this.#gitBusy = true;
    try {
      await work();
    } finally {
      this.#gitBusy = false;
    }
  }
}

/** Output from byte `after` on, as fast as the reader takes it and no faster, then the result. */
async function follow(stream: ServerHttp2Stream, command: Command, after: number): Promise<void> {
  stream.respond({ ':status': 200 }, { waitForTrailers: true });
  stream.once('wantTrailers', () => {
    stream.sendTrailers({ [RESULT_TRAILER]: encodeURIComponent(JSON.stringify(command.result ?? null)) });
  });
  let fd: number | undefined;
  try {
    for (let at = after; ;) {
      if (stream.destroyed) return;
      if (at < command.kept) {
        fd ??= openSync(command.outPath, 'r');
        const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, command.kept - at));
        const read = readSync(fd, buffer, 0, buffer.length, at);
        if (read === 0) break;
        at += read;
        if (!stream.write(buffer.subarray(0, read))) await settled(stream, 'drain');
      } else if (command.result) break;
      else await changeOf(command, stream);
    }
    stream.end();
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function changeOf(command: Command, stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      forget();
      stream.off('close', done);
      resolve();
    };
    const forget = command.onChange(done);
    stream.once('close', done);
  });
}

function settled(stream: ServerHttp2Stream, event: 'drain'): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    const done = (): void => {
      stream.off(event, done);
      stream.off('close', done);
      resolve();
    };
    stream.once(event, done);
    stream.once('close', done);
  });
}

async function sendFile(stream: ServerHttp2Stream, path: string, maxBytes: number): Promise<void> {
  const fd = openFile(path);
  if (fd === null) throw new DoorRefusal('notFound', 'no regular file');
  try {
    stream.respond({ ':status': 200 });
    await pipeline(readUpTo(fd, maxBytes), stream);
  } finally {
    closeSync(fd);
  }
}

async function sendCapture(stream: ServerHttp2Stream, wanted: ReturnType<typeof asCapture>): Promise<void> {
  const { tree, ignored, packPath, dispose } = await capture(wanted);
  try {
    if (stream.destroyed) return;
    stream.respond({ ':status': 200, [TREE_HEADER]: tree, [IGNORED_HEADER]: String(ignored) });
    await pipeline(createReadStream(packPath, { highWaterMark: CHUNK_BYTES }), stream);
  } finally {
    dispose();
  }
}

function modeOf(url: URL): number {
  const mode = url.searchParams.get('mode');
  return mode !== null && /^[0-7]{1,4}$/.test(mode) ? parseInt(mode, 8) : DEFAULT_MODE;
}

function json(stream: ServerHttp2Stream, value: object): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify(value));
}

/** Once the answer has begun only a broken stream can say that it failed. */
function refuse(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed) return;
  if (stream.headersSent) return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  const reason = error instanceof DoorRefusal ? error.reason : 'io';
  const detail = error instanceof Error ? error.message : String(error);
  const failure: DoorFailure = { reason, detail: detail.slice(0, DOOR_TEXT_BYTES) };
  stream.respond({ ':status': refusalStatus(reason), 'content-type': 'application/json' });
  stream.end(JSON.stringify(failure));
}
