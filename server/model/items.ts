/**
 * What a model sends, checked, and made into what is kept: only the kinds of items that the agent
 * knows, only their known fields, no text that a database or a terminal would choke on. What is kept
 * is sent again byte for byte with every later request, so that the provider's prompt cache holds.
 */
import type OpenAI from 'openai';
import { z } from 'zod';
import type { OutputItem, ResponseItem } from './model.ts';

const Message = z.object({
  type: z.literal('message'),
  id: z.string(),
  content: z.array(
    z.union([
      z.object({ type: z.literal('output_text'), text: z.string() }),
      z.object({ type: z.literal('refusal'), refusal: z.string() }),
    ]),
  ),
  phase: z.enum(['commentary', 'final_answer']).nullish(),
});

const Reasoning = z.object({
  type: z.literal('reasoning'),
  id: z.string(),
  summary: z.array(z.object({ type: z.literal('summary_text'), text: z.string() })).default([]),
  encrypted_content: z.string().nullish(),
});

const FunctionCall = z.object({
  type: z.literal('function_call'),
  call_id: z.string().min(1),
  name: z.string(),
  arguments: z.string(),
});

const CustomCall = z.object({
  type: z.literal('custom_tool_call'),
  call_id: z.string().min(1),
  name: z.string(),
  input: z.string(),
});

/** Its action is read by the tool: a malformed one gets an answer instead of ending the turn. */
const LocalShellCall = z.object({
  type: z.literal('local_shell_call'),
  id: z.string(),
  call_id: z.string().min(1),
  action: z.record(z.string(), z.unknown()),
});

/** Commands of one call; its action is read by the tool, for the same reason. */
const ShellCall = z.object({
  type: z.literal('shell_call'),
  call_id: z.string().min(1),
  action: z.record(z.string(), z.unknown()),
});

/** One change of one file. */
const ApplyPatchCall = z.object({
  type: z.literal('apply_patch_call'),
  call_id: z.string().min(1),
  operation: z.record(z.string(), z.unknown()),
});

const Known = z.discriminatedUnion('type', [
  Message,
  Reasoning,
  FunctionCall,
  CustomCall,
  LocalShellCall,
  ShellCall,
  ApplyPatchCall,
]);
export type KnownItem = z.infer<typeof Known>;
export type ToolCall = Extract<
  KnownItem,
  { type: 'function_call' | 'custom_tool_call' | 'local_shell_call' | 'shell_call' | 'apply_patch_call' }
>;

const KNOWN_TYPES: ReadonlySet<string> = new Set(Known.options.map((option) => option.shape.type.value));

/** The item, null when it is of a kind that means nothing here, 'malformed' when it lies about its kind. */
export function readItem(item: unknown): KnownItem | null | 'malformed' {
  if (typeof item !== 'object' || item === null || !('type' in item) || typeof item.type !== 'string') {
    return 'malformed';
  }
  if (!KNOWN_TYPES.has(item.type)) return null;
  const parsed = Known.safeParse(item);
  return parsed.success ? parsed.data : 'malformed';
}

export function isToolCall(item: { type: string }): item is ToolCall {
  return (
    item.type === 'function_call' ||
    item.type === 'custom_tool_call' ||
    item.type === 'local_shell_call' ||
    item.type === 'shell_call' ||
    item.type === 'apply_patch_call'
  );
}

/** What a person reads of a message. */
export function messageText(item: Extract<KnownItem, { type: 'message' }>): string {
  return item.content.map((part) => (part.type === 'output_text' ? part.text : part.refusal)).join('');
}

export function reasoningText(item: Extract<KnownItem, { type: 'reasoning' }>): string {
  return item.summary.map((part) => part.text).join('\n\n');
}

/**
 * As it goes into the history, or null for what would be refused later. Ids of messages and calls are
 * left out: with `store: false` the server knows none of them.
 */
export function toHistory(item: KnownItem): ResponseItem | null {
  switch (item.type) {
    case 'message':
      return clean({
        type: 'message',
        role: 'assistant',
        content: item.content.map((part) =>
          part.type === 'output_text'
            ? { type: 'output_text', text: part.text, annotations: [] }
            : { type: 'refusal', refusal: part.refusal },
        ),
        ...(item.phase ? { phase: item.phase } : {}),
      }) as ResponseItem;
    case 'reasoning':
      // Without its encrypted content it names something that the server did not keep.
      if (!item.encrypted_content) return null;
      return clean({
        type: 'reasoning',
        id: item.id,
        summary: item.summary,
        encrypted_content: item.encrypted_content,
      }) as ResponseItem;
    case 'function_call':
      return clean({
        type: 'function_call',
        call_id: item.call_id,
        name: item.name,
        arguments: item.arguments,
      }) as ResponseItem;
    case 'custom_tool_call':
      return clean({
        type: 'custom_tool_call',
        call_id: item.call_id,
        name: item.name,
        input: item.input,
      }) as ResponseItem;
    case 'local_shell_call':
      return clean({
        type: 'local_shell_call',
        id: item.id,
        call_id: item.call_id,
        status: 'completed',
        action: item.action,
      }) as ResponseItem;
    case 'shell_call':
      return clean({
        type: 'shell_call',
        call_id: item.call_id,
        status: 'completed',
        action: item.action,
      }) as ResponseItem;
    case 'apply_patch_call':
      return clean({
        type: 'apply_patch_call',
        call_id: item.call_id,
        status: 'completed',
        operation: item.operation,
      }) as ResponseItem;
  }
}

/** The answer to a call, of the kind that belongs to the call's kind. */
export function outputFor(call: ToolCall, output: string): ResponseItem {
  const text = cleanText(output);
  switch (call.type) {
    case 'function_call':
      return { type: 'function_call_output', call_id: call.call_id, output: text };
    case 'custom_tool_call':
      return { type: 'custom_tool_call_output', call_id: call.call_id, output: text };
    case 'local_shell_call': {
      // The schema has `id` alone, the server pairs by `call_id`.
      const item = {
        type: 'local_shell_call_output' as const,
        id: call.call_id,
        call_id: call.call_id,
        output: text,
      };
      return item;
    }
    case 'shell_call':
      // Something of ours instead of a command's output: as a command would that failed.
      return shellOutputFor(call, [{ stdout: '', stderr: text, outcome: { type: 'exit', exit_code: 1 } }]);
    case 'apply_patch_call':
      return patchOutputFor(call, false, text);
  }
}

export type ShellOutput = OpenAI.Responses.ResponseFunctionShellCallOutputContent;

/** One for each command of the call. The longest output that was asked for has to be told again. */
export function shellOutputFor(
  call: Extract<ToolCall, { type: 'shell_call' }>,
  outputs: ShellOutput[],
): ResponseItem {
  const longest = call.action['max_output_length'];
  return {
    type: 'shell_call_output',
    call_id: call.call_id,
    status: 'completed',
    output: outputs.map(({ stdout, stderr, outcome }) => ({
      stdout: cleanText(stdout),
      stderr: cleanText(stderr),
      outcome,
    })),
    ...(typeof longest === 'number' ? { max_output_length: longest } : {}),
  };
}

export function patchOutputFor(
  call: Extract<ToolCall, { type: 'apply_patch_call' }>,
  applied: boolean,
  output: string,
): ResponseItem {
  return {
    type: 'apply_patch_call_output',
    call_id: call.call_id,
    status: applied ? 'completed' : 'failed',
    output: cleanText(output),
  };
}

/** Text that any JSON column takes: no NUL, no half of a surrogate pair. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleanText(key), clean(inner)]));
  }
  return value;
}

/** An item's id as events and deltas name it: the model's own, tamed. */
export function shownItemId(id: string): string {
  return cleanText(id.slice(0, MAX_ID_CHARS));
}

const MAX_ID_CHARS = 128;

/** For whoever holds an item of the wire's type. */
export function asKnown(item: OutputItem | ResponseItem): KnownItem | null {
  const known = readItem(item);
  return known === 'malformed' ? null : known;
}
