/**
 * A request as the scripted model reads it: checked as strictly as the real API checks it, then boiled
 * down to what a script decides by. Pure.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CREATE_FIELDS, EasyMessage, InputMessage, ITEMS, OutputMessage, Tool } from './schema.ts';
import type { Situation } from './script.ts';

type Message = z.infer<typeof EasyMessage> | z.infer<typeof InputMessage> | z.infer<typeof OutputMessage>;
type Item =
  | (Message & { type: 'message' })
  | { [T in keyof typeof ITEMS]: z.infer<(typeof ITEMS)[T]> }[keyof typeof ITEMS];

const CreateRequest = z.strictObject({
  ...CREATE_FIELDS,
  model: z.string().min(1),
  store: z.literal(false),
  input: z.array(z.unknown()).min(1),
  tools: z.array(Tool).default([]),
});
export type WireRequest = Omit<z.infer<typeof CreateRequest>, 'input'> & { input: Item[] };

export type Checked =
  /** `beyond`: what the schema does not have, though real servers take it. */
  { ok: true; request: WireRequest; beyond: string[] } | { ok: false; message: string; param: string };

export function checkRequest(body: unknown): Checked {
  const { known, beyond } = withoutBeyond(body);
  const parsed = CreateRequest.safeParse(known);
  if (!parsed.success) return refusal(parsed.error, []);
  const items: Item[] = [];
  for (const [at, raw] of parsed.data.input.entries()) {
    const schema = schemaOf(raw);
    if (schema === null) return unknownItem(raw, at);
    const item = schema.safeParse(raw);
    if (!item.success) return refusal(item.error, ['input', at]);
    items.push({ type: 'message', ...(item.data as object) } as Item);
  }
  const longest = new Map<string, number>();
  const open = new Set<string>();
  const seen = new Set<string>();
  for (const item of items) {
    if (isCall(item)) {
      if (open.has(item.call_id)) return refuse(`Duplicate call ${item.call_id}.`);
      open.add(item.call_id);
      seen.add(item.call_id);
      const length = item.type === 'shell_call' ? item.action.max_output_length : null;
      if (length != null) longest.set(item.call_id, length);
    } else if (isOutput(item)) {
      const id = answeredBy(item);
      if (!seen.has(id)) return refuse(`No tool call found for function call output with call_id ${id}.`);
      // The real API wants it told again.
      const told =
        item.type === 'shell_call_output' ? (item.max_output_length ?? undefined) : longest.get(id);
      if (told !== longest.get(id)) return refuse(`Missing max_output_length of ${id}.`);
      open.delete(id);
    } else if (item.type === 'reasoning' && !item.encrypted_content) {
      return refuse(`Item ${item.id} is not stored and has no encrypted_content.`);
    }
  }
  const [unanswered] = open;
  if (unanswered !== undefined) return refuse(`No tool output found for function call ${unanswered}.`);
  return { ok: true, request: { ...parsed.data, input: items }, beyond };
}

/**
 * What OpenAI's own CLI sends and OpenAI's servers take, though the published schema does not have it:
 * taken here too, and noted.
 */
function withoutBeyond(body: unknown): { known: unknown; beyond: string[] } {
  if (!isObject(body)) return { known: body, beyond: [] };
  const beyond: string[] = [];
  const without = (object: Record<string, unknown>, name: string, path: string) => {
    if (!(name in object)) return object;
    beyond.push(`${path}${name}`);
    return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
  };
  const known = without(body, 'client_metadata', '');
  if (!Array.isArray(known['input'])) return { known, beyond };
  const input = known['input'].map((item: unknown, at) => {
    if (!isObject(item)) return item;
    const path = `input.${at}.`;
    if (item['type'] === 'message' && item['role'] !== 'assistant') return without(item, 'id', path);
    if (item['type'] === 'reasoning' && item['content'] === null) return without(item, 'content', path);
    // The server pairs by it: the schema has `id` alone.
    if (item['type'] === 'local_shell_call_output') return without(item, 'call_id', path);
    return item;
  });
  return { known: { ...known, input }, beyond };
}

function schemaOf(item: unknown): z.ZodType | null {
  if (!isObject(item)) return null;
  // The short form of a message has no type.
  const type = item['type'] ?? ('role' in item ? 'message' : undefined);
  if (type === 'message') {
    const parts = Array.isArray(item['content']) ? (item['content'] as unknown[]) : [];
    const isOutputMessage = item['role'] === 'assistant' && parts.some((part) => !isInputPart(part));
    if (isOutputMessage || ('id' in item && item['role'] === 'assistant')) return OutputMessage;
    return 'status' in item ? InputMessage : EasyMessage;
  }
  return typeof type === 'string' && Object.hasOwn(ITEMS, type) ? ITEMS[type as keyof typeof ITEMS] : null;
}

function isInputPart(part: unknown): boolean {
  return isObject(part) && typeof part['type'] === 'string' && part['type'].startsWith('input_');
}

function unknownItem(item: unknown, at: number): Checked {
  const type = isObject(item) ? String(item['type']) : typeof item;
  const param = `input.${at}`;
  return { ok: false, param, message: `Invalid '${param}': there is no item of type ${type}.` };
}

function refusal(error: z.ZodError, path: (string | number)[]): Checked {
  const [issue] = error.issues;
  const at = [...path, ...(issue?.path ?? [])].map(String);
  if (issue?.code === 'unrecognized_keys') {
    const param = [...at, issue.keys[0] ?? ''].join('.');
    return { ok: false, param, message: `Unknown parameter: '${param}'.` };
  }
  const param = at.join('.') || 'body';
  return { ok: false, param, message: `Invalid '${param}': ${issue?.message ?? 'unreadable'}.` };
}

function refuse(message: string): Checked {
  return { ok: false, message, param: 'input' };
}

export function situationOf(request: WireRequest): Situation {
  const at = request.input.findLastIndex((item) => item.type === 'message' && item.role === 'user');
  const prompt = request.input[at];
  const since = request.input.slice(at + 1);
  const lastOutput = since.findLast(isOutput);
  const mode = /^Mode: (ask|code|review)$/m.exec(request.instructions ?? '')?.[1];
  const attempt = /-(\d+)$/.exec(request.prompt_cache_key ?? '')?.[1];
  return {
    prompt: prompt?.type === 'message' ? textOf(prompt.content) : '',
    mode: mode === 'ask' || mode === 'review' ? mode : 'code',
    followUp: request.input.slice(0, at).some((item) => item.type === 'message' && item.role === 'assistant'),
    ...(attempt === undefined ? {} : { attempt: Number(attempt) }),
    callsSince: since.filter(isCall).length,
    lastOutput: lastOutput ? printed(textOf(lastOutput.output)) : '',
  };
}

/** What the command itself printed, without the lines before it. */
function printed(output: string): string {
  const at = output.indexOf('Output:\n');
  return at >= 0 ? output.slice(at + 'Output:\n'.length) : output;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as Record<string, unknown>[])
    .map((part) => part['text'] ?? part['refusal'] ?? part['stdout'])
    .filter((text) => typeof text === 'string')
    .join('');
}

type Call = Extract<Item, { type: `${string}_call` }>;
type Output = Extract<Item, { type: `${string}_output` }>;

function isCall(item: Item): item is Call {
  return item.type.endsWith('_call');
}

function isOutput(item: Item): item is Output {
  return item.type.endsWith('_output');
}

function answeredBy(item: Output): string {
  return item.type === 'local_shell_call_output' ? item.id : (item.call_id ?? '');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * One hash per item over everything up to it: what a prompt cache goes by. Ids are no part of what a
 * model reads, nor is how a message is spelled.
 */
export function prefixHashes(request: WireRequest): string[] {
  let hash = createHash('sha256').update(JSON.stringify(request.tools));
  return request.input.map((item) => {
    hash = hash.update(JSON.stringify(read(item)));
    return hash.copy().digest('hex');
  });
}

function read(item: Item): unknown {
  if (item.type === 'message') return [item.role, textOf(item.content)];
  if (item.type === 'function_call') return [item.call_id, item.name, item.arguments];
  return item;
}
