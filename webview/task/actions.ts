/** What a person can do from an entry of a turn; the page itself does it. */
import type { ApprovalAnswer } from '../../protocol/approval.ts';
import type { Finding, FollowUp } from '../../protocol/report.ts';
import type { MarkdownActions } from '../markdown/view.tsx';

/** What can be done about something that was refused. */
export interface DenialActions {
  /** Asks natively; with `retry`, the task then tries again. */
  allow: (domain: string, retry: boolean) => void;
  /** Allowed from this page after that event. */
  allowedSince: (domain: string, seq: number) => boolean;
  /** Only the newest turn can be tried again. */
  canRetry: boolean;
  change: () => void;
  showLog: () => void;
}

export interface EnvironmentActions {
  /** Its settings, on their page. */
  open: () => void;
  /** Asks natively, with the script in sight. */
  approve: (what: { hash: string; path: string }) => void;
}

/** What can be done about what an answer suggests or finds. */
export interface ReportActions {
  /** A new task of it; started already, that one is shown. */
  start: (followUp: FollowUp, index: number) => Promise<void>;
  isStarted: (followUp: FollowUp, index: number) => boolean;
  /** A follow-up turn that mends it; undefined while none can be sent. */
  fix: ((finding: Finding) => Promise<void>) | undefined;
  copy: (text: string) => Promise<void>;
}

export interface EntryActions extends MarkdownActions {
  openLog: () => void;
  /** What the person says to a command that waits; rejects when it could not be said, which the page tells. */
  approve: (approvalId: string, answer: ApprovalAnswer) => Promise<void>;
  internet: DenialActions;
  environment: EnvironmentActions;
  /** Which commands a person opened or closed is kept over a reload. */
  folded: (id: string) => boolean | undefined;
  setFolded: (id: string, folded: boolean) => void;
}
