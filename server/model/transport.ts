/**
 * How a request gets to a server and its events come back: one try, no repeating, nothing kept but the
 * connection. A transport throws what `classify` reads.
 *
 * Here: what all transports share, and the plain one, events over HTTP. The others are `websocket.ts`
 * and `chat.ts`, which speaks another API and translates.
 */
import OpenAI from 'openai';
import type { ModelSettings } from './model.ts';
import { ModelFailure, Unreachable } from './retries.ts';

export type CreateBody = OpenAI.Responses.ResponseCreateParamsStreaming & {
  input: OpenAI.Responses.ResponseInput;
};
export type StreamEvent = OpenAI.Responses.ResponseStreamEvent;

export interface Try {
  signal: AbortSignal;
  /** For the answer's first byte. */
  timeoutMs: number;
}

export interface Transport {
  events(body: CreateBody, options: Try): AsyncIterable<StreamEvent>;
}

/** A response is text; a server that sends more than this is broken or hostile. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

export function openApi(settings: ModelSettings): OpenAI {
  return new OpenAI({
    // The package wants one; a server that needs none gets no `Authorization`.
    apiKey: settings.apiKey || 'none',
    baseURL: settings.baseUrl ?? null,
    organization: settings.organization ?? null,
    project: settings.project ?? null,
    defaultHeaders: { ...(settings.apiKey === '' ? { Authorization: null } : {}), ...settings.headers },
    maxRetries: 0,
    logLevel: 'off',
    fetch: cappedFetch,
  });
}

export function sseTransport(api: OpenAI): Transport {
  return {
    async *events(body, { signal, timeoutMs }) {
      yield* await api.responses.create(body, { signal, timeout: timeoutMs });
    },
  };
}

export function tooLarge(): ModelFailure {
  return new ModelFailure('garbage', 'The response is larger than any response is.');
}

/** The body is cut off at the cap, before anything is kept of it. */
async function cappedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init).catch((error: unknown) => {
    throw init?.signal?.aborted ? error : new Unreachable(error);
  });
  if (!response.body) return response;
  let bytes = 0;
  const capped = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes <= MAX_RESPONSE_BYTES) controller.enqueue(chunk);
        else controller.error(tooLarge());
      },
    }),
  );
  return new Response(capped, response);
}
