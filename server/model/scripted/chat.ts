/**
 * Chat Completions at the scripted model: a request becomes one of the Responses API, its events become
 * chunks. As strict as the schema is for what a client with functions needs; more it does not take.
 */
import type OpenAI from 'openai';
import { z } from 'zod';
import type { Event } from './wire.ts';

const TextPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const ImagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({
    url: z.string(),
    detail: z.enum(['auto', 'low', 'high']).exactOptional(),
  }),
});

const Message = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.string() }),
  z.strictObject({ role: z.literal('developer'), content: z.string() }),
  z.strictObject({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [TextPart, ImagePart])).min(1)]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.string().nullable().exactOptional(),
    tool_calls: z
      .array(
        z.strictObject({
          id: z.string().min(1),
          type: z.literal('function'),
          function: z.strictObject({ name: z.string().regex(/^[\w-]{1,64}$/), arguments: z.string() }),
        }),
      )
      .min(1)
      .exactOptional(),
  }),
  z.strictObject({ role: z.literal('tool'), tool_call_id: z.string().min(1), content: z.string() }),
]);

export const ChatRequest = z.strictObject({
  model: z.string().min(1),
  messages: z.array(Message).min(1),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({
          name: z.string().regex(/^[\w-]{1,64}$/),
          description: z.string().exactOptional(),
          parameters: z.record(z.string(), z.unknown()).exactOptional(),
          strict: z.boolean().nullable().exactOptional(),
        }),
      }),
    )
    .min(1)
    .exactOptional(),
  reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']).exactOptional(),
  stream: z.literal(true),
  stream_options: z.strictObject({ include_usage: z.boolean().exactOptional() }).nullable().exactOptional(),
});
type ChatRequest = z.infer<typeof ChatRequest>;

export type ReadChat =
  { ok: true; body: unknown; withUsage: boolean } | { ok: false; message: string; param: string };

/** As the body of a request of the Responses API; calls and outputs are paired there. */
export function readChat(body: unknown): ReadChat {
  const parsed = ChatRequest.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = issue?.path.map(String).join('.') || 'body';
    return { ok: false, param, message: `Invalid '${param}': ${issue?.message ?? 'unreadable'}.` };
  }
  const misplaced = misplacedTool(parsed.data);
  if (misplaced !== null) return { ok: false, param: 'messages', message: misplaced };
  const { model, messages, tools, reasoning_effort, stream_options } = parsed.data;
  const [first, ...rest] = messages;
  const isSystem = first?.role === 'system';
  return {
    ok: true,
    withUsage: stream_options?.include_usage === true,
    body: {
      model,
      stream: true,
      store: false,
      ...(isSystem ? { instructions: first.content } : {}),
      ...(reasoning_effort === undefined ? {} : { reasoning: { effort: reasoning_effort } }),
      input: (isSystem ? rest : messages).flatMap(itemsOf),
      tools: (tools ?? []).map((tool) => ({
        type: 'function',
        name: tool.function.name,
        description: tool.function.description ?? null,
        parameters: tool.function.parameters ?? null,
        strict: tool.function.strict ?? null,
      })),
    },
  };
}

/** The real API: every call is answered right after the message that makes it. */
function misplacedTool({ messages }: ChatRequest): string | null {
  let waiting = new Set<string>();
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!waiting.delete(message.tool_call_id)) {
        return "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
      }
      continue;
    }
    if (waiting.size > 0) return "An assistant message with 'tool_calls' must be followed by tool messages.";
    if (message.role === 'assistant') waiting = new Set((message.tool_calls ?? []).map((call) => call.id));
  }
  return waiting.size > 0
    ? "An assistant message with 'tool_calls' must be followed by tool messages."
    : null;
}

function itemsOf(message: ChatRequest['messages'][number]): object[] {
  switch (message.role) {
    case 'system':
    case 'developer':
      return [{ type: 'message', role: message.role, content: message.content }];
    case 'user':
      return [{ type: 'message', role: 'user', content: userContent(message.content) }];
    case 'assistant':
      return [
        ...(message.content ? [{ type: 'message', role: 'assistant', content: message.content }] : []),
        ...(message.tool_calls ?? []).map((call) => ({
          type: 'function_call',
          call_id: call.id,
          name: call.function.name,
          arguments: call.function.arguments,
        })),
      ];
    case 'tool':
      return [{ type: 'function_call_output', call_id: message.tool_call_id, output: message.content }];
  }
}

type UserContent = Extract<ChatRequest['messages'][number], { role: 'user' }>['content'];

function userContent(content: UserContent): unknown {
  if (typeof content === 'string') return content;
  return content.map((part) =>
    part.type === 'text'
      ? { type: 'input_text', text: part.text }
      : { type: 'input_image', image_url: part.image_url.url, detail: part.image_url.detail ?? 'auto' },
  );
}

type Chunk = OpenAI.ChatCompletionChunk;
type Choice = OpenAI.ChatCompletionChunk.Choice;
type Delta = OpenAI.ChatCompletionChunk.Choice.Delta & { reasoning_content?: string };

/** The lines for each event of a response, with the ids and the numbers of the calls kept in between. */
export function chunkLines(withUsage: boolean): (event: Event) => string[] {
  const calls = new Map<string, number>();
  let base = { id: '', model: '', created: 0 };
  const line = (delta: Delta, finish: Choice['finish_reason'] = null): string => {
    const choices = [{ index: 0, delta, finish_reason: finish, logprobs: null }];
    return `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices } satisfies Chunk)}`;
  };
  return (event) => {
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the rest is not told in a chat
    switch (event.type) {
      case 'response.created':
        base = {
          id: `chatcmpl-${event.response.id}`,
          model: String(event.response.model),
          created: event.response.created_at,
        };
        return [line({ role: 'assistant', content: '' })];
      case 'response.reasoning_summary_text.delta':
        return [line({ reasoning_content: event.delta })];
      case 'response.output_text.delta':
        return [line({ content: event.delta })];
      case 'response.output_item.added': {
        const { item } = event;
        if (item.type !== 'function_call') return [];
        const index = calls.size;
        calls.set(item.id ?? '', index);
        const call = { index, id: item.call_id, type: 'function' as const };
        return [line({ tool_calls: [{ ...call, function: { name: item.name, arguments: '' } }] })];
      }
      case 'response.function_call_arguments.delta': {
        const index = calls.get(event.item_id) ?? 0;
        return [line({ tool_calls: [{ index, function: { arguments: event.delta } }] })];
      }
      case 'response.failed': {
        const { error } = event.response;
        return [`data: ${JSON.stringify({ error: { ...error, type: error?.code, param: null } })}`];
      }
      case 'response.incomplete':
        return [line({}, 'length'), 'data: [DONE]'];
      case 'response.completed': {
        const { usage } = event.response;
        const end = line({}, calls.size > 0 ? 'tool_calls' : 'stop');
        if (!withUsage || !usage) return [end, 'data: [DONE]'];
        const last = {
          ...base,
          object: 'chat.completion.chunk' as const,
          choices: [],
          usage: {
            prompt_tokens: usage.input_tokens,
            prompt_tokens_details: { cached_tokens: usage.input_tokens_details.cached_tokens },
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens,
          },
        } satisfies Chunk;
        return [end, `data: ${JSON.stringify(last)}`, 'data: [DONE]'];
      }
      default:
        return [];
    }
  };
}
