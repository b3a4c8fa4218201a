/**
 * Chat Completions, for servers that speak nothing newer: a request of the Responses API goes out as
 * messages, and what streams back is told as the events of a response.
 *
 * What has no counterpart is left out: reasoning of earlier responses, tools that are no functions.
 * Calls of other kinds, in a history that began at another server, are told as calls of functions.
 */
import { randomBytes } from 'node:crypto';
import type OpenAI from 'openai';
import type { ResponseItem, Tool } from './model.ts';
import type { CreateBody, StreamEvent, Transport } from './transport.ts';
import type { Unwanted } from './unwanted.ts';

type ChatBody = OpenAI.ChatCompletionCreateParamsStreaming;
type ChatMessage = OpenAI.ChatCompletionMessageParam;
type ChatPart = OpenAI.ChatCompletionContentPart;
type Chunk = OpenAI.ChatCompletionChunk;
type AssistantMessage = OpenAI.ChatCompletionAssistantMessageParam;

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

export function chatBody(body: CreateBody, unwanted: Unwanted): ChatBody {
  const tools = functionsOf(body.tools ?? []);
  const effort = body.reasoning?.effort;
  return {
    model: body.model ?? '',
    messages: messagesOf(body.instructions ?? '', body.input, unwanted.lateSystem),
    // No tools are said by saying nothing: an empty list is refused by some.
    ...(tools.length === 0 ? {} : { tools }),
    ...(effort == null ? {} : { reasoning_effort: effort }),
    stream: true,
    ...(unwanted.streamOptions ? {} : { stream_options: { include_usage: true } }),
  };
}

function functionsOf(tools: readonly Tool[]): OpenAI.ChatCompletionFunctionTool[] {
  return tools.flatMap((tool) =>
    tool.type === 'function'
      ? {
          type: 'function' as const,
          function: {
            name: tool.name,
            ...(tool.description == null ? {} : { description: tool.description }),
            parameters: tool.parameters ?? { type: 'object', properties: {} },
            ...(tool.strict ? { strict: true } : {}),
          },
        }
      : [],
  );
}

/**
 * Calls belong to the message of the assistant that makes them, and their outputs right after it. What
 * we tell the model in between is said by the system, or, to servers that take the system's word at
 * the beginning alone, by the user.
 */
export function messagesOf(
  instructions: string,
  input: readonly ResponseItem[],
  systemFirstOnly: boolean,
): ChatMessage[] {
  const messages: ChatMessage[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  const outputs = outputsOf(input);
  let assistant: AssistantMessage | null = null;
  const flush = () => {
    if (assistant === null) return;
    messages.push(assistant);
    const images: ChatPart[] = [];
    for (const call of assistant.tool_calls ?? []) {
      const output = outputs.get(call.id)?.shift();
      const { text, parts } = contentOf(output ?? '');
      messages.push({ role: 'tool', tool_call_id: call.id, content: text });
      images.push(...parts.filter((part) => part.type === 'image_url'));
    }
    // The answer of a tool is text alone.
    if (images.length > 0) messages.push({ role: 'user', content: images });
    assistant = null;
  };
  for (const item of input) {
    const call = callOf(item);
    if (call !== null) {
      assistant ??= { role: 'assistant' };
      (assistant.tool_calls ??= []).push(call);
      continue;
    }
    if (!('role' in item) || !('content' in item)) continue;
    const { text, parts } = contentOf(item.content ?? '');
    if (item.role === 'assistant') {
      // Words after calls are another response's.
      if (assistant?.tool_calls) flush();
      assistant ??= { role: 'assistant' };
      assistant.content = joined(typeof assistant.content === 'string' ? assistant.content : '', text);
      continue;
    }
    flush();
    if (item.role === 'user') {
      const plain = parts.every((part) => part.type === 'text');
      messages.push({ role: 'user', content: plain ? text : parts });
    } else if (!systemFirstOnly) {
      messages.push({ role: 'system', content: text });
    } else if (messages.every((message) => message.role === 'system')) {
      const [first] = messages;
      if (first?.role === 'system') first.content = joined(contentOf(first.content).text, text);
      else messages.push({ role: 'system', content: text });
    } else {
      messages.push({ role: 'user', content: `[From the system, not from the person]\n${text}` });
    }
  }
  flush();
  return messages;
}

function joined(one: string, other: string): string {
  return one === '' || other === '' ? one + other : `${one}\n\n${other}`;
}

function outputsOf(input: readonly ResponseItem[]): Map<string, unknown[]> {
  const outputs = new Map<string, unknown[]>();
  for (const item of input) {
    if (!item.type?.endsWith('_output') || !('output' in item)) continue;
    const id = 'call_id' in item && item.call_id ? item.call_id : 'id' in item ? item.id : null;
    if (id == null) continue;
    outputs.set(id, [...(outputs.get(id) ?? []), item.output]);
  }
  return outputs;
}

function callOf(item: ResponseItem): OpenAI.ChatCompletionMessageFunctionToolCall | null {
  const call = (call_id: string, name: string, args: string) => ({
    type: 'function' as const,
    id: call_id,
    function: { name, arguments: args },
  });
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others are no calls
  switch (item.type) {
    case 'function_call':
      return call(item.call_id, item.name, readable(item.arguments));
    case 'custom_tool_call':
      return call(item.call_id, item.name, JSON.stringify({ input: item.input }));
    case 'local_shell_call':
    case 'shell_call':
      return call(item.call_id, 'shell', JSON.stringify(item.action));
    case 'apply_patch_call':
      return call(item.call_id, 'apply_patch', JSON.stringify(item.operation));
    default:
      return null;
  }
}

/** Some servers parse the arguments of earlier calls, and refuse what the model once got wrong. */
function readable(args: string): string {
  try {
    const value: unknown = JSON.parse(args);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return args;
  } catch {
    // Told below.
  }
  return JSON.stringify({ unreadable: args });
}

/** A content of either kind, a message's or an output's: all its text, and its parts. */
function contentOf(content: unknown): { text: string; parts: ChatPart[] } {
  if (typeof content === 'string') return { text: content, parts: [{ type: 'text', text: content }] };
  if (!Array.isArray(content)) return { text: '', parts: [] };
  const parts = (content as Record<string, unknown>[]).flatMap((part): ChatPart[] => {
    if (part['type'] === 'input_image' && typeof part['image_url'] === 'string') {
      const url = part['image_url'];
      const detail = part['detail'] === 'low' || part['detail'] === 'high' ? part['detail'] : 'auto';
      return [{ type: 'image_url', image_url: { url, detail } }];
    }
    const text = part['text'] ?? part['refusal'] ?? part['stdout'];
    return typeof text === 'string' ? [{ type: 'text', text }] : [];
  });
  const text = parts.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
  return { text, parts };
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
