/**
 * Chat Completions, for servers that speak nothing newer: a request of the Responses API goes out as
 * messages (`chat-request.ts`), and what streams back is told as the events of a response.
 */
import { randomBytes } from 'node:crypto';
import type OpenAI from 'openai';
import { chatBody } from './chat-request.ts';
import type { StreamEvent, Transport } from './transport.ts';
import type { Unwanted } from './unwanted.ts';

type Chunk = OpenAI.ChatCompletionChunk;

export function chatTransport(api: OpenAI, unwanted: Unwanted): Transport {
  return {
    async *events(body, { signal, timeoutMs }) {
      const chunks = await api.chat.completions.create(chatBody(body, unwanted), {
        signal,
        timeout: timeoutMs,
      });
      const answer = new Answer(body.model ?? '');
      for await (const chunk of chunks) yield* answer.take(chunk);
      yield* answer.end();
    },
  };
}

interface OpenCall {
  index: number;
  serverId: string;
  id: string;
  name: string;
  arguments: string;
}

/** The chunks of one answer, told as the events of a response; each item once it is complete. */
class Answer {
  readonly #model: string;
  #id = newId('resp');
  readonly #output: OpenAI.Responses.ResponseOutputItem[] = [];
  #text: { id: string; text: string } | null = null;
  #thought: { id: string; text: string } | null = null;
  #call: OpenCall | null = null;
  #finish: string | null = null;
  #usage: OpenAI.CompletionUsage | undefined;
  #number = 0;

  constructor(model: string) {
    this.#model = model;
  }

  *take(chunk: Chunk): Generator<StreamEvent> {
    if (typeof chunk.id === 'string' && chunk.id !== '') this.#id = chunk.id;
    if (chunk.usage) this.#usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (choice === undefined) return;
    // Not of the published schema, but what servers call the text of a model's thoughts.
    const delta = (choice.delta ?? {}) as typeof choice.delta & {
      reasoning_content?: unknown;
      reasoning?: unknown;
    };
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (typeof thought === 'string' && thought !== '') {
      this.#thought ??= { id: newId('rs'), text: '' };
      this.#thought.text += thought;
      yield {
        type: 'response.reasoning_summary_text.delta',
        item_id: this.#thought.id,
        output_index: this.#output.length,
        summary_index: 0,
        delta: thought,
        sequence_number: this.#number++,
      };
    }
    const text = delta.content ?? delta.refusal;
    if (typeof text === 'string' && text !== '') {
      yield* this.#endThought();
      yield* this.#endCall();
      this.#text ??= { id: newId('msg'), text: '' };
      this.#text.text += text;
      yield {
        type: 'response.output_text.delta',
        item_id: this.#text.id,
        output_index: this.#output.length,
        content_index: 0,
        delta: text,
        logprobs: [],
        sequence_number: this.#number++,
      };
    }
    for (const call of delta.tool_calls ?? []) yield* this.#takeCall(call);
    if (choice.finish_reason) this.#finish = choice.finish_reason;
  }

  /** A stream without a reason for its end was cut: no event says that it is complete. */
  *end(): Generator<StreamEvent> {
    if (this.#finish === null) return;
    if (this.#finish === 'length' || this.#finish === 'content_filter') {
      const reason = this.#finish === 'length' ? 'max_output_tokens' : 'content_filter';
      yield {
        type: 'response.incomplete',
        response: { ...this.#response(), status: 'incomplete', incomplete_details: { reason } },
        sequence_number: this.#number++,
      };
      return;
    }
    yield* this.#endThought();
    yield* this.#endText();
    yield* this.#endCall();
    yield { type: 'response.completed', response: this.#response(), sequence_number: this.#number++ };
  }

  *#takeCall(delta: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall): Generator<StreamEvent> {
    const { index } = delta;
    const serverId = delta.id ?? '';
    const name = delta.function?.name ?? '';
    // Some servers give every call the index 0, and each its own id.
    const isNext =
      this.#call === null ||
      this.#call.index !== index ||
      (serverId !== '' && serverId !== this.#call.serverId && name !== '');
    if (isNext) {
      yield* this.#endThought();
      yield* this.#endText();
      yield* this.#endCall();
      this.#call = { index, serverId, id: serverId || newId('call'), name: '', arguments: '' };
    }
    if (this.#call === null) return;
    // A name comes whole; some servers repeat it.
    if (this.#call.name === '') this.#call.name = name;
    this.#call.arguments += delta.function?.arguments ?? '';
  }

  *#endThought(): Generator<StreamEvent> {
    const thought = this.#thought;
    if (thought === null) return;
    this.#thought = null;
    yield this.#done({
      type: 'reasoning',
      id: thought.id,
      summary: [{ type: 'summary_text', text: thought.text }],
    });
  }

  *#endText(): Generator<StreamEvent> {
    const text = this.#text;
    if (text === null) return;
    this.#text = null;
    yield this.#done({
      type: 'message',
      id: text.id,
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: text.text, annotations: [] }],
    });
  }

  *#endCall(): Generator<StreamEvent> {
    const call = this.#call;
    if (call === null) return;
    this.#call = null;
    yield this.#done({
      type: 'function_call',
      id: newId('fc'),
      call_id: call.id,
      name: call.name,
      // A call of a function without parameters may come without any.
      arguments: call.arguments === '' ? '{}' : call.arguments,
      status: 'completed',
    });
  }

  #done(item: OpenAI.Responses.ResponseOutputItem): StreamEvent {
    this.#output.push(item);
    return {
      type: 'response.output_item.done',
      output_index: this.#output.length - 1,
      item,
      sequence_number: this.#number++,
    };
  }

  #response(): OpenAI.Responses.Response {
    const usage = this.#usage;
    return {
      id: this.#id,
      object: 'response',
      access_programs: null,
      created_at: 0,
      status: 'completed',
      error: null,
      incomplete_details: null,
      instructions: null,
      metadata: null,
      model: this.#model,
      output: this.#output,
      output_text: '',
      parallel_tool_calls: true,
      temperature: null,
      tool_choice: 'auto',
      tools: [],
      top_p: null,
      ...(usage === undefined
        ? {}
        : {
            usage: {
              input_tokens: usage.prompt_tokens,
              input_tokens_details: {
                cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
                cache_write_tokens: 0,
              },
              output_tokens: usage.completion_tokens,
              output_tokens_details: {
                reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
              },
              total_tokens: usage.total_tokens,
            },
          }),
    };
  }
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}
