/**
 * A task's title, made by the model from the prompt: one small request beside the agent's own. Whatever
 * goes wrong with it costs nothing but the title.
 */
import type { Usage } from '../../protocol/events.ts';
import { asKnown, cleanText, messageText } from '../model/items.ts';
import type { ModelClient } from '../model/model.ts';
import { prompt as promptText } from './instructions.ts';

/** Fits the list of tasks in a side bar. */
export const TITLE_CHARS = 60;
/** After this nobody waits for a better name. */
const TITLE_TIMEOUT_MS = 60_000;
/** A prompt says in its beginning what it is about. */
const PROMPT_CHARS = 4_000;
/** Tells this request from the agent's: they share no prefix. */
export const TITLE_KEY_SUFFIX = '-title';

export async function makeTitle(of: {
  model: ModelClient;
  prompt: string;
  cacheKey: string;
  signal: AbortSignal;
}): Promise<{ title: string | null; usage: Usage }> {
  const { model, prompt, cacheKey, signal } = of;
  const content = cleanText(prompt.slice(0, PROMPT_CHARS));
  const response = await model.respond(
    {
      instructions: promptText('title'),
      input: [{ type: 'message', role: 'user', content }],
      tools: [],
      cacheKey: `${cacheKey}${TITLE_KEY_SUFFIX}`,
      effort: 'low',
    },
    {},
    AbortSignal.any([signal, AbortSignal.timeout(TITLE_TIMEOUT_MS)]),
  );
  const texts = response.items.flatMap((item) => {
    const known = asKnown(item);
    return known?.type === 'message' ? [messageText(known)] : [];
  });
  return { title: titleIn(texts.join('\n')), usage: response.usage };
}

/** What a model says, as a title; null when it is none. Pure. */
export function titleIn(said: string): string | null {
  const line = said.trim();
  const bare = QUOTED.exec(line)?.[1]?.trim() ?? line;
  const title = bare.replace(/(?<!\.)\.$/, '').trim();
  if (title === '' || [...title].length > TITLE_CHARS) return null;
  // Control characters, ends of lines among them, and what turns the direction of text around.
  if (/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ud800-\udfff]/u.test(title)) return null;
  return /^[#*`>{[<-]|["“”«»`]/.test(title) ? null : title;
}

const QUOTED = /^["“”„«»'‘’](.*)["“”«»'‘’]$/;
