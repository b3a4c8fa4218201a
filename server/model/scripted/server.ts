/**
 * The scripted model: an HTTP server that plays a script over the real Responses wire format, for the
 * demo without a key, for tests, and for measuring. It knows nothing of the agent: whatever speaks the
 * Responses API can talk to it, the Codex CLI included.
 *
 * In order, per request: check it as the real API would (400 with a reason) → read off which step of
 * the script comes next → misbehave, if the step says so → send its events. Listens on loopback only.
 * Must never: keep state that a restart would lose, but for the count of faults already played.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkRequest, prefixHashes, situationOf, type WireRequest } from './request.ts';
import { chooseStep, parseScript, titleStep, type Fault, type PlayedStep, type Script } from './script.ts';
import { failedEvents, incompleteEvents, play, tokens } from './wire.ts';

export const SCRIPTED_MODEL_NAME = 'scripted';
/** A history of many turns with long outputs stays under this. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Kept for whoever looks at them afterwards. */
const KEPT_REQUESTS = 500;
const KEPT_CONVERSATIONS = 1_000;
const TITLE_KEY_SUFFIX = '-title';

export interface ScriptedModelOptions {
  /** YAML, or what `parseScript` made of it. */
  script: string | Script;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Any key is taken when none is given. */
  apiKey?: string;
}

export interface ScriptedRequest {
  at: number;
  body: unknown;
  /** Which step answered, or why none did. */
  step: string;
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
  close(): Promise<void>;
}

export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  const script = typeof options.script === 'string' ? parseScript(options.script) : options.script;
  const requests: ScriptedRequest[] = [];
  const titles: ScriptedRequest[] = [];
  const problems: string[] = [];
  const faultsPlayed = new Map<string, number>();
  const prefixes = new Map<string, { hash: string; tokens: number }>();

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) sendError(response, 500, 'server_error', String(error));
      else response.destroy();
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
      sendError(response, 401, 'invalid_api_key', 'Incorrect API key provided.');
      return;
    }
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (request.method === 'GET' && path.endsWith('/models')) {
      sendJson(response, 200, { object: 'list', data: [modelObject()], models: [] });
      return;
    }
    if (request.method !== 'POST' || !path.endsWith('/responses')) {
      sendError(response, 404, 'not_found', `There is no ${request.method} ${path}.`);
      return;
    }
    const body = await readJson(request);
    const record: ScriptedRequest = { at: Date.now(), body, step: '' };
    requests.push(record);
    if (requests.length > KEPT_REQUESTS) requests.shift();
    const checked = checkRequest(body);
    if (!checked.ok) {
      record.step = `400: ${checked.message}`;
      sendError(response, 400, 'invalid_request_error', checked.message, {}, checked.param);
      return;
    }
    const isTitle = checked.request.prompt_cache_key?.endsWith(TITLE_KEY_SUFFIX) === true;
    if (isTitle) titles.push(...requests.splice(requests.indexOf(record), 1));
    const cached = isTitle ? 0 : notePrefix(checked.request);
    const step = (isTitle ? titleStep : chooseStep)(script, situationOf(checked.request));
    record.step = step.key;
    if (step.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, step.delayMs));
    const fault = faultNow(checked.request, step);
    if (fault) playFault(response, checked.request, step, fault);
    else await stream(response, play(step, checked.request, cached).events);
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function playFault(response: ServerResponse, request: WireRequest, step: PlayedStep, fault: Fault): void {
  switch (fault.kind) {
    case 'status':
      sendError(response, fault.status, fault.code ?? codeOf(fault.status), fault.message, fault.headers);
      return;
    case 'cut': {
      const { events, cuts } = play(step, request, 0);
      openStream(response);
      for (const event of events.slice(0, cuts[fault.after])) sendEvent(response, event);
      // Out first, then the break: what was sent before it does arrive.
      response.write(': cut\n\n', () => setTimeout(() => response.destroy(), 20));
      return;
    }
    case 'garbage':
      openStream(response);
      response.end('event: response.created\ndata: {"type": "response.created", oops\n\n');
      return;
    case 'failed':
      openStream(response);
      for (const event of failedEvents(request, fault.code ?? 'server_error', fault.message)) {
        sendEvent(response, event);
      }
      response.end();
      return;
    case 'incomplete':
      openStream(response);
      for (const event of incompleteEvents(request)) sendEvent(response, event);
      response.end();
      return;
    case 'hang':
      openStream(response);
      response.flushHeaders();
      return;
  }
}

async function stream(response: ServerResponse, events: { type: string }[]): Promise<void> {
  openStream(response);
  for (const event of events) {
    if (!sendEvent(response, event) && !response.destroyed) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve);
        response.once('close', resolve);
      });
    }
  }
  response.end();
}

function openStream(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
}

function sendEvent(response: ServerResponse, event: { type: string }): boolean {
  return response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

function sendError(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
  param: string | null = null,
): void {
  const type = status === 400 ? 'invalid_request_error' : code;
  sendJson(response, status, { error: { message, type, param, code } }, headers);
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
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
