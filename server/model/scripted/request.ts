/**
 * A request as the scripted model reads it: checked as strictly as the real API checks it, then boiled
 * down to what a script decides by. Pure.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Situation } from './script.ts';

const Text = z.union([
  z.string(),
  z.array(
    z.union([
      z.looseObject({
        type: z.literal('input_image'),
        image_url: z.string().regex(/^(https?:|data:image\/(png|jpeg|gif|webp);base64,)/),
        detail: z.enum(['low', 'high', 'auto', 'original']).optional(),
      }),
      z.looseObject({ type: z.string(), text: z.string().optional(), refusal: z.string().optional() }),
    ]),
  ),
]);

const Outcome = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('exit'), exit_code: z.number().int() }),
  z.strictObject({ type: z.literal('timeout') }),
]);
const Operation = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('create_file'), path: z.string(), diff: z.string() }),
  z.looseObject({ type: z.literal('update_file'), path: z.string(), diff: z.string() }),
  z.looseObject({ type: z.literal('delete_file'), path: z.string() }),
]);

const Item = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('message'),
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content: Text,
  }),
  z.looseObject({
    type: z.literal('reasoning'),
    id: z.string().optional(),
    summary: z.array(z.unknown()),
    encrypted_content: z.string().min(1),
  }),
  z.looseObject({
    type: z.literal('function_call'),
    call_id: z.string().min(1).max(64),
    name: z.string().regex(/^[\w-]{1,64}$/),
    arguments: z.string(),
  }),
  z.looseObject({ type: z.literal('function_call_output'), call_id: z.string(), output: Text }),
  z.looseObject({
    type: z.literal('custom_tool_call'),
    call_id: z.string().min(1).max(64),
    name: z.string(),
    input: z.string(),
  }),
  z.looseObject({ type: z.literal('custom_tool_call_output'), call_id: z.string(), output: Text }),
  z.looseObject({
    type: z.literal('local_shell_call'),
    call_id: z.string().min(1).max(64),
    action: z.looseObject({ type: z.literal('exec') }),
  }),
  z.looseObject({ type: z.literal('local_shell_call_output'), call_id: z.string(), output: z.string() }),
  z.looseObject({
    type: z.literal('shell_call'),
    call_id: z.string().min(1).max(64),
    action: z.looseObject({ commands: z.array(z.string()), max_output_length: z.number().nullish() }),
  }),
  z.looseObject({
    type: z.literal('shell_call_output'),
    call_id: z.string(),
    output: z.array(z.strictObject({ stdout: z.string(), stderr: z.string(), outcome: Outcome })),
    max_output_length: z.number().nullish(),
  }),
  z.looseObject({
    type: z.literal('apply_patch_call'),
    call_id: z.string().min(1).max(64),
    operation: Operation,
    status: z.enum(['in_progress', 'completed']),
  }),
  z.looseObject({
    type: z.literal('apply_patch_call_output'),
    call_id: z.string(),
    status: z.enum(['completed', 'failed']),
    output: z.string().nullish(),
  }),
]);
type Item = z.infer<typeof Item>;

const ToolDefinition = z.looseObject({ type: z.string(), name: z.string().optional() });

export const WireRequest = z.looseObject({
  model: z.string().min(1),
  instructions: z.string().nullish(),
  input: z.array(z.preprocess(withType, Item)).min(1),
  tools: z.array(ToolDefinition).default([]),
  stream: z.literal(true),
  store: z.literal(false),
  prompt_cache_key: z.string().nullish(),
});
export type WireRequest = z.infer<typeof WireRequest>;

/** The short form of a message has no type. */
function withType(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'role' in item && !('type' in item)
    ? { ...item, type: 'message' }
    : item;
}

export type Checked = { ok: true; request: WireRequest } | { ok: false; message: string; param: string };

export function checkRequest(body: unknown): Checked {
  const parsed = WireRequest.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const param = issue ? issue.path.map(String).join('.') : 'body';
    return { ok: false, param, message: `Invalid '${param}': ${issue?.message ?? 'unreadable'}.` };
  }
  const longest = new Map<string, number>();
  const open = new Set<string>();
  const seen = new Set<string>();
  for (const item of parsed.data.input) {
    if (isCall(item)) {
      if (open.has(item.call_id)) return refuse(`Duplicate call ${item.call_id}.`);
      open.add(item.call_id);
      seen.add(item.call_id);
      const length = item.type === 'shell_call' ? item.action.max_output_length : null;
      if (length != null) longest.set(item.call_id, length);
    } else if (isOutput(item)) {
      if (!seen.has(item.call_id)) {
        return refuse(`No tool call found for function call output with call_id ${item.call_id}.`);
      }
      // The real API wants it told again.
      if (
        item.type === 'shell_call_output' &&
        longest.get(item.call_id) !== (item.max_output_length ?? undefined)
      ) {
        return refuse(`Missing max_output_length of ${item.call_id}.`);
      }
      open.delete(item.call_id);
    }
  }
  const [unanswered] = open;
  if (unanswered !== undefined) return refuse(`No tool output found for function call ${unanswered}.`);
  return { ok: true, request: parsed.data };
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
    lastOutput: lastOutput ? printed(outputText(lastOutput)) : '',
  };
}

/** What the command itself printed, without the lines before it. */
function printed(output: string): string {
  const at = output.indexOf('Output:\n');
  return at >= 0 ? output.slice(at + 'Output:\n'.length) : output;
}

function outputText(item: Output): string {
  if (item.type !== 'shell_call_output') return textOf(item.output ?? '');
  return item.output.map(({ stdout, stderr }) => stdout + stderr).join('');
}

function textOf(content: z.infer<typeof Text>): string {
  if (typeof content === 'string') return content;
  return content.map(partText).join('');
}

function partText(part: object): string {
  if ('text' in part && typeof part.text === 'string') return part.text;
  return 'refusal' in part && typeof part.refusal === 'string' ? part.refusal : '';
}

const CALLS = [
  'function_call',
  'custom_tool_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
] as const;
type Call = Extract<Item, { type: (typeof CALLS)[number] }>;
type Output = Extract<Item, { type: `${Call['type']}_output` }>;

function isCall(item: Item): item is Call {
  return CALLS.some((type) => item.type === type);
}

function isOutput(item: Item): item is Output {
  return CALLS.some((type) => item.type === `${type}_output`);
}

/** One hash per item over everything up to it: what a prompt cache goes by. */
export function prefixHashes(request: WireRequest): string[] {
  let hash = createHash('sha256').update(JSON.stringify(request.tools));
  return request.input.map((item) => {
    hash = hash.update(JSON.stringify(item));
    return hash.copy().digest('hex');
  });
}
