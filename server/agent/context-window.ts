/** How full the model's window is, and what is done before it overflows (`compaction.ts`). */
import type { NewEvent, Usage } from '../../protocol/events.ts';
import { NO_USAGE } from '../../protocol/events.ts';
import type { ModelRequest, ModelResponse, ResponseItem } from '../model/model.ts';
import { costUsd } from '../model/prices.ts';
import type { AgentInput } from './agent.ts';
import { canCompact, compact, estimateTokens, isNearlyFull } from './compaction.ts';
import { toRequest } from './history.ts';
import { tellingHooks } from './model-warnings.ts';

/** A server that still says that it is too much after this will go on saying so. */
const MAX_SHRINKS_IN_A_ROW = 2;

export type Store = (items: ResponseItem[], events?: readonly NewEvent[]) => Promise<void>;

export class ContextWindow {
  readonly #input: AgentInput;
  readonly #items: readonly ResponseItem[];
  readonly #store: Store;
  readonly #request: Omit<ModelRequest, 'input'>;
  /** What the provider counted, and how many items of the history that was. */
  #counted: { tokens: number; items: number } | null = null;
  #shrinks = 0;
  #isTooLong = false;

  constructor(
    input: AgentInput,
    items: readonly ResponseItem[],
    store: Store,
    request: Omit<ModelRequest, 'input'>,
  ) {
    this.#input = input;
    this.#items = items;
    this.#store = store;
    this.#request = request;
  }

  /** `results`: how many items came into the history after what the response counts. */
  saw(response: ModelResponse, results: number): void {
    this.#shrinks = 0;
    if (response.cut !== undefined || response.usage.inputTokens === 0) return;
    const { inputTokens, outputTokens } = response.usage;
    this.#counted = { tokens: inputTokens + outputTokens, items: this.#items.length - results };
  }

  /** The server refused a request as too long: whether another one, after `makeRoom`, may fit. */
  mayShrink(): boolean {
    this.#isTooLong = this.#shrinks++ < MAX_SHRINKS_IN_A_ROW && canCompact(this.#items);
    return this.#isTooLong;
  }

  /** Before a request. Says what that cost. */
  async makeRoom(): Promise<Usage> {
    const { model, signal } = this.#input;
    const tokens = this.#tokens();
    const isFull = this.#isTooLong || isNearlyFull(tokens, model.windowTokens);
    this.#isTooLong = false;
    if (!isFull || !canCompact(this.#items)) return NO_USAGE;
    const hooks = tellingHooks((event) => void this.#input.emit(event));
    const of = { model, request: this.#request, hooks, signal };
    const { item, usage, event } = await compact(this.#items, of, tokens);
    await this.#store([item], [event]);
    this.#counted = null;
    return usage;
  }

  usageEvent(usage: Usage, { usage: last }: ModelResponse): NewEvent {
    const { windowTokens, prices } = this.#input.model;
    const cost = costUsd(usage, prices);
    const contextTokens = last.inputTokens + last.outputTokens;
    return {
      code: 'usage.changed',
      params: {
        usage,
        ...(contextTokens === 0 ? {} : { contextTokens }),
        ...(windowTokens === undefined ? {} : { windowTokens }),
        ...(cost === undefined ? {} : { costUsd: cost }),
      },
    };
  }

  #tokens(): number {
    if (this.#counted === null) return estimateTokens(toRequest(this.#items));
    return this.#counted.tokens + estimateTokens(this.#items.slice(this.#counted.items));
  }
}
