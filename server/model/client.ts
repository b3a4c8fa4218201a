/**
 * A model behind one connection: one request at a time, repeated by class of failure (`retries.ts`).
 *
 * In order: build the request (always `store: false`, the whole history each time) → choose the way it
 * goes (`route.ts`) → read events, each within the idle time → hand over every item as it is complete →
 * only `response.completed` ends a stream well. A request whose tool call has been handed over is never
 * repeated, since the call may be running: what came is returned as `cut`. A server that can't be
 * reached is waited for. The key goes into the request's header and nowhere else.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CodexError } from '../../protocol/errors.ts';
import { chatTransport } from './chat.ts';
import { Collected } from './collect.ts';
import { onTheWire } from './items.ts';
import type { ModelClient, ModelHooks, ModelRequest, ModelResponse, ModelSettings } from './model.ts';
import {
  classify,
  failureError,
  ModelFailure,
  offlineDelay,
  RETRIES,
  retryDelay,
  type Failure,
  type FailureKind,
} from './retries.ts';
import { Route, type Via } from './route.ts';
import { openApi, sseTransport, type CreateBody, type Transport } from './transport.ts';
import { Unwanted } from './unwanted.ts';
import { NoWebSocket, webSocketTransport } from './websocket.ts';
import { knownWindowTokens } from './windows.ts';
import { shellVariant } from './shell-variant.ts';

/** Between two events; the pause while a model thinks is long, and comments do not count as events. */
export const STREAM_IDLE_MS = 5 * 60_000;
/** How long the `doctor` waits for an answer. */
export const CHECK_TIMEOUT_MS = 10_000;

export interface ClientOptions {
  idleMs?: number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export function createModelClient(settings: ModelSettings, options: ClientOptions = {}): ModelClient {
  const { idleMs = STREAM_IDLE_MS, sleep = abortableSleep } = options;
  const api = openApi(settings);
  const route = new Route(settings);
  const unwanted = new Unwanted();
  const transports: Record<Via, Transport> = {
    sse: sseTransport(api),
    webSocket: webSocketTransport(api),
    chat: chatTransport(api, unwanted),
  };
  let answered = false;

  async function respond(
    request: ModelRequest,
    hooks: ModelHooks,
    signal: AbortSignal,
  ): Promise<ModelResponse> {
    const tried = new Map<FailureKind, number>();
    const offline = { tries: 0, waitedMs: 0, since: 0 };
    const effort = request.effort ?? settings.effort;
    /** What the Responses API said while Chat Completions is tried: the better word if both fail. */
    let refusal: Failure | null = null;

    for (;;) {
      if (signal.aborted) throw new CodexError('cancelled');
      const collected = new Collected(hooks, request.input);
      const via = refusal === null ? route.next(Date.now()) : 'chat';
      try {
        return await stream(transports[via], body(request), collected, signal, () => {
          answered = true;
          offline.tries = 0;
          route.answered(via);
        });
      } catch (thrown) {
        if (signal.aborted) throw new CodexError('cancelled');
        if (thrown instanceof CodexError) throw thrown;
        if (thrown instanceof NoWebSocket) {
          route.noWebSocket(thrown.refused, Date.now());
          continue;
        }
        const failure = classify(thrown, Date.now());
        if (failure.kind !== 'network') answered = true;
        if (collected.hasCall) return collected.cutResponse(failure.kind);
        if (refusal !== null && failure.kind === 'badRequest' && !route.speaksChat) {
          throw failureError(refusal, settings.apiKey);
        }
        if (collected.items.length === 0) {
          const learnt = unwanted.learn(failure, effort);
          if (learnt === 'lessEffort' && effort !== undefined) hooks.onEffortRefused?.(effort);
          if (learnt !== 'nothing') continue;
          if (via === 'chat' && unwanted.learnLateSystem(failure, request.input)) continue;
          if (route.isWorthChat(via, failure)) {
            refusal = failure;
            continue;
          }
        }
        if (failure.kind === 'network') {
          await waitForNetwork(failure, offline, hooks, signal);
          continue;
        }
        const soFar = tried.get(failure.kind) ?? 0;
        const delayMs = retryDelay(failure, soFar, Math.random());
        if (route.leavesWebSocket(via, failure, delayMs !== null)) {
          tried.clear();
          hooks.onRetry?.({ attempt: 1, of: 1, delayMs: 0, reason: failure.kind });
          continue;
        }
        if (delayMs === null) throw failureError(failure, settings.apiKey);
        tried.set(failure.kind, soFar + 1);
        const of = RETRIES[failure.kind].retries;
        hooks.onRetry?.({ attempt: soFar + 1, of, delayMs, reason: failure.kind });
        await sleep(delayMs, signal);
      }
    }
  }

  async function waitForNetwork(
    failure: Failure,
    offline: { tries: number; waitedMs: number; since: number },
    hooks: ModelHooks,
    signal: AbortSignal,
  ): Promise<void> {
    if (offline.tries === 0) offline.since = Date.now();
    const wait = offlineDelay(failure, { ...offline, known: answered });
    if (wait === null) throw failureError(failure, settings.apiKey);
    if (wait.told) {
      const { params } = failureError(failure, settings.apiKey).wire;
      hooks.onOffline?.({
        delayMs: wait.delayMs,
        sinceMs: Date.now() - offline.since,
        message: String(params['message'] ?? ''),
      });
    }
    offline.tries++;
    offline.waitedMs += wait.delayMs;
    await sleep(wait.delayMs, signal);
  }

  async function stream(
    transport: Transport,
    create: CreateBody,
    collected: Collected,
    signal: AbortSignal,
    onAnswer: () => void,
  ): Promise<ModelResponse> {
    const idle = new AbortController();
    let timer = setTimeout(() => idle.abort(), idleMs);
    const attempt = { signal: AbortSignal.any([signal, idle.signal]), timeoutMs: idleMs };
    try {
      for await (const event of transport.events(create, attempt)) {
        clearTimeout(timer);
        timer = setTimeout(() => idle.abort(), idleMs);
        onAnswer();
        const completed = collected.onEvent(event);
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

  function body(request: ModelRequest): CreateBody {
    const effort = unwanted.effort(request.effort ?? settings.effort);
    const reasoning = {
      ...(effort === undefined ? {} : { effort }),
      ...(unwanted.summary ? {} : { summary: 'auto' as const }),
    };
    return {
      model: settings.name,
      instructions: request.instructions,
      input: request.input.map(onTheWire),
      tools: request.tools,
      tool_choice: 'auto',
      parallel_tool_calls: true,
      store: false,
      stream: true,
      prompt_cache_key: request.cacheKey,
      ...(Object.keys(reasoning).length === 0 ? {} : { reasoning }),
      ...(unwanted.encrypted ? {} : { include: ['reasoning.encrypted_content' as const] }),
    };
  }

  const windowTokens = settings.windowTokens ?? knownWindowTokens(settings.name);
  return {
    name: settings.name,
    // Chat Completions know functions only.
    get shell() {
      return route.speaksChat ? 'function' : shellVariant(settings);
    },
    ...(windowTokens === undefined ? {} : { windowTokens }),
    respond,
  };
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

/** Over at the end of its time, or at once when it is aborted. */
async function abortableSleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
