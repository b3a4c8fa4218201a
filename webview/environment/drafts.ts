/**
 * What was typed and not saved, by environment: kept with the page's state, and by the holder for when
 * the page is closed. Never a secret: no value of one is ever on this page.
 */
import { isDirty, type Draft } from './draft.ts';

export type Drafts = Readonly<Record<string, Draft>>;

/** Only what would be lost. */
export function draftsText(drafts: Drafts): string {
  return JSON.stringify(Object.fromEntries(Object.entries(drafts).filter(([, draft]) => isDirty(draft))));
}

/** What another version of the page kept is not taken over. */
export function readDrafts(text: string): Drafts {
  try {
    const kept = JSON.parse(text) as Drafts;
    return Object.fromEntries(
      Object.entries(kept).filter(([name, { base, form }]) => base.name === name && isDirty({ base, form })),
    );
  } catch {
    return {};
  }
}
