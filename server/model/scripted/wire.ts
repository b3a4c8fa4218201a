/**
 * One response on the wire: the events of a step in the order in which the real API sends them, every
 * one of the `openai` package's own type. Pure; the server sends them.
 */
import { randomBytes } from 'node:crypto';
import type OpenAI from 'openai';
import type { PlayedStep, WantedCall } from './script.ts';
import type { WireRequest } from './request.ts';

type Event = OpenAI.Responses.ResponseStreamEvent;
type Response = OpenAI.Responses.Response;
type OutputItem = OpenAI.Responses.ResponseOutputItem;
/** An event before it has its number. */
type Unnumbered = Event extends infer E ? (E extends Event ? Omit<E, 'sequence_number'> : never) : never;

/** Text and arguments arrive in pieces, as they do from a model. */
const DELTA_CHARS = 48;
/** Long arguments in fewer events: a large patch is not worth ten thousand of them. */
const MAX_DELTAS = 64;

export interface Played {
  events: Event[];
  /** Where a fault may cut: the index of the first event that is not sent. */
  cuts: { start: number; text: number; item: number };
}

export function play(step: PlayedStep, request: WireRequest, cachedTokens: number): Played {
  const events: Event[] = [];
  const send = (event: Unnumbered) => {
    events.push({ ...event, sequence_number: events.length });
  };
  const response = emptyResponse(request);
  send({ type: 'response.created', response });
  send({ type: 'response.in_progress', response });
  const cuts = { start: events.length, text: events.length, item: events.length };
  const output: OutputItem[] = [];

  if (step.think !== undefined) output.push(sendReasoning(send, output.length, step.think));
  if (step.say !== undefined) {
    const half = events.length + 3;
    output.push(sendMessage(send, output.length, step.say));
    cuts.text = Math.min(half, events.length - 1);
  }
  for (const call of step.calls) {
    output.push(sendCall(send, output.length, call, request));
    if (cuts.item === cuts.start) cuts.item = events.length;
  }
  if (cuts.item === cuts.start) cuts.item = events.length;
  const done: Response = {
    ...response,
    status: 'completed',
    output,
    usage: usageOf(request, output, cachedTokens),
  };
  send({ type: 'response.completed', response: done });
  return { events, cuts };
}

export function failedEvents(request: WireRequest, code: string, message: string): Event[] {
  const response = emptyResponse(request);
  return [
    { type: 'response.created', response, sequence_number: 0 },
    {
      type: 'response.failed',
      // The type lists the documented codes; a server sends others too.
      response: { ...response, status: 'failed', error: { code: code as 'server_error', message } },
      sequence_number: 1,
    },
  ];
}

export function incompleteEvents(request: WireRequest): Event[] {
  const response = emptyResponse(request);
  return [
    { type: 'response.created', response, sequence_number: 0 },
    {
      type: 'response.incomplete',
      response: { ...response, status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
      sequence_number: 1,
    },
  ];
}

type Send = (event: Unnumbered) => void;

function sendMessage(send: Send, output_index: number, text: string): OutputItem {
  const id = newId('msg');
  const at = { item_id: id, output_index, content_index: 0 };
  const part = (value: string) => ({
    type: 'output_text' as const,
    text: value,
    annotations: [],
    logprobs: [],
  });
  const item = (status: 'in_progress' | 'completed', content: OpenAI.Responses.ResponseOutputText[]) => ({
    type: 'message' as const,
    id,
    role: 'assistant' as const,
    status,
    content,
  });
  send({ type: 'response.output_item.added', output_index, item: item('in_progress', []) });
  send({ type: 'response.content_part.added', ...at, part: part('') });
  for (const delta of piecesOf(text))
    send({ type: 'response.output_text.delta', ...at, delta, logprobs: [] });
  send({ type: 'response.output_text.done', ...at, text, logprobs: [] });
  send({ type: 'response.content_part.done', ...at, part: part(text) });
  const done = item('completed', [part(text)]);
  send({ type: 'response.output_item.done', output_index, item: done });
  return done;
}

function sendReasoning(send: Send, output_index: number, text: string): OutputItem {
  const id = newId('rs');
  const at = { item_id: id, output_index, summary_index: 0 };
  const part = { type: 'summary_text' as const, text };
  const item = { type: 'reasoning' as const, id, summary: [] };
  send({ type: 'response.output_item.added', output_index, item });
  send({ type: 'response.reasoning_summary_part.added', ...at, part: { ...part, text: '' } });
  for (const delta of piecesOf(text)) send({ type: 'response.reasoning_summary_text.delta', ...at, delta });
  send({ type: 'response.reasoning_summary_text.done', ...at, text });
  send({ type: 'response.reasoning_summary_part.done', ...at, part });
  const encrypted_content = Buffer.from(`scripted:${text}`).toString('base64');
  const done = { ...item, summary: [part], encrypted_content };
  send({ type: 'response.output_item.done', output_index, item: done });
  return done;
}

function sendCall(send: Send, output_index: number, call: WantedCall, request: WireRequest): OutputItem {
  const call_id = newId('call');
  if (call.kind === 'item')
    return sendWhole(send, output_index, { id: newId('item'), call_id, ...call.item });
  const chosen = chooseTool(call, request);
  if (chosen.type === 'shell') {
    return sendWhole(send, output_index, {
      type: 'shell_call',
      id: newId('sh'),
      call_id,
      status: 'completed',
      environment: { type: 'local' },
      action: chosen.action,
    });
  }
  if (chosen.type === 'local_shell') {
    const item = {
      type: 'local_shell_call' as const,
      id: newId('lsh'),
      call_id,
      status: 'completed' as const,
      action: chosen.action,
    };
    send({ type: 'response.output_item.added', output_index, item: { ...item, status: 'in_progress' } });
    send({ type: 'response.output_item.done', output_index, item });
    return item;
  }
  const id = newId('fc');
  const text = chosen.arguments;
  const item = { type: 'function_call' as const, id, call_id, name: chosen.name, arguments: text };
  send({
    type: 'response.output_item.added',
    output_index,
    item: { ...item, arguments: '', status: 'in_progress' },
  });
  for (const delta of piecesOf(text)) {
    send({ type: 'response.function_call_arguments.delta', item_id: id, output_index, delta });
  }
  send({ type: 'response.function_call_arguments.done', item_id: id, output_index, arguments: text });
  const done = { ...item, status: 'completed' as const };
  send({ type: 'response.output_item.done', output_index, item: done });
  return done;
}

/** Of a kind whose parts nobody waits for. */
function sendWhole(send: Send, output_index: number, whole: object): OutputItem {
  const item = whole as OutputItem;
  send({ type: 'response.output_item.added', output_index, item });
  send({ type: 'response.output_item.done', output_index, item });
  return item;
}

type Chosen =
  | { type: 'shell'; action: OpenAI.Responses.ResponseFunctionShellToolCall.Action }
  | { type: 'function'; name: string; arguments: string }
  | { type: 'local_shell'; action: OpenAI.Responses.ResponseOutputItem.LocalShellCall.Action };

/** The shell under whatever name and with whatever parameters the request offers it. */
function chooseTool(call: Exclude<WantedCall, { kind: 'item' }>, request: WireRequest): Chosen {
  if (call.kind === 'raw') return { type: 'function', name: call.name, arguments: call.arguments };
  const { command, workdir, timeoutMs } = call;
  const offered = new Set(request.tools.map((tool) => tool.name ?? tool.type));
  const script = typeof command === 'string' ? command : command.map(quoted).join(' ');
  if (offered.has('local_shell')) {
    const action = {
      type: 'exec' as const,
      command: typeof command === 'string' ? ['bash', '-lc', command] : command,
      env: {},
      ...(workdir === undefined ? {} : { working_directory: workdir }),
      ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    };
    return { type: 'local_shell', action };
  }
  if (request.tools.some((tool) => tool.type === 'shell')) {
    const inFolder = workdir === undefined ? script : `cd ${quoted(workdir)} && ${script}`;
    return {
      type: 'shell',
      action: { commands: [inFolder], timeout_ms: timeoutMs ?? null, max_output_length: null },
    };
  }
  const place = { ...(workdir === undefined ? {} : { workdir }) };
  const time = { ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }) };
  if (offered.has('exec_command')) return asFunction('exec_command', { cmd: script, ...place });
  if (offered.has('shell_command'))
    return asFunction('shell_command', { command: script, ...place, ...time });
  return asFunction('shell', { command, ...place, ...time });
}

function asFunction(name: string, args: object): Chosen {
  return { type: 'function', name, arguments: JSON.stringify(args) };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function piecesOf(text: string): string[] {
  const size = Math.max(DELTA_CHARS, Math.ceil(text.length / MAX_DELTAS));
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + size);
    // A pair of surrogates stays together, as in any JSON that a server sends.
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1] ?? '')) end++;
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

function usageOf(
  request: WireRequest,
  output: OutputItem[],
  cached_tokens: number,
): OpenAI.Responses.ResponseUsage {
  const input_tokens = tokens(request.input) + tokens(request.instructions ?? '') + tokens(request.tools);
  const output_tokens = tokens(output);
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: Math.min(cached_tokens, input_tokens), cache_write_tokens: 0 },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output_tokens,
  };
}

export function tokens(value: unknown): number {
  return Math.ceil(JSON.stringify(value).length / 4);
}

function emptyResponse(request: WireRequest): Response {
  return {
    id: newId('resp'),
    object: 'response',
    access_programs: null,
    created_at: Math.floor(Date.now() / 1000),
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: request.model,
    output: [],
    output_text: '',
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
  };
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`;
}
