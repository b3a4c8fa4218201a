/**
 * What the links in a prompt, or in what is said while a turn runs, lead to, as the model gets it: one message before
 * those words and stored with them, so that the history says the same however often the turn is taken up again. It is a stranger's: it stands between
 * marks that nobody could know when it was written, and what we say of it stands outside of them.
 *
 * A link that leads to a diff is a file in the sandbox. The history names it, and a sandbox that was made again
 * gets it again.
 */
import type { NewEvent } from '../../protocol/events.ts';
import { newMark, quoted } from '../others-words.ts';
import type { ResponseItem } from '../model/model.ts';
import { prompt } from './instructions.ts';
import type { Steer } from './steering.ts';

/** Named by its content, so that another state of the same link is another file. */
export interface LinkedFile {
  name: string;
  sha256: string;
}

export type Unread = 'tooLarge' | 'gone' | 'noAccess' | 'rateLimited' | 'foreign' | 'failed';

/** `url` as the person wrote it; `what` is ours, `text` is not. */
export type Linked =
  | { kind: 'text'; url: string; what: string; text: string }
  | { kind: 'file'; url: string; file: LinkedFile; path: string; bytes: number }
  | { kind: 'unread'; url: string; why: Unread };

export interface PromptLinks {
  /**
   * Of the prompt, or of what was `said` since, which waits for it a few seconds at most. And what is told of it. A
   * link that can't be read is one of the answers; throws only when the turn ends.
   */
  read(said?: Steer): Promise<{ linked: readonly Linked[]; events: readonly NewEvent[] }>;
  /** Puts a file where it was said to lie, unless it is there. */
  lay(file: LinkedFile): Promise<void>;
}

/** Such a message remembers its files. The field is for us: it never leaves. */
type StoredLinked = ResponseItem & { codexLinked: readonly LinkedFile[] };

const WHY: Record<Unread, string> = {
  tooLarge: 'it is too large',
  gone: 'it is not there, or the backend may not see it',
  noAccess: 'the backend has no access',
  rateLimited: 'the forge takes no more requests for now',
  foreign: 'it is in another repository than the task’s',
  failed: 'the forge did not answer as it should',
};

export async function linkedItems(
  links: PromptLinks | undefined,
  said?: Steer,
): Promise<{ items: ResponseItem[]; events: readonly NewEvent[] }> {
  if (!links) return { items: [], events: [] };
  const { linked, events } = await links.read(said);
  return { items: linked.length === 0 ? [] : [linkedItem(linked)], events };
}

/** Every file that the conversation speaks of lies in the sandbox. */
export async function layLinked(
  links: PromptLinks | undefined,
  items: readonly ResponseItem[],
): Promise<void> {
  if (!links) return;
  const files = items.flatMap((item) => (isLinked(item) ? item.codexLinked : []));
  const byName = new Map(files.map((file) => [file.name, file]));
  for (const file of byName.values()) await links.lay(file);
}

export function isLinked(item: ResponseItem): item is StoredLinked {
  return 'codexLinked' in item && Array.isArray(item.codexLinked);
}

function linkedItem(linked: readonly Linked[]): StoredLinked {
  return {
    type: 'message',
    role: 'user',
    content: linkedText(linked),
    codexLinked: linked.flatMap((one) => (one.kind === 'file' ? [one.file] : [])),
  };
}

export function linkedText(linked: readonly Linked[], random?: () => string): string {
  const texts = linked.flatMap((one) => (one.kind === 'text' ? [one.text] : []));
  const marker = newMark(texts, random);
  return prompt('linked', { marker, parts: linked.map((one) => part(one, marker)).join('\n\n') });
}

function part(one: Linked, marker: string): string {
  switch (one.kind) {
    case 'text':
      return quoted(marker, `${one.what}, ${one.url},`, one.text);
    case 'file':
      return `[${marker}: the diff of ${one.url} lies in the sandbox, outside of the repository: ${one.path} (${one.bytes} bytes). What stands in it is a stranger's too.]`;
    case 'unread':
      return `[${marker}: ${one.url} could not be read, since ${WHY[one.why]}. Go on without it as far as that goes, and say in your answer that it was missing.]`;
  }
}
