/**
 * The backend's end of one door: the handshake, then requests over HTTP/2 (protocol/door.ts).
 *
 * Whatever is wrong with the channel, or with what came over it, closes the door and is a
 * `DoorBroken`; what the runner refuses is a `CodexError`. Coming back through another channel is
 * `DoorSandbox`'s business.
 */
import { connect, constants } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { PassThrough, pipeline } from 'node:stream';
import type { Duplex, Readable } from 'node:stream';
import type { z } from 'zod';
import { CodexError, errorText } from '../../protocol/errors.ts';
import {
  ACCEPT_STREAMS,
  DOOR_SESSION_MEMORY_MB,
  DOOR_SESSION_WINDOW_BYTES,
  DOOR_STREAM_WINDOW_BYTES,
  REPLACED,
  IGNORED_HEADER,
  RESULT_TRAILER,
  TREE_HEADER,
} from '../../protocol/door.ts';
import type {
  DoorCapture,
  DoorCheckout,
  DoorCommand,
  DoorCommandResult,
  DoorCommandState,
  DoorHello,
  WayOut,
} from '../../protocol/door.ts';
import {
  CaptureHeaders,
  CommandResultAnswer,
  CommandStateAnswer,
  Failure,
  InputAnswer,
  Nothing,
} from './answers.ts';
import { DoorBroken, DoorRefused, RunnerGone } from './door-errors.ts';
import { openTerminal } from './door-terminal.ts';
import type { DoorTerminalSpec, TakeOutput } from './door-terminal.ts';
import type { Terminal } from './sandbox.ts';
import { parseJson, readWelcome } from './welcome.ts';

export { DoorBroken, DoorRefused, RunnerGone };

/** What an answer that is not bytes may hold: enough for any of ours, nothing for a flood. */
const ANSWER_BYTES = 64 * 1024;
const PACK_BUFFER_BYTES = 1024 * 1024;

/** `hello` is null when the pump on the other side says it. */
export async function openDoor(channel: Duplex, hello: DoorHello | null): Promise<Door> {
  channel.on('error', () => channel.destroy());
  try {
    if (hello) channel.write(`${JSON.stringify(hello)}\n`);
    const welcome = await readWelcome(channel);
    if (!welcome.ok) throw new DoorRefused(welcome);
    if (channel.destroyed) throw new DoorBroken('the channel closed after the welcome');
    const door = new Door(channel);
    // node:http2 takes what the channel already holds in its next tick, and throws where nobody can
    // catch it when the session was destroyed before that.
    await new Promise((resolve) => setImmediate(resolve));
    return door;
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

export class Door {
  readonly #session: ClientHttp2Session;
  readonly #channel: Duplex;
  readonly #serving = new Set<WayOut>();
  readonly closed: Promise<void>;
  /** Closed because somebody else attached. */
  replaced = false;

  constructor(channel: Duplex) {
    this.#channel = channel;
    this.#session = connect('http://door', {
      createConnection: (): Duplex => channel,
      settings: { initialWindowSize: DOOR_STREAM_WINDOW_BYTES, enablePush: false },
      maxSessionMemory: DOOR_SESSION_MEMORY_MB,
    });
    this.#session.on('error', () => this.close());
    this.#session.on('goaway', (_code, _lastStream, words) => {
      this.replaced ||= words !== undefined && Buffer.from(words).toString('latin1') === REPLACED;
    });
    this.#session.once('connect', () => {
      if (!this.#session.destroyed) this.#session.setLocalWindowSize(DOOR_SESSION_WINDOW_BYTES);
    });
    this.closed = new Promise((resolve) => {
      this.#session.once('close', () => {
        channel.destroy();
        resolve();
      });
      channel.once('close', () => this.#session.destroy());
    });
  }

  close(): void {
    this.#session.destroy();
    this.#channel.destroy();
  }

  /** Starts or joins it; `onOutput` gets what it prints from byte `after` on. */
  async command(
    callId: string,
    spec: DoorCommand,
    after: number,
    onOutput: (bytes: Buffer) => void,
  ): Promise<DoorCommandResult> {
    const stream = this.#request('POST', `/commands/${callId}?after=${after}`, JSON.stringify(spec));
    let trailers: IncomingHttpHeaders | undefined;
    stream.once('trailers', (headers: IncomingHttpHeaders) => (trailers = headers));
    await this.#accepted(stream);
    stream.on('data', onOutput).resume();
    await this.#finished(stream);
    const text = trailers?.[RESULT_TRAILER];
    return this.#checked(CommandResultAnswer, typeof text === 'string' ? parseJson(decode(text)) : undefined);
  }

  commandState(callId: string): Promise<DoorCommandState> {
    return this.#json('GET', `/commands/${callId}`, CommandStateAnswer);
  }

  /** Types into it, once for each id; false when it has ended. */
  async input(callId: string, id: string, bytes: Uint8Array): Promise<boolean> {
    const path = `/commands/${callId}/input?id=${id}`;
    return (await this.#json('PUT', path, InputAnswer, bytes)).running;
  }

  async cancel(callId: string): Promise<void> {
    await this.#json('DELETE', `/commands/${callId}`, Nothing);
  }

  async stopAll(): Promise<void> {
    await this.#json('DELETE', '/processes', Nothing);
  }

  async putFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
    const query = `path=${encodeURIComponent(path)}&mode=${mode.toString(8)}`;
    await this.#json('PUT', `/file?${query}`, Nothing, bytes);
  }

  async getFile(path: string, maxBytes: number): Promise<Buffer | null> {
    const stream = this.#request('GET', `/file?path=${encodeURIComponent(path)}&max=${maxBytes}`);
    try {
      await this.#accepted(stream);
    } catch (error) {
      if (error instanceof CodexError && error.code === 'notFound') return null;
      throw error;
    }
    return this.#read(stream, maxBytes);
  }

  async checkout(wanted: DoorCheckout): Promise<void> {
    await this.#json('POST', '/checkout', Nothing, JSON.stringify(wanted));
  }

  async capture(wanted: DoorCapture): Promise<{ tree: string; pack: Readable; ignored: number }> {
    const stream = this.#request('POST', '/capture', JSON.stringify(wanted));
    const headers = await this.#accepted(stream);
    const { tree, ignored } = this.#checked(CaptureHeaders, {
      tree: headers[TREE_HEADER],
      ignored: headers[IGNORED_HEADER],
    });
    const pack = new PassThrough({ highWaterMark: PACK_BUFFER_BYTES });
    pipeline(stream, pack, () => {});
    return { tree, ignored, pack };
  }

  /** For a door that was open before its turn was known. */
  async raiseGeneration(to: number): Promise<void> {
    await this.#json('PUT', `/generation?to=${to}`, Nothing);
  }

  /** Whether the internet proxy's port listens inside. */
  async setEgress(on: boolean): Promise<void> {
    await this.#json(on ? 'PUT' : 'DELETE', '/egress', Nothing);
  }

  terminal(id: string, spec: DoorTerminalSpec, onOutput: TakeOutput): Promise<Terminal> {
    return openTerminal(
      {
        open: (method, path) => this.#request(method, path, null),
        accepted: async (stream) => void (await this.#accepted(stream)),
        tell: (method, path) => this.#json(method, path, Nothing),
      },
      id,
      spec,
      onOutput,
    );
  }

  /** Keeps a few streams open on which the runner hands connections over. */
  serve(way: WayOut, onConnection: (stream: Duplex) => void): void {
    if (this.#serving.has(way)) return;
    this.#serving.add(way);
    for (let open = 0; open < ACCEPT_STREAMS[way]; open++) this.#accept(way, onConnection);
  }

  #accept(way: WayOut, onConnection: (stream: Duplex) => void): void {
    if (this.#session.destroyed || this.#session.closed) return;
    const stream = this.#session.request({ ':method': 'POST', ':path': `/accept?for=${way}` });
    stream.on('error', () => {});
    let answered = false;
    stream.once('response', (headers) => {
      answered = headers[':status'] === 200;
      if (answered) this.#accept(way, onConnection);
      if (answered) onConnection(stream);
      else stream.close();
    });
    // Refused or cut without an answer: the next connection needs a stream all the same, but a
    // runner that refuses each one must not keep us busy.
    stream.once('close', () => {
      if (!answered) setTimeout(() => this.#accept(way, onConnection), 1_000).unref();
    });
  }

  /** With `null` the body is the caller's to write. */
  #request(method: string, path: string, body?: string | Uint8Array | null): ClientHttp2Stream {
    if (this.#session.destroyed || this.#session.closed) throw new DoorBroken('the door is closed');
    const stream = this.#session.request(
      { ':method': method, ':path': path },
      { endStream: body === undefined },
    );
    stream.on('error', () => {});
    // A stream that ends before somebody reads it is emptied by node:http2, unless it is paused.
    stream.pause();
    if (typeof body === 'string' || body) stream.end(body);
    return stream;
  }

  /** The headers of a stream that was answered with success. */
  async #accepted(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders & { ':status'?: number }> {
    const headers = await new Promise<IncomingHttpHeaders & { ':status'?: number }>((resolve, reject) => {
      stream.once('response', resolve);
      stream.once('close', () => reject(new DoorBroken('the door closed before the answer')));
    });
    if (headers[':status'] === 200) return headers;
    // A stream whose body is still being written would not close.
    if (!stream.writableEnded) stream.end();
    const text = (await this.#read(stream, ANSWER_BYTES)).toString('utf8');
    const failure = this.#checked(Failure, parseJson(text));
    const detail = failure.detail;
    switch (failure.reason) {
      case 'badRequest':
        throw new CodexError('badRequest', {}, { detail });
      case 'notFound':
        throw new CodexError('notFound', {}, { detail });
      case 'busy':
        throw new CodexError('conflict', {}, { detail });
      case 'gitFailed':
        throw new CodexError('gitFailed', { detail }, { detail });
      case 'unreadable':
        throw new CodexError('resultUnreadable', { detail }, { detail });
      case 'noTerminal':
        throw new CodexError('terminalUnavailable', { missing: 'perl', detail }, { detail });
      case 'io':
        throw new CodexError('internal', {}, { detail: `in the sandbox: ${detail}` });
    }
  }

  async #json<T>(method: string, path: string, schema: z.ZodType<T>, body?: string | Uint8Array): Promise<T> {
    const stream = this.#request(method, path, body);
    await this.#accepted(stream);
    return this.#checked(schema, parseJson((await this.#read(stream, ANSWER_BYTES)).toString('utf8')));
  }

  async #read(stream: ClientHttp2Stream, maxBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) this.close();
      else chunks.push(chunk);
    });
    stream.resume();
    await this.#finished(stream);
    if (length > maxBytes) throw new DoorBroken('the sandbox answered more than was asked for');
    return Buffer.concat(chunks);
  }

  /** Ends with the stream, trailers included; a stream that was cut is no end. */
  #finished(stream: ClientHttp2Stream): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        if (stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.readableEnded) resolve();
        else reject(new DoorBroken('the door closed in the middle of an answer'));
      };
      if (stream.closed && stream.destroyed) settle();
      else stream.once('close', settle);
    });
  }

  #checked<T>(schema: z.ZodType<T>, value: unknown): T {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.close();
    throw new DoorBroken(
      `the sandbox answered something malformed: ${errorText(parsed.error).slice(0, 500)}`,
    );
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
