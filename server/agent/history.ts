/**
 * The history as the loop reasons about it: which calls are open, which turn a prompt belongs to, and
 * what of it goes into a request. Pure.
 *
 * It is append-only, so that every request starts with the bytes of the one before. A request needs an
 * output for every call and a call for every output: `toRequest` holds to that whatever was stored.
 */
import { createHash } from 'node:crypto';
import type { ResponseItem } from '../model/model.ts';
import { expanded, withImages, type Pictures, type StoredImage } from './images.ts';
import { asKnown, isToolCall, messageText, outputFor, type ToolCall } from '../model/items.ts';

export const LOST_RESULT = 'The result of this call was lost. It may have run, wholly or in part.';

/** A prompt remembers its turn. Fields that begin with `codex` are for us: they never leave. */
type StoredPrompt = ResponseItem & { codexTurn: number };

export function promptItem(text: string, turn: number, images: readonly StoredImage[] = []): StoredPrompt {
  const prompt: StoredPrompt = { type: 'message', role: 'user', content: text, codexTurn: turn };
  return withImages(prompt, images);
}

/** Told to the model by us, neither the person's words nor the model's. */
export function noteItem(text: string): ResponseItem {
  return { type: 'message', role: 'developer', content: text };
}

/** A note that is given once in a turn; `about` says which. */
export function onceNote(about: string, text: string): ResponseItem {
  const note = { ...noteItem(text), codexOnce: about };
  return note;
}

export function wasNoted(items: readonly ResponseItem[], about: string): boolean {
  return items.some((item) => 'codexOnce' in item && item.codexOnce === about);
}

export interface OpenCall {
  call: ToolCall;
  /** How many calls stand before it in the history: tells calls apart that share an id. */
  ordinal: number;
}

/** Where the newest prompt stands; everything after it is of its turn. */
export function startOfTurn(items: readonly ResponseItem[]): number {
  return Math.max(0, items.findLastIndex(isPrompt));
}

export function callCount(items: readonly ResponseItem[]): number {
  return items.filter((item) => callOf(item) !== null).length;
}

/**
 * In place of everything before it: what the model goes on with. It is kept in the history itself, so that
 * every later request begins with the same bytes again.
 */
export interface StoredCompaction {
  type: 'codexCompaction';
  items: ResponseItem[];
}

export function compactionItem(items: ResponseItem[]): ResponseItem {
  const stored: StoredCompaction = { type: 'codexCompaction', items };
  // It has no place in a request, only in the history.
  return stored as unknown as ResponseItem;
}

export function isCompaction(item: object): item is StoredCompaction {
  return 'type' in item && item.type === 'codexCompaction';
}

/** The history from where the model knows it. */
export function currentItems(all: readonly ResponseItem[]): ResponseItem[] {
  const at = all.findLastIndex(isCompaction);
  const last: object | undefined = all[at];
  return last !== undefined && isCompaction(last) ? [...last.items, ...all.slice(at + 1)] : [...all];
}

/** All of them, in order: the call of ordinal n is the nth. */
export function calls(items: readonly ResponseItem[]): OpenCall[] {
  return items.flatMap((item) => callOf(item) ?? []).map((call, ordinal) => ({ call, ordinal }));
}

/** Calls that have no output, in order. */
export function openCalls(items: readonly ResponseItem[]): OpenCall[] {
  const open: OpenCall[] = [];
  let ordinal = 0;
  for (const item of items) {
    const call = callOf(item);
    if (call !== null) open.push({ call, ordinal: ordinal++ });
    else {
      const answered = answeredCall(item);
      const at = open.findIndex((one) => one.call.call_id === answered);
      if (answered !== null && at >= 0) open.splice(at, 1);
    }
  }
  return open;
}

/**
 * What goes over the wire: what was put in the place of all before it, where something was; an output for
 * every call, right after it where it is missing. `pictures`: those that were loaded, as data URLs by their
 * hash; any other is only named.
 */
export function toRequest(all: readonly ResponseItem[], pictures: Pictures = new Map()): ResponseItem[] {
  const items = currentItems(all);
  const unanswered = new Set(openCalls(items).map((one) => one.ordinal));
  const request: ResponseItem[] = [];
  const calls = new Map<string, number>();
  let ordinal = 0;
  for (const item of items) {
    const call = callOf(item);
    const answered = answeredCall(item);
    if (call !== null) {
      request.push(item);
      if (unanswered.has(ordinal++)) request.push(outputFor(call, LOST_RESULT));
      else calls.set(call.call_id, (calls.get(call.call_id) ?? 0) + 1);
    } else if (answered !== null) {
      const waiting = calls.get(answered) ?? 0;
      if (waiting === 0) continue;
      calls.set(answered, waiting - 1);
      request.push(toWire(item, pictures));
    } else {
      request.push(toWire(item, pictures));
    }
  }
  return request;
}

export type TurnStart =
  | { kind: 'new' }
  /** Its prompt is stored: the turn goes on. */
  | { kind: 'resumed'; ranCalls: boolean }
  /** Its last word is stored too. */
  | { kind: 'answered'; answer: string; ranCalls: boolean };

/**
 * Whether the turn is in the history already. Without a number the same words count as the same turn
 * as long as they have no answer.
 */
export function turnStart(
  items: readonly ResponseItem[],
  prompt: string,
  turn: number | undefined,
): TurnStart {
  const at = items.findLastIndex(isPrompt);
  const last = items[at];
  if (last === undefined || !isPrompt(last)) return { kind: 'new' };
  const sameTurn = turn === undefined ? last.content === prompt : last.codexTurn === turn;
  if (!sameTurn) return { kind: 'new' };
  const since = items.slice(at + 1);
  const ranCalls = since.some((item) => callOf(item) !== null);
  const answer = finalAnswer(since);
  if (answer === null) return { kind: 'resumed', ranCalls };
  return turn === undefined ? { kind: 'new' } : { kind: 'answered', answer, ranCalls };
}

/** The message that the items end with, when nothing came after it. */
function finalAnswer(items: ResponseItem[]): string | null {
  const last = items.at(-1);
  if (last?.type !== 'message' || !('role' in last) || last.role !== 'assistant') return null;
  const known = asKnown({ id: '', ...last });
  return known?.type === 'message' ? messageText(known) : null;
}

/** The newest text of the person's or the repository's that starts as told, if any. */
export function lastUserText(items: readonly ResponseItem[], is: (text: string) => boolean): string | null {
  for (const item of items.toReversed()) {
    if (item.type !== 'message' || !('role' in item) || item.role !== 'user') continue;
    if (typeof item.content === 'string' && is(item.content)) return item.content;
  }
  return null;
}

/**
 * The name of a call in the sandbox, and of its item: safe as a file's name whatever the model called
 * it, the same after a restart, and different for every call of a history.
 */
export function safeCallId(cacheKey: string, open: OpenCall): string {
  const hash = createHash('sha256').update(JSON.stringify([cacheKey, open.ordinal, open.call.call_id]));
  return `c${open.ordinal}-${hash.digest('hex').slice(0, 24)}`;
}

export function isPrompt(item: ResponseItem): item is StoredPrompt & { content: string } {
  return 'codexTurn' in item && typeof item.codexTurn === 'number';
}

/** Without the fields that are for us; the others keep their order, so that a request's bytes stay the same. */
function toWire(item: ResponseItem, pictures: Pictures): ResponseItem {
  const fields = Object.entries(expanded(item, pictures));
  return Object.fromEntries(fields.filter(([name]) => !name.startsWith('codex'))) as unknown as ResponseItem;
}

/** What is in a history was checked when it came in. */
function callOf(item: ResponseItem): ToolCall | null {
  return isToolCall({ type: item.type ?? 'message' }) ? (item as unknown as ToolCall) : null;
}

export function isCallItem(item: ResponseItem): boolean {
  return callOf(item) !== null;
}

function answeredCall(item: ResponseItem): string | null {
  if (
    item.type === 'function_call_output' ||
    item.type === 'custom_tool_call_output' ||
    item.type === 'shell_call_output' ||
    item.type === 'apply_patch_call_output'
  ) {
    return item.call_id ?? null;
  }
  return item.type === 'local_shell_call_output' ? item.id : null;
}
