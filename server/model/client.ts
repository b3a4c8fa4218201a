/**
 * The Responses API, streamed: one request at a time, repeated by class of failure (`retries.ts`).
 *
 * In order: build the request (always `store: false`, the whole history each time) → read events, each
 * within the idle time → hand over every item as it is complete → only `response.completed` ends a
 * stream well. A request whose tool call has been handed over is never repeated, since the call may be
 * running: what came is returned as `cut`. The key goes into the request's header and nowhere else.
 */
import OpenAI from 'openai';
import { CodexError } from '../../protocol/errors.ts';
import type { Usage } from '../../protocol/events.ts';
import { isToolCall, readItem, shownItemId, type KnownItem } from './items.ts';
import type {
  ModelClient,
  ModelHooks,
  ModelRequest,
  ModelResponse,
  ModelSettings,
  OutputItem,
} from './model.ts';
import {
  classify,
  failureError,
  kindOf,
  ModelFailure,
  RETRIES,
  retryDelay,
  type FailureKind,
} from './retries.ts';
import { shellVariant } from './shell-variant.ts';

/** Between two events; the pause while a model thinks is long, and comments do not count as events. */
export const STREAM_IDLE_MS = 5 * 60_000;
/** A response is text; a server that sends more than this is broken or hostile. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** How long the `doctor` waits for an answer. */
export const CHECK_TIMEOUT_MS = 10_000;
/** More calls than this in one response are no plan but a loop. */
export const MAX_ITEMS_PER_RESPONSE = 256;

export interface ClientOptions {
  idleMs?: number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export function createModelClient(settings: ModelSettings, options: ClientOptions = {}): ModelClient {
  const { idleMs = STREAM_IDLE_MS, sleep = abortableSleep } = options;
  const api = openApi(settings);
  // What a server refuses to hear about reasoning is not said again: see `lessReasoning`.
  let reasoning: ReasoningLevel = 'summaries';

  async function respond(
    request: ModelRequest,
    hooks: ModelHooks,
    signal: AbortSignal,
  ): Promise<ModelResponse> {
    const tried = new Map<FailureKind, number>();
    for (;;) {
      if (signal.aborted) throw new CodexError('cancelled');
      const collected = new Collected(hooks);
      try {
        return await stream(request, collected, hooks, signal);
      } catch (thrown) {
        if (signal.aborted) throw new CodexError('cancelled');
        if (thrown instanceof CodexError) throw thrown;
        const failure = classify(thrown, Date.now());
        if (collected.hasCall) return collected.cutResponse(failure.kind);
        const less = failure.kind === 'badRequest' ? lessReasoning(reasoning, failure.param) : null;
        if (less !== null) {
          reasoning = less;
          continue;
        }
        const soFar = tried.get(failure.kind) ?? 0;
        const delayMs = retryDelay(failure, soFar, Math.random());
        if (delayMs === null) throw failureError(failure, settings.apiKey);
        tried.set(failure.kind, soFar + 1);
        const of = RETRIES[failure.kind].retries;
        hooks.onRetry?.({ attempt: soFar + 1, of, delayMs, reason: failure.kind });
        await sleep(delayMs, signal);
      }
    }
  }

  async function stream(
    request: ModelRequest,
    collected: Collected,
    hooks: ModelHooks,
    signal: AbortSignal,
  ): Promise<ModelResponse> {
    const idle = new AbortController();
    let timer = setTimeout(() => idle.abort(), idleMs);
    const attempt = AbortSignal.any([signal, idle.signal]);
    try {
      const events = await api.responses.create(body(request), { signal: attempt, timeout: idleMs });
      for await (const event of events) {
        clearTimeout(timer);
        timer = setTimeout(() => idle.abort(), idleMs);
        const completed = onEvent(event, collected, hooks);
        if (completed) return completed;
      }
      // The package ends the loop quietly when it was aborted.
      if (idle.signal.aborted) throw new ModelFailure('timeout', `No event for ${idleMs} ms.`);
      throw new ModelFailure('streamCut', 'The stream ended before the response was complete.');
    } catch (thrown) {
      if (idle.signal.aborted) throw new ModelFailure('timeout', `No event for ${idleMs} ms.`);
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  function body(request: ModelRequest): OpenAI.Responses.ResponseCreateParamsStreaming {
    return {
      model: settings.name,
      instructions: request.instructions,
      input: request.input,
      tools: request.tools,
      tool_choice: 'auto',
      parallel_tool_calls: true,
      store: false,
      stream: true,
      prompt_cache_key: request.cacheKey,
      ...(reasoning === 'summaries' ? { reasoning: { summary: 'auto' as const } } : {}),
      ...(reasoning === 'none' ? {} : { include: ['reasoning.encrypted_content' as const] }),
    };
  }

  return { name: settings.name, shell: shellVariant(settings), respond };
}

/** Whether the endpoint answers and takes the key: one cheap request, no tokens. */
export async function checkModel(
  settings: ModelSettings,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ ok: true; detail: string } | { ok: false; detail: string; error: CodexError }> {
  const api = openApi(settings);
  const where = new URL(api.baseURL).origin;
  try {
    const list = await api.models.list({ signal, timeout: CHECK_TIMEOUT_MS });
    const known = list.data.some((model) => model.id === settings.name);
    const note = known ? '' : ', though it does not list this model';
    return { ok: true, detail: `${settings.name}: ${where} answers${note}.` };
  } catch (thrown) {
    const failure = classify(thrown, Date.now());
    // Some servers have no list of models; they did answer, and took the key.
    if (failure.params['status'] === 404) return { ok: true, detail: `${settings.name}: ${where} answers.` };
    const error = failureError(failure, settings.apiKey);
    return { ok: false, detail: `${settings.name}: ${where}: ${error.code}.`, error };
  }
}

function openApi(settings: ModelSettings): OpenAI {
  return new OpenAI({
    apiKey: settings.apiKey,
    baseURL: settings.baseUrl ?? null,
    organization: settings.organization ?? null,
    project: null,
    defaultHeaders: settings.headers ?? {},
    maxRetries: 0,
    logLevel: 'off',
    fetch: cappedFetch,
  });
}

/** The body is cut off at the cap, before anything is kept of it. */
async function cappedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (!response.body) return response;
  let bytes = 0;
  const capped = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes <= MAX_RESPONSE_BYTES) controller.enqueue(chunk);
        else controller.error(new ModelFailure('garbage', 'The response is larger than any response is.'));
      },
    }),
  );
  return new Response(capped, response);
}

/** What one try has brought so far. */
class Collected {
  readonly items: KnownItem[] = [];
  hasCall = false;
  readonly #hooks: ModelHooks;

  constructor(hooks: ModelHooks) {
    this.#hooks = hooks;
  }

  take(raw: unknown): void {
    const item = readItem(raw);
    if (item === null) return;
    if (item === 'malformed') throw new ModelFailure('garbage', 'An item of the response is malformed.');
    if (this.items.length >= MAX_ITEMS_PER_RESPONSE) {
      throw new ModelFailure('garbage', 'The response has too many items.');
    }
    this.items.push(item);
    if (isToolCall(item)) this.hasCall = true;
    this.#hooks.onItem?.(item as OutputItem);
  }

  response(id: string, usage: Usage): ModelResponse {
    return { id, items: this.items as OutputItem[], usage };
  }

  /** Up to the last call: reasoning without what followed it would be refused in the next request. */
  cutResponse(reason: string): ModelResponse {
    const end = this.items.findLastIndex(isToolCall) + 1;
    return {
      id: '',
      items: this.items.slice(0, end) as OutputItem[],
      usage: usageOf(undefined),
      cut: reason,
    };
  }
}

/** The finished response, or null while it goes on. Kinds of events that are not known are passed over. */
function onEvent(
  event: OpenAI.Responses.ResponseStreamEvent,
  collected: Collected,
  hooks: ModelHooks,
): ModelResponse | null {
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- most events tell nothing we need
  switch (event.type) {
    case 'response.output_item.done':
      collected.take(event.item);
      return null;
    case 'response.output_text.delta':
    case 'response.reasoning_summary_text.delta':
      if (typeof event.delta === 'string')
        hooks.onTextDelta?.(shownItemId(String(event.item_id)), event.delta);
      return null;
    case 'response.completed': {
      const { response } = event;
      if (typeof response !== 'object') throw new ModelFailure('garbage', 'A response without a body.');
      // Some servers send the items with the end only.
      if (collected.items.length === 0) for (const item of response.output ?? []) collected.take(item);
      return collected.response(String(response.id), usageOf(response.usage));
    }
    case 'response.failed': {
      const error = event.response?.error;
      throw new ModelFailure(
        kindOf(undefined, error?.code ?? null),
        error?.message ?? 'The response failed.',
      );
    }
    case 'response.incomplete': {
      const reason = event.response?.incomplete_details?.reason ?? 'unknown';
      throw new ModelFailure('badRequest', `The response is incomplete: ${reason}.`);
    }
    default:
      return null;
  }
}

function usageOf(usage: OpenAI.Responses.ResponseUsage | undefined): Usage {
  return {
    requests: 1,
    inputTokens: count(usage?.input_tokens),
    cachedInputTokens: count(usage?.input_tokens_details?.cached_tokens),
    outputTokens: count(usage?.output_tokens),
    reasoningTokens: count(usage?.output_tokens_details?.reasoning_tokens),
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

type ReasoningLevel = 'summaries' | 'encrypted' | 'none';

/**
 * Models without reasoning refuse its parameters, and summaries need an organisation that is verified:
 * a 400 that names one of them asks for less.
 */
function lessReasoning(level: ReasoningLevel, param: string | undefined): ReasoningLevel | null {
  if (level === 'summaries' && param?.startsWith('reasoning')) return 'encrypted';
  if (level !== 'none' && param?.startsWith('include')) return 'none';
  return null;
}

function abortableSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
