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
import type { Store } from './context-window.ts';
import { callCount } from './history.ts';
import { tellingHooks } from './model-warnings.ts';
import type { Sessions } from './sessions.ts';
import { ReportFilter, splitReport } from './report-block.ts';
import { fitText } from './truncate.ts';

/** A message as an event shows it; the answer of the turn travels whole. */
const MAX_TEXT_BYTES = 48 * 1024;

export class ModelStep {
  /** What the response says to the person, without the calls. */
  text = '';
  called = false;
  readonly #input: AgentInput;
  /** How many results of its calls are in the history. */
  results = 0;
  readonly #store: Store;
  readonly #calls: Calls;
  #ordinal: number;
  /** Stored and told with the next call, or with the end. */
  #pending: KnownItem[] = [];
  /** Told with the results of the calls. */
  #toldAtEnd: readonly NewEvent[] = [];
  /** One after the other, so that the history has the order of the response. */
  #storing: Promise<void> = Promise.resolve();
  readonly #failed = new AbortController();
  readonly #filters = new Map<string, ReportFilter>();

  constructor(input: AgentInput & { sessions: Sessions }, items: readonly ResponseItem[], store: Store) {
    this.#input = input;
    this.#store = store;
    this.#ordinal = callCount(items);
    this.#calls = new Calls(input);
  }

  /** `told`: what else there is to tell once the response is complete. */
  async run(
    request: ModelRequest,
    told: (response: ModelResponse) => readonly NewEvent[] = () => [],
  ): Promise<ModelResponse> {
    const { model, signal } = this.#input;
    try {
      const response = await model.respond(
        request,
        {
          onItem: (item) => this.#take(item),
          onTextDelta: (itemId, text) => this.#delta(itemId, cleanText(text)),
          ...tellingHooks((event) => this.#again(event)),
        },
        AbortSignal.any([signal, this.#failed.signal]),
      );
      if (response.cut !== undefined) this.#pending = [];
      const events = told(response);
      this.#later(() => this.#end(events));
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
    const { items, told } = await this.#calls.results();
    await this.#store(items, [...told, ...this.#toldAtEnd]);
    this.results = items.length;
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

  /** The report at a message's end is not for reading: it is not shown while it is written either. */
  #delta(itemId: string, text: string): void {
    const filter = this.#filters.get(itemId) ?? new ReportFilter();
    this.#filters.set(itemId, filter);
    const seen = filter.push(text);
    if (seen !== '') this.#input.delta(itemId, seen);
  }

  /** The response begins again: nothing of the last one counts. */
  #again(event: NewEvent): void {
    this.#pending = [];
    this.#later(() => this.#input.emit(event));
  }

  #takePending(): KnownItem[] {
    const batch = this.#pending;
    this.#pending = [];
    return batch;
  }

  /** One write for the whole end, or none where the results of calls are still to be written. */
  async #end(events: readonly NewEvent[]): Promise<void> {
    const batch = this.#takePending();
    if (this.called && batch.length === 0) this.#toldAtEnd = events;
    else await this.#write(batch, events);
  }

  async #write(batch: KnownItem[], also: readonly NewEvent[] = []): Promise<void> {
    const items = batch.map(toHistory).filter((item) => item !== null);
    await this.#store(items, [...batch.flatMap((item) => this.#told(item)), ...also]);
  }

  #told(item: KnownItem): NewEvent[] {
    switch (item.type) {
      case 'message': {
        const text = messageText(item);
        if (text === '') return [];
        this.text = this.text === '' ? text : `${this.text}\n\n${text}`;
        const seen = splitReport(text).text;
        if (seen === '') return [];
        return completed({ type: 'message', id: shownItemId(item.id), role: 'assistant', text: shown(seen) });
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
      case 'shell_call':
      case 'apply_patch_call':
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
