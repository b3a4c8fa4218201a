/**
 * One request to the model and everything that it sets off.
 *
 * Items are stored as they arrive, in order, but only together with the call that they lead to or at
 * the end of the response: what a broken stream leaves without either is dropped, since the request is
 * then repeated and would tell it again. A call starts once it is stored, while the rest of the
 * response is still being written.
 */
import type { NewEvent } from '../../protocol/events.ts';
import type { ModelRequest, ModelResponse, OutputItem, ResponseItem } from '../model/model.ts';
import {
  asKnown,
  cleanText,
  isToolCall,
  messageText,
  reasoningText,
  shownItemId,
  toHistory,
  type KnownItem,
} from '../model/items.ts';
import type { AgentInput } from './agent.ts';
import { Calls } from './calls.ts';
import { callCount } from './history.ts';
import { fitText } from './truncate.ts';

/** A message as an event shows it; the answer of the turn travels whole. */
const MAX_TEXT_BYTES = 48 * 1024;

/** Items for the history, and what the log tells of them. */
export type StoreTold = (items: ResponseItem[], told: readonly NewEvent[]) => Promise<void>;

export class ModelStep {
  /** What the response says to the person, without the calls. */
  text = '';
  called = false;
  readonly #input: AgentInput;
  readonly #store: StoreTold;
  readonly #calls: Calls;
  #ordinal: number;
  /** Stored and told with the next call, or with the end. */
  #pending: KnownItem[] = [];
  /** One after the other, so that the history has the order of the response. */
  #storing: Promise<void> = Promise.resolve();
  readonly #failed = new AbortController();

  constructor(input: AgentInput, items: ResponseItem[], store: StoreTold) {
    this.#input = input;
    this.#store = store;
    this.#ordinal = callCount(items);
    this.#calls = new Calls(input);
  }

  async run(request: ModelRequest): Promise<ModelResponse> {
    const { model, signal } = this.#input;
    try {
      const response = await model.respond(
        request,
        {
          onItem: (item) => this.#take(item),
          onTextDelta: (itemId, text) => this.#input.delta(itemId, cleanText(text)),
          onRetry: (retry) => this.#retrying(retry),
        },
        AbortSignal.any([signal, this.#failed.signal]),
      );
      if (response.cut !== undefined) this.#pending = [];
      this.#later(() => this.#commit());
      await this.#storing;
      return response;
    } catch (error) {
      // What could not be stored is the reason that the request was given up.
      await this.#storing;
      throw error;
    } finally {
      await this.#settle();
    }
  }

  /** The results of what was started, also when the response failed or the person cancelled. */
  async #settle(): Promise<void> {
    if (!this.called) return;
    await this.#storing;
    await this.#store(await this.#calls.results(), []);
  }

  #take(item: OutputItem): void {
    const known = asKnown(item);
    if (known === null) return;
    this.#pending.push(known);
    if (!isToolCall(known)) return;
    const open = { call: known, ordinal: this.#ordinal++ };
    const batch = this.#takePending();
    this.#later(async () => {
      await this.#write(batch);
      this.called = true;
      this.#calls.start(open);
    });
  }

  #retrying(retry: { attempt: number; of: number; delayMs: number; reason: string }): void {
    // The response begins again: nothing of the last one counts.
    this.#pending = [];
    this.#later(() => this.#input.emit({ code: 'warning', params: { code: 'modelRetry', params: retry } }));
  }

  #takePending(): KnownItem[] {
    const batch = this.#pending;
    this.#pending = [];
    return batch;
  }

  #commit(): Promise<void> {
    return this.#write(this.#takePending());
  }

  async #write(batch: KnownItem[]): Promise<void> {
    const items = batch.map(toHistory).filter((item) => item !== null);
    // In one: after a crash between the two the log would lack what the history has.
    await this.#store(
      items,
      batch.flatMap((item) => this.#told(item)),
    );
  }

  #told(item: KnownItem): NewEvent[] {
    switch (item.type) {
      case 'message': {
        const text = messageText(item);
        if (text === '') return [];
        this.text = this.text === '' ? text : `${this.text}\n\n${text}`;
        return completed({ type: 'message', id: shownItemId(item.id), role: 'assistant', text: shown(text) });
      }
      case 'reasoning': {
        const summary = reasoningText(item);
        return summary === ''
          ? []
          : completed({ type: 'reasoning', id: shownItemId(item.id), summary: shown(summary) });
      }
      case 'function_call':
      case 'custom_tool_call':
      case 'local_shell_call':
        return [];
    }
  }

  #later(work: () => Promise<void>): void {
    this.#storing = this.#storing.then(work);
    this.#storing.catch((error: unknown) => this.#failed.abort(error));
  }
}

function shown(text: string): string {
  return fitText(cleanText(text), MAX_TEXT_BYTES);
}

type Shown = Extract<NewEvent, { code: 'item.completed' }>['params']['item'];

function completed(item: Shown): NewEvent[] {
  return [
    { code: 'item.started', params: { item } },
    { code: 'item.completed', params: { item } },
  ];
}
