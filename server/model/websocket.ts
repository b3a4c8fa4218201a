/**
 * The Responses API over a WebSocket that stays open between the requests of a conversation, so that
 * each sends only what is new since the last response.
 *
 * In order: take the conversation's line, or open one (an upgrade that fails is `NoWebSocket`, never a
 * failed request) → send the new items with `previous_response_id` when nothing else changed, all of
 * them otherwise → read events up to the response's end → keep the line for the next request. A line
 * on which anything went wrong is closed: what the other side still sends could be taken for the next
 * answer. The server keeps the response it goes on from on the line alone (`store: false`).
 */
import { isDeepStrictEqual } from 'node:util';
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { readItem, toHistory } from './items.ts';
import type { ResponseItem } from './model.ts';
import { ModelFailure } from './retries.ts';
import {
  MAX_RESPONSE_BYTES,
  tooLarge,
  type CreateBody,
  type StreamEvent,
  type Transport,
  type Try,
} from './transport.ts';

export const WEBSOCKET_CONNECT_MS = 15_000;
/** Beyond it a line is more likely dead than alive, and nobody would be told. */
export const WEBSOCKET_KEEP_MS = 3 * 60_000;
const MAX_KEPT_LINES = 16;
const BETA_HEADER = { 'OpenAI-Beta': 'responses_websockets=2026-02-06' };

/** There is no WebSocket to be had. `refused`: the server said so, and would say so again. */
export class NoWebSocket extends Error {
  readonly refused: boolean;

  constructor(refused: boolean, message: string) {
    super(message);
    this.refused = refused;
  }
}

type Rest = Omit<CreateBody, 'input' | 'stream'>;

function restOf(body: CreateBody): Rest {
  const rest: Partial<CreateBody> = { ...body };
  delete rest.input;
  // Over a WebSocket there is nothing but streams.
  delete rest.stream;
  return rest;
}

type Message = OpenAI.Responses.ResponsesClientEvent.ResponseCreate;

export function webSocketTransport(api: OpenAI): Transport {
  const kept = new KeptLines();

  async function* events(body: CreateBody, options: Try): AsyncGenerator<StreamEvent> {
    const { input } = body;
    const rest = restOf(body);
    const key = body.prompt_cache_key ?? '';
    let line = kept.take(key);
    for (let opened = 0; ;) {
      if (line === null) {
        line = await Line.open(api, options.signal);
        opened++;
      }
      let heard = false;
      let keep = false;
      try {
        for await (const event of line.ask(rest, input, options.signal)) {
          heard = true;
          keep = event.type === 'response.completed';
          // Before the event goes out: nobody asks for another one after the last.
          if (keep) kept.keep(key, line);
          yield event;
          if (keep) return;
        }
        return;
      } catch (error) {
        if (heard || options.signal.aborted || opened > 1) throw error;
        if (error instanceof Forgotten && error.lineIsGood) {
          keep = true;
          continue;
        }
        if (!(error instanceof Forgotten || error instanceof LineBroke) || !line.wasUsed) throw error;
        line.close();
        line = null;
      } finally {
        if (!keep) line?.close();
      }
    }
  }

  return { events };
}

/** The line broke; on one that was kept since the last request that is no failure of the server's. */
class LineBroke extends ModelFailure {
  constructor(message: string) {
    super('streamCut', message);
  }
}

/** The server has lost what the line was to go on from, or wants a new line: no failure either. */
class Forgotten extends ModelFailure {
  readonly lineIsGood: boolean;

  constructor(lineIsGood: boolean, message: string) {
    super('streamCut', message);
    this.lineIsGood = lineIsGood;
  }
}

interface Memory {
  rest: Rest;
  /** All that the server knows of the conversation, as our history has it. */
  items: ResponseItem[];
  id: string;
}

class Line {
  keptSince = 0;
  wasUsed = false;
  readonly #ws: ResponsesWS;
  #memory: Memory | null = null;
  #queue: ({ event: StreamEvent } | { broken: Error })[] = [];
  #wake: () => void = () => {};
  #bytes = 0;
  #closed = false;

  /** Throws `NoWebSocket`, whatever the reason. */
  static async open(api: OpenAI, signal: AbortSignal): Promise<Line> {
    let ws: ResponsesWS;
    try {
      ws = new ResponsesWS(api, {
        headers: BETA_HEADER,
        handshakeTimeout: WEBSOCKET_CONNECT_MS,
        maxPayload: MAX_RESPONSE_BYTES,
      });
    } catch (error) {
      throw new NoWebSocket(true, error instanceof Error ? error.message : 'No WebSocket.');
    }
    const line = new Line(ws);
    const socket = ws.socket.platformSocket;
    const abort = () => socket.terminate();
    signal.addEventListener('abort', abort);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('unexpected-response', (request, response) => {
          request.destroy();
          // Too many requests, or a server that is just down: that passes.
          const status = response.statusCode ?? 0;
          reject(new NoWebSocket(status !== 429 && status < 500, `The upgrade was answered with ${status}.`));
        });
        socket.once('close', () => reject(new NoWebSocket(false, 'The upgrade failed.')));
        if (signal.aborted) abort();
      });
      return line;
    } catch (error) {
      line.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  private constructor(ws: ResponsesWS) {
    this.#ws = ws;
    ws.on('event', (event) => this.#push({ event: event as StreamEvent }));
    ws.on('raw', () => this.#break(new ModelFailure('garbage', 'What came is not JSON.')));
    ws.on('error', (error) => {
      // An event that says error comes as an event too.
      if (error.error !== undefined) return;
      const nonsense = error.cause === undefined && ws.socket.readyState === WebSocket.OPEN;
      this.#break(nonsense ? new ModelFailure('garbage', error.message) : new LineBroke(error.message));
    });
    ws.on('close', () => this.#break(new LineBroke('The connection was closed.')));
    ws.socket.on('message', (data: string | Buffer) => {
      this.#bytes += data.length;
      if (this.#bytes > MAX_RESPONSE_BYTES) this.#break(tooLarge());
    });
    ws.socket.platformSocket.once('upgrade', ({ socket }) => {
      socket.setKeepAlive(true, 30_000);
      this.#ref = (on) => (on ? socket.ref() : socket.unref());
    });
  }

  /** A kept line is no reason for a process to go on. */
  #ref: (on: boolean) => void = () => {};

  get isOpen(): boolean {
    return !this.#closed;
  }

  async *ask(rest: Rest, input: ResponseItem[], signal: AbortSignal): AsyncGenerator<StreamEvent> {
    const message = this.#message(rest, input);
    const stop = () => this.#break(new LineBroke('The request was given up.'));
    signal.addEventListener('abort', stop);
    this.#memory = null;
    this.#bytes = 0;
    try {
      if (signal.aborted) stop();
      this.#ref(true);
      this.#ws.send(message);
      const output: ResponseItem[] = [];
      let known = true;
      for (;;) {
        const event = await this.#next();
        if (event.type === 'error') throw failureOf(event, message.previous_response_id != null);
        if (event.type === 'response.output_item.done') {
          const item = asHistory(event.item);
          if (item === null) known = false;
          else output.push(item);
        }
        if (event.type === 'response.completed') {
          const { id, output: all } = event.response;
          if (known && output.length > 0 && output.length === all.length) {
            this.#memory = { rest, items: [...input, ...output], id };
          }
          this.wasUsed = true;
          yield event;
          return;
        }
        yield event;
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** While nobody asks, whatever comes ends the line. */
  keep(onGone: () => void): void {
    this.keptSince = Date.now();
    this.#ref(false);
    this.#wake = onGone;
  }

  taken(): void {
    this.#wake = () => {};
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ws.close();
    this.#ws.socket.platformSocket.terminate();
  }

  #message(rest: Rest, input: ResponseItem[]): Message {
    const memory = this.#memory;
    const created = { type: 'response.create' as const, ...rest };
    if (memory === null || !isDeepStrictEqual(memory.rest, rest)) return { ...created, input };
    const known = memory.items.length;
    if (input.length <= known || !memory.items.every((item, at) => isDeepStrictEqual(item, input[at]))) {
      return { ...created, input };
    }
    return { ...created, previous_response_id: memory.id, input: input.slice(known) };
  }

  async #next(): Promise<StreamEvent> {
    while (this.#queue.length === 0) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const [next] = this.#queue.splice(0, 1);
    if (next === undefined) throw new LineBroke('Nothing came.');
    if ('broken' in next) throw next.broken;
    return next.event;
  }

  #push(entry: { event: StreamEvent } | { broken: Error }): void {
    this.#queue.push(entry);
    this.#wake();
  }

  #break(broken: Error): void {
    if (this.#closed) return;
    this.close();
    this.#push({ broken });
  }
}

/** The lines that wait for their conversation's next request. */
class KeptLines {
  readonly #lines: { key: string; line: Line; timer: NodeJS.Timeout }[] = [];

  take(key: string): Line | null {
    const found = this.#lines.find((kept) => kept.key === key);
    if (found === undefined) return null;
    this.#drop(found.line);
    found.line.taken();
    if (found.line.isOpen && Date.now() - found.line.keptSince < WEBSOCKET_KEEP_MS) return found.line;
    found.line.close();
    return null;
  }

  keep(key: string, line: Line): void {
    const timer = setTimeout(() => this.#end(line), WEBSOCKET_KEEP_MS);
    timer.unref();
    this.#lines.push({ key, line, timer });
    line.keep(() => this.#end(line));
    const [oldest] = this.#lines;
    if (this.#lines.length > MAX_KEPT_LINES && oldest !== undefined) this.#end(oldest.line);
  }

  #end(line: Line): void {
    this.#drop(line);
    line.close();
  }

  #drop(line: Line): void {
    const at = this.#lines.findIndex((kept) => kept.line === line);
    if (at < 0) return;
    clearTimeout(this.#lines[at]?.timer);
    this.#lines.splice(at, 1);
  }
}

/** An item as the next request will have it; null for one that it won't have. */
function asHistory(raw: unknown): ResponseItem | null {
  const item = readItem(raw);
  return item === null || item === 'malformed' ? null : toHistory(item);
}

const FORGOTTEN = 'previous_response_not_found';
/** Lines are closed after an hour by OpenAI's servers. */
const LINE_IS_OLD = 'websocket_connection_limit_reached';

/** An event that says error has the parts of an HTTP answer, or the flat ones of a stream. */
function failureOf(event: object, wentOn: boolean): Error {
  const { status, error, headers } = event as { status?: unknown; error?: unknown; headers?: unknown };
  const body = (typeof error === 'object' && error !== null ? error : event) as Record<string, unknown>;
  if (body['code'] === FORGOTTEN && wentOn) return new Forgotten(true, FORGOTTEN);
  if (body['code'] === LINE_IS_OLD) return new Forgotten(false, LINE_IS_OLD);
  return new OpenAI.APIError(
    typeof status === 'number' ? status : undefined,
    body,
    undefined,
    headersOf(body['headers'] ?? headers),
  );
}

function headersOf(value: unknown): Headers {
  const headers = new Headers();
  if (typeof value !== 'object' || value === null) return headers;
  for (const [name, text] of Object.entries(value)) {
    if (/^retry-after(-ms)?$/i.test(name) && typeof text === 'string') headers.set(name, text);
  }
  return headers;
}
