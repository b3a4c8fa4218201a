/**
 * When the model's window is nearly full: a summary takes the place of what came before.
 *
 * In order: the model is asked to hand over to itself → what it writes, the task's first prompt, the
 * newest words of the person's and the repository's instructions become the new beginning of the history →
 * work goes on. Where no summary can be had, the oldest steps are left out instead: a turn never ends
 * because of this. The history itself keeps everything; only what requests begin with changes.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { NewEvent, Usage } from '../../protocol/events.ts';
import { NO_USAGE } from '../../protocol/events.ts';
import { COMPACTION_SHARE, COMPACTION_USER_TOKENS } from '../../protocol/limits.ts';
import { asKnown, messageText } from '../model/items.ts';
import type { ModelClient, ModelHooks, ModelRequest, ResponseItem } from '../model/model.ts';
import { isAgentsMessage } from './agents-files.ts';
import { isLinked } from './linked.ts';
import { isTemplateMessage } from './pull-request-template.ts';
import { compactionItem, currentItems, isCompaction, isPrompt, toRequest } from './history.ts';
import { isSteer } from './steering.ts';
import { BYTES_PER_TOKEN, fitText } from './truncate.ts';
import { addUsage } from './usage.ts';

/** Without a summary: the newest steps that are kept, as a share of what there was. */
const KEPT_SHARE = 0.4;
/** How often a summary is asked for again with less before it, when even the request for it is too long. */
const SUMMARY_TRIES = 4;
/** A summary longer than this is no summary. */
const MAX_SUMMARY_BYTES = 64 * 1024;

/** As providers count it, roughly; encrypted reasoning and pictures cost less than their bytes say. */
export function estimateTokens(items: readonly ResponseItem[]): number {
  let bytes = 0;
  for (const item of items) bytes += isCompaction(item) ? 0 : Buffer.byteLength(JSON.stringify(item));
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

export function isNearlyFull(tokens: number, windowTokens: number | undefined): boolean {
  return windowTokens !== undefined && tokens >= windowTokens * COMPACTION_SHARE;
}

/** Whether leaving something out would help: a prompt alone is as short as it gets. */
export function canCompact(all: readonly ResponseItem[]): boolean {
  const at = all.findLastIndex(isCompaction);
  return all.slice(at + 1).some((item) => isOutput(item));
}

export interface Compacted {
  /** To be appended to the history. */
  item: ResponseItem;
  usage: Usage;
  event: NewEvent;
}

export async function compact(
  all: readonly ResponseItem[],
  of: { model: ModelClient; request: Omit<ModelRequest, 'input'>; hooks: ModelHooks; signal: AbortSignal },
  tokensBefore: number,
): Promise<Compacted> {
  const { summary, usage } = await summarised(all, of);
  const items = summary === null ? withoutOldest(all, tokensBefore * KEPT_SHARE) : handedOver(all, summary);
  const id = `compaction-${all.filter(isCompaction).length + 1}`;
  const event: NewEvent = {
    code: 'item.completed',
    params: {
      item: {
        type: 'compaction',
        id,
        tokensBefore: Math.round(tokensBefore),
        ...(summary === null ? {} : { tokensAfter: estimateTokens(items) }),
      },
    },
  };
  return { item: compactionItem(items), usage, event };
}

/** Null when the model gives none. Throws only when the turn is stopped. */
async function summarised(
  all: readonly ResponseItem[],
  { model, request, hooks, signal }: Parameters<typeof compact>[1],
): Promise<{ summary: string | null; usage: Usage }> {
  let input = toRequest(all);
  let usage = NO_USAGE;
  for (let tries = 0; tries < SUMMARY_TRIES; tries++) {
    try {
      const question: ResponseItem = { type: 'message', role: 'user', content: HAND_OVER };
      const response = await model.respond({ ...request, input: [...input, question] }, hooks, signal);
      usage = addUsage(usage, response.usage);
      const texts = response.items.flatMap((item) => {
        const known = asKnown(item);
        return known?.type === 'message' ? [messageText(known).trim()] : [];
      });
      const text = texts.filter((one) => one !== '').join('\n\n');
      return { summary: text === '' ? null : fitText(text, MAX_SUMMARY_BYTES), usage };
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof CodexError) || error.code !== 'modelContextFull') break;
      input = toRequest(newestSteps(input, estimateTokens(input) * 0.6));
    }
  }
  return { summary: null, usage };
}

function handedOver(all: readonly ResponseItem[], summary: string): ResponseItem[] {
  return [...instructionsOf(all), ...said(all), notice(`${SUMMARY_HEAD}\n\n${summary}`)];
}

function withoutOldest(all: readonly ResponseItem[], tokens: number): ResponseItem[] {
  const current = currentItems(all);
  const steps = newestSteps(current, tokens).filter((item) => !isUserMessage(item));
  return [...instructionsOf(all), ...said(all), notice(LEFT_OUT), ...steps];
}

/** The repository's instructions and its template for pull requests, as they were told last. */
function instructionsOf(all: readonly ResponseItem[]): ResponseItem[] {
  return [isAgentsMessage, isTemplateMessage].flatMap((is) => {
    const last = all.findLast(
      (item) => 'content' in item && typeof item.content === 'string' && !isPrompt(item) && is(item.content),
    );
    return last ? [last] : [];
  });
}

/** The task's first prompt, and the newest words of the person's with what their links led to, in their order. */
function said(all: readonly ResponseItem[]): ResponseItem[] {
  const first = all.find((item) => isPrompt(item) || isSteer(item));
  if (!first) return [];
  const kept = new Set<ResponseItem>([first]);
  let left = COMPACTION_USER_TOKENS;
  for (const item of all.toReversed()) {
    if (item === first || !(isPrompt(item) || isSteer(item) || isLinked(item))) continue;
    const tokens = estimateTokens([item]);
    if (tokens <= left) kept.add(item);
    // A long discussion pushes out no word of the person's.
    else if (!isLinked(item)) break;
    else continue;
    left -= tokens;
  }
  return all.filter((item) => kept.has(item));
}

/** From the end, whole steps: no output without its call, no call without its output. */
function newestSteps(items: readonly ResponseItem[], tokens: number): ResponseItem[] {
  let from = items.length;
  let sum = 0;
  for (let at = items.length - 1; at >= 0; at--) {
    const item = items[at];
    if (item === undefined) break;
    sum += estimateTokens([item]);
    if (sum > tokens) break;
    const before = items[at - 1];
    if (!isOutput(item) && (before === undefined || isOutput(before))) from = at;
  }
  return items.slice(from);
}

/** As what was said last before the work goes on: models heed that most. */
function notice(text: string): ResponseItem {
  return { type: 'message', role: 'user', content: text };
}

function isOutput(item: ResponseItem): boolean {
  return typeof item.type === 'string' && item.type.endsWith('_output');
}

function isUserMessage(item: ResponseItem): boolean {
  return item.type === 'message' && 'role' in item && item.role === 'user';
}

const HAND_OVER = `Your context window is nearly full, so this conversation is about to be replaced by what you write now. Hand over to yourself. Do not call a tool; write plain text, at most two pages:
- what is asked for, with every constraint and wish of the person's that still counts;
- what is done and which decisions were taken, with their reasons; which files were changed, and how;
- what was found out that would cost time to find out again: paths, names, commands, error messages, exact values;
- what runs in the background;
- what is still to be done, in order, and what to check at the end.`;

const SUMMARY_HEAD =
  'The conversation before this was replaced by a summary, since the context window was nearly full. You wrote it yourself; the files are as you left them. Go on from here.';

const LEFT_OUT =
  'The oldest steps of this conversation were left out, since the context window was nearly full. The files are as you left them: look at them where you are not sure.';
