/** Fields of forges' answers, each with what it can be at most, and what is made of them. */
import { z } from 'zod';

/** Longer than any forge takes; what is longer is no answer of one. */
export const Line = z.string().max(2_000);
export const Text = z
  .string()
  .max(1_000_000)
  .nullish()
  .transform((text) => text ?? '');
export const Id = z.number().int().nonnegative();
export const Sha = z.string().regex(/^[0-9a-f]{40,64}$/);
export const WebAddress = z.string().max(2_000).refine(isWeb);
export const Time = z.string().transform((text, context) => {
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  context.addIssue({ code: 'custom', message: 'is no time' });
  return z.NEVER;
});
function isWeb(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

const SUMMARY_CHARS = 4_000;
/** Who writes a check names its page: only an address of the web is one. */
export const address = (url: string | null | undefined) => (url && isWeb(url) ? { url } : {});
export const summary = (...parts: (string | null | undefined)[]) => {
  const text = parts.filter((part) => part?.trim()).join('\n\n');
  return text === '' ? {} : { summary: text.slice(0, SUMMARY_CHARS) };
};
