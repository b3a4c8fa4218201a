/**
 * A model that speaks the Responses API, as the agent sees it: one streamed request at a time.
 */
import type OpenAI from 'openai';
import type { Usage } from '../../protocol/events.ts';
import type { Effort } from '../../protocol/states.ts';

export type ResponseItem = OpenAI.Responses.ResponseInputItem;
export type OutputItem = OpenAI.Responses.ResponseOutputItem;
export type Tool = OpenAI.Responses.Tool;

/** Which shell tool a model is offered. */
export type ShellVariant = 'function' | 'local_shell' | 'shell';

export interface ModelRequest {
  instructions: string;
  input: ResponseItem[];
  tools: Tool[];
  cacheKey: string;
  /** How much the model thinks; absent: the connection's, or the model's own. */
  effort?: Effort;
}

export interface ModelHooks {
  /** An item is complete: a tool may start before the response is. */
  onItem?(item: OutputItem): void;
  onTextDelta?(itemId: string, text: string): void;
  /** Before it waits for another try. */
  onRetry?(retry: { attempt: number; of: number; delayMs: number; reason: string }): void;
  /** Before it waits for a server that can't be reached: that has no number of tries. */
  onOffline?(wait: { delayMs: number; sinceMs: number; message: string }): void;
  /** The server does not take this effort: the request goes without. */
  onEffortRefused?(effort: Effort): void;
}

export interface ModelResponse {
  id: string;
  items: OutputItem[];
  usage: Usage;
  /**
   * Set when the stream broke after a tool call had been handed over: the call may be running, so the
   * request is not repeated. What came up to the last call counts; the next request goes on from it.
   */
  cut?: string;
}

export interface ModelSettings {
  name: string;
  apiKey: string;
  baseUrl?: string;
  headers?: Record<string, string>;
  organization?: string;
  project?: string;
  /** What the server speaks. Absent: the Responses API, and Chat Completions where that is not there. */
  wire?: 'responses' | 'chat';
  /** How the events of a response travel. `auto`: over a WebSocket where the server takes one. */
  transport?: 'auto' | 'sse' | 'webSocket';
  /** For requests that name none. */
  effort?: Effort;
  windowTokens?: number;
  /** Absent: what is known of the model. */
  shell?: ShellVariant;
  /** In the owner's currency; for the estimate of a turn's cost. */
  prices?: { inputPerMillion: number; cachedInputPerMillion?: number; outputPerMillion: number };
}

export interface ModelClient {
  readonly name: string;
  readonly shell: ShellVariant;
  /** How much one request may hold; absent where nobody said. */
  readonly windowTokens?: number;
  /** For the estimate of a cost (`prices.ts`); absent where the owner has written none. */
  readonly prices?: NonNullable<ModelSettings['prices']>;
  /** Retries inside by class of error; throws `CodexError` with a model… code, or `cancelled`. */
  respond(request: ModelRequest, hooks: ModelHooks, signal: AbortSignal): Promise<ModelResponse>;
}
