/**
 * The repository's template for pull requests, as the model is told it: once in a conversation, and again when it
 * has changed. It is told beside the instructions, not in them, so that these stay the same bytes. Pure.
 */
import { PULL_REQUEST_TEMPLATE_BYTES } from '../../protocol/limits.ts';
import { cleanText } from '../model/items.ts';
import { prompt } from './instructions.ts';
import { utf8Boundary } from './truncate.ts';

/** `text` is already cut to what the model gets. */
export interface PullRequestTemplate {
  path: string;
  text: string;
  cut: { keptBytes: number } | null;
}

const HEAD = '# Pull request template\n';

export function templateMessage({ path, text }: Pick<PullRequestTemplate, 'path' | 'text'>): string {
  return prompt('pull-request-template', { path, text: `<TEMPLATE>\n${text}\n</TEMPLATE>` });
}

/** How such a message is found again in a history. */
export function isTemplateMessage(text: string): boolean {
  return text.startsWith(HEAD);
}

/** Null for one that says nothing. */
export function templateOf(path: string, bytes: Buffer): PullRequestTemplate | null {
  const isCut = bytes.length > PULL_REQUEST_TEMPLATE_BYTES;
  const kept = isCut ? bytes.subarray(0, utf8Boundary(bytes, PULL_REQUEST_TEMPLATE_BYTES)) : bytes;
  const text = cleanText(kept.toString('utf8').replace(/^\ufeff/, '')).trim();
  if (text === '') return null;
  if (!isCut) return { path: cleanText(path), text, cut: null };
  const mark = `[… ${cleanText(path)} is cut here: read the file for the rest …]`;
  return { path: cleanText(path), text: `${text}\n${mark}`, cut: { keptBytes: kept.length } };
}
