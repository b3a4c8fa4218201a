/**
 * The scripted model: an HTTP server that plays a script over the real wire formats, for the demo
 * without a key, for tests, and for measuring: the Responses API as events over HTTP and over
 * WebSockets, and Chat Completions. It knows nothing of the agent: whatever speaks one of them can talk
 * to it, the Codex CLI included.
 *
 * In order, per request: check it as the real API would (400 with a reason) → read off which step of
 * the script comes next → misbehave, if the step says so → send its events. Listens on loopback only.
 * Must never: keep state that a restart would lose, but for the count of faults already played and what
 * a WebSocket goes on from.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chunkLines, readChat } from './chat.ts';
import { eventLines, httpOutlet, sendJson, sendRefusal, type Outlet } from './outlets.ts';
import { checkRequest, prefixHashes, situationOf, type WireRequest } from './request.ts';
import { chooseStep, parseScript, titleStep, type Fault, type PlayedStep, type Script } from './script.ts';
import { acceptSockets } from './sockets.ts';
import { failedEvents, incompleteEvents, play, tokens, type Event } from './wire.ts';

export const SCRIPTED_MODEL_NAME = 'scripted';
/** A history of many turns with long outputs stays under this. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Kept for whoever looks at them afterwards. */
const KEPT_REQUESTS = 500;
const KEPT_CONVERSATIONS = 1_000;
const TITLE_KEY_SUFFIX = '-title';

export type ScriptedWire = 'responses' | 'chat';

export interface ScriptedModelOptions {
  /** YAML, or what `parseScript` made of it. */
  script: string | Script;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Any key is taken when none is given. */
  apiKey?: string;
  /** Which APIs there are; both, if nothing is said. */
  wires?: readonly ScriptedWire[];
  /** The status with which upgrades to a WebSocket are refused; absent: they are taken. */
  refuseUpgrade?: number;
  onUpgrade?: () => void;
  /** Has the last word on the events of a response: for what no script says. */
  rewrite?: (events: Event[], request: WireRequest) => Event[];
}

export interface ScriptedRequest {
  at: number;
  via: 'http' | 'webSocket' | 'chat';
  /** As it came, but over a WebSocket: there it is what it stands for, and `sent` what came. */
  body: unknown;
  sent: unknown;
  /** Which step answered, or why none did. */
  step: string;
  /** What it has beyond the published schema, though it was taken. */
  beyond: string[];
}

export interface ScriptedModel {
  /** The base URL for a client, with `/v1`. */
  url: string;
  port: number;
  /** The newest requests, oldest first. */
  readonly requests: ScriptedRequest[];
  /** Requests for titles: these are not among the others. */
  readonly titles: ScriptedRequest[];
  /** What the real API would charge for or refuse, though it was answered: a prefix that changed. */
  readonly problems: string[];
  /** How many requests went to what is not there. */
  readonly missed: number;
  /** Breaks every connection there is; the next request is answered again. */
  breakConnections(): void;
  close(): Promise<void>;
}

export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  const script = typeof options.script === 'string' ? parseScript(options.script) : options.script;
  const wires = options.wires ?? ['responses', 'chat'];
  const requests: ScriptedRequest[] = [];
  const titles: ScriptedRequest[] = [];
  const problems: string[] = [];
  let missed = 0;
  const faultsPlayed = new Map<string, number>();
  const prefixes = new Map<string, { hash: string; tokens: number }>();

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendRefusal(response, { status: 500, code: 'server_error', message: String(error) });
    });
  });
  if (options.onUpgrade) server.on('upgrade', options.onUpgrade);
  const sockets = acceptSockets(server, {
    refuse: options.refuseUpgrade ?? (wires.includes('responses') ? undefined : 404),
    allows,
    maxBytes: MAX_BODY_BYTES,
    answer: (body, sent, outlet) => answer(note('webSocket', body, sent), outlet),
  });

  function allows(request: IncomingMessage): boolean {
    return options.apiKey === undefined || request.headers.authorization === `Bearer ${options.apiKey}`;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!allows(request)) {
      const message = 'Incorrect API key provided.';
      sendRefusal(response, { status: 401, code: 'invalid_api_key', message });
      return;
    }
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (request.method === 'GET' && path.endsWith('/models')) {
      sendJson(response, 200, { object: 'list', data: [modelObject()], models: [] });
      return;
    }
    const isPost = request.method === 'POST';
    if (isPost && path.endsWith('/chat/completions') && wires.includes('chat')) {
      await handleChat(await readJson(request), response);
    } else if (isPost && path.endsWith('/responses') && wires.includes('responses')) {
      const body = await readJson(request);
      await answer(note('http', body, body), httpOutlet(response, eventLines));
    } else {
      missed++;
      const message = `There is no ${request.method} ${path}.`;
      sendRefusal(response, { status: 404, code: 'not_found', message });
    }
  }

  async function handleChat(body: unknown, response: ServerResponse): Promise<void> {
    const record = note('chat', body, body);
    const read = readChat(body);
    if (!read.ok) {
      record.step = `400: ${read.message}`;
      sendRefusal(response, { status: 400, code: 'invalid_request_error', ...read });
      return;
    }
    await answer(record, httpOutlet(response, chunkLines(read.withUsage)), read.body);
  }

  function note(via: ScriptedRequest['via'], body: unknown, sent: unknown): ScriptedRequest {
    const record: ScriptedRequest = { at: Date.now(), via, body, sent, step: '', beyond: [] };
    requests.push(record);
    if (requests.length > KEPT_REQUESTS) requests.shift();
    return record;
  }

  /** What the response was, where it came to its end. */
  async function answer(record: ScriptedRequest, outlet: Outlet, body = record.body) {
    const checked = checkRequest(body);
    if (!checked.ok) {
      record.step = `400: ${checked.message}`;
      const { message, param } = checked;
      outlet.refuse({ status: 400, code: 'invalid_request_error', message, param });
      return null;
    }
    record.beyond = checked.beyond;
    const isTitle = checked.request.prompt_cache_key?.endsWith(TITLE_KEY_SUFFIX) === true;
    if (isTitle) titles.push(...requests.splice(requests.indexOf(record), 1));
    const cached = isTitle ? 0 : notePrefix(checked.request);
    const step = (isTitle ? titleStep : chooseStep)(script, situationOf(checked.request));
    record.step = step.key;
    if (step.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, step.delayMs));
    const fault = faultNow(checked.request, step);
    if (fault) {
      await playFault(outlet, checked.request, step, fault);
      return null;
    }
    const played = play(step, checked.request, cached).events;
    const events = options.rewrite?.(played, checked.request) ?? played;
    for (const event of events) await outlet.event(event);
    outlet.end();
    const last = events.at(-1);
    return last?.type === 'response.completed' ? last.response : null;
  }

  /** How much of the request a prompt cache would know. */
  function notePrefix(request: WireRequest): number {
    const key = request.prompt_cache_key;
    if (key == null) return 0;
    const hashes = prefixHashes(request);
    const last = prefixes.get(key);
    const kept = last !== undefined && hashes.includes(last.hash);
    if (last !== undefined && !kept) problems.push(`The conversation ${key} was rewritten.`);
    prefixes.delete(key);
    prefixes.set(key, { hash: hashes.at(-1) ?? '', tokens: tokens(request.input) });
    const [oldest] = prefixes.keys();
    if (prefixes.size > KEPT_CONVERSATIONS && oldest !== undefined) prefixes.delete(oldest);
    return kept ? last.tokens : 0;
  }

  function faultNow(request: WireRequest, step: PlayedStep): Fault | null {
    if (!step.fault) return null;
    const turns = request.input.filter((item) => item.type === 'message' && item.role === 'user').length;
    const key = JSON.stringify([request.prompt_cache_key, turns, step.key]);
    const played = faultsPlayed.get(key) ?? 0;
    if (played >= step.fault.times) return null;
    faultsPlayed.set(key, played + 1);
    return step.fault;
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    titles,
    problems,
    get missed() {
      return missed;
    },
    breakConnections: () => {
      sockets.terminate();
      server.closeAllConnections();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        sockets.close();
        server.closeAllConnections();
      }),
  };
}

async function playFault(
  outlet: Outlet,
  request: WireRequest,
  step: PlayedStep,
  fault: Fault,
): Promise<void> {
  switch (fault.kind) {
    case 'status': {
      const { status, message, headers } = fault;
      outlet.refuse({ status, code: fault.code ?? codeOf(status), message, headers });
      return;
    }
    case 'cut': {
      const { events, cuts } = play(step, request, 0);
      const end = typeof fault.after === 'number' ? fault.after : cuts[fault.after];
      for (const event of events.slice(0, end)) await outlet.event(event);
      outlet.cut();
      return;
    }
    case 'garbage':
      outlet.garbage();
      return;
    case 'failed':
      for (const event of failedEvents(request, fault.code ?? 'server_error', fault.message)) {
        await outlet.event(event);
      }
      outlet.end();
      return;
    case 'incomplete':
      for (const event of incompleteEvents(request)) await outlet.event(event);
      outlet.end();
      return;
    case 'hang':
      outlet.hang();
      return;
  }
}

function codeOf(status: number): string {
  if (status === 401) return 'invalid_api_key';
  if (status === 429) return 'rate_limit_exceeded';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function modelObject(): object {
  return { id: SCRIPTED_MODEL_NAME, object: 'model', created: 0, owned_by: 'script' };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('The request is too large.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
