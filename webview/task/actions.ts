/** What a person can do from an entry of a turn; the page itself does it. */
import type { MarkdownActions } from '../markdown/view.tsx';

export interface EntryActions extends MarkdownActions {
  openLog: () => void;
  /** Which commands a person opened or closed is kept over a reload. */
  folded: (id: string) => boolean | undefined;
  setFolded: (id: string, folded: boolean) => void;
}
