/**
 * What one try of a request has brought so far: the items, checked, and how the response ended. Events
 * come in the order of the wire, whichever transport brought them.
 */
import type OpenAI from 'openai';
import type { Usage } from '../../protocol/events.ts';
import { isToolCall, readItem, shownItemId, type KnownItem } from './items.ts';
import type { ModelHooks, ModelResponse, OutputItem, ResponseItem } from './model.ts';
import { kindOf, ModelFailure } from './retries.ts';
import type { StreamEvent } from './transport.ts';

/** More calls than this in one response are no plan but a loop. */
export const MAX_ITEMS_PER_RESPONSE = 256;

export class Collected {
  readonly items: KnownItem[] = [];
  hasCall = false;
  readonly #hooks: ModelHooks;
  readonly #callIds: Set<string>;
  readonly #done = new Set<string>();

  constructor(hooks: ModelHooks, input: readonly ResponseItem[]) {
    this.#hooks = hooks;
    this.#callIds = new Set(input.flatMap((item) => ('call_id' in item ? (item.call_id ?? []) : [])));
  }

  /** The finished response, or null while it goes on. Kinds of events that are not known are passed over. */
  onEvent(event: StreamEvent): ModelResponse | null {
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- most events tell nothing we need
    switch (event.type) {
      case 'response.output_item.done': {
        // The same event twice is one item: its command must not run twice.
        const told = JSON.stringify([event.output_index, event.item]);
        if (!this.#done.has(told)) this.#take(event.item);
        this.#done.add(told);
        return null;
      }
      case 'response.output_text.delta':
      case 'response.reasoning_summary_text.delta':
        if (typeof event.delta === 'string')
          this.#hooks.onTextDelta?.(shownItemId(String(event.item_id)), event.delta);
        return null;
      case 'response.completed': {
        const { response } = event;
        if (typeof response !== 'object') throw new ModelFailure('garbage', 'A response without a body.');
        // Some servers send the items with the end only.
        if (this.items.length === 0) for (const item of response.output ?? []) this.#take(item);
        return {
          id: String(response.id),
          items: this.items as OutputItem[],
          usage: usageOf(response.usage),
        };
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

  #take(raw: unknown): void {
    const item = readItem(raw);
    if (item === null) return;
    if (item === 'malformed') throw new ModelFailure('garbage', 'An item of the response is malformed.');
    if (this.items.length >= MAX_ITEMS_PER_RESPONSE) {
      throw new ModelFailure('garbage', 'The response has too many items.');
    }
    if (isToolCall(item)) {
      item.call_id = this.#unused(item.call_id);
      this.hasCall = true;
    }
    this.items.push(item);
    this.#hooks.onItem?.(item as OutputItem);
  }

  /**
   * Two calls by one id can't be told apart in the next request. The id is ours to change: the server
   * keeps nothing, and reads it only to find the output of the call.
   */
  #unused(id: string): string {
    let unused = id;
    for (let n = 2; this.#callIds.has(unused); n++) unused = `${id.slice(0, MAX_CALL_ID_CHARS - 5)}_${n}`;
    this.#callIds.add(unused);
    return unused;
  }
}

/** What OpenAI's servers take. */
const MAX_CALL_ID_CHARS = 64;

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
