/**
 * A request of the Responses API as one of Chat Completions.
 *
 * What has no counterpart is left out: reasoning of earlier responses, tools that are no functions.
 * Calls of other kinds, in a history that began at another server, are told as calls of functions.
 */
import type OpenAI from 'openai';
import type { ResponseItem, Tool } from './model.ts';
import type { CreateBody } from './transport.ts';
import type { Unwanted } from './unwanted.ts';

type ChatBody = OpenAI.ChatCompletionCreateParamsStreaming;
type ChatMessage = OpenAI.ChatCompletionMessageParam;
type ChatPart = OpenAI.ChatCompletionContentPart;
type AssistantMessage = OpenAI.ChatCompletionAssistantMessageParam;

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
