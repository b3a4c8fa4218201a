/**
 * Pull requests as a client sees them: what one would be (preview), what one is, and what was said about it.
 * A task has at most one; follow-ups update it.
 */
import { z } from 'zod';
import { WireError, type ErrorCode } from './errors.ts';
import { FileChange } from './events.ts';
import { ForgeHost, ForgeKind, ForgeRepoName } from './forge.ts';
import { BRANCH_NAME_BYTES, PULL_TITLE_CHARS, PULL_TITLE_PROPOSED_CHARS } from './limits.ts';

/** `publishing`: asked for, and not all of it is done yet; `error` says what stopped it. */
export const PullRequestState = z.enum(['publishing', 'open', 'merged', 'closed']);
export type PullRequestState = z.infer<typeof PullRequestState>;

/** Whether git takes it `branch-name.ts` says. */
export const BranchName = z.string().min(1).max(BRANCH_NAME_BYTES);

/** Who the commits are by: the person, not the backend. */
export const Author = z.object({
  name: z.string().trim().min(1).max(200),
  email: z.string().trim().min(1).max(320),
});
export type Author = z.infer<typeof Author>;

/** Nobody's address, so that no forge shows a stranger's face beside it. */
export const AGENT: Author = { name: 'Codex', email: 'codex@codex-tasks.invalid' };

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim();

/** As forges show it. */
export const PullTitle = z.string().overwrite(oneLine).min(1).max(PULL_TITLE_CHARS);

/** Never cut within a character. */
export function proposedTitle(text: string): string {
  return oneLine(text)
    .slice(0, PULL_TITLE_PROPOSED_CHARS)
    .replace(/[\ud800-\udbff]$/, '');
}

export const ChecksSummary = z.object({
  passed: z.number().int(),
  failed: z.number().int(),
  running: z.number().int(),
});
export type ChecksSummary = z.infer<typeof ChecksSummary>;

export const PullRequestView = z.object({
  host: ForgeHost,
  kind: ForgeKind,
  repo: ForgeRepoName,
  /** Absent until the forge has made it. */
  number: z.number().int().optional(),
  url: z.string().optional(),
  title: z.string(),
  draft: z.boolean(),
  branch: BranchName,
  base: BranchName,
  state: PullRequestState,
  /** Which result its branch carries. */
  turn: z.number().int(),
  attempt: z.number().int(),
  /** Why the last try to publish or to look stopped; gone with the next one that works. */
  error: WireError.optional(),
  checks: ChecksSummary.optional(),
  /** Comments on lines and reviews with a text, by others than the backend. */
  comments: z.number().int().optional(),
  /** `approved` or `changesRequested`, by the newest review of each reviewer. */
  verdict: z.enum(['approved', 'changesRequested']).optional(),
  /** Others have pushed to the branch since. */
  othersPushed: z.boolean().optional(),
  /** Made with the person's own git and session: the backend only remembers it. */
  by: z.enum(['backend', 'client']),
  createdBy: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  /** When its state was last asked for. */
  seenAt: z.number().optional(),
});
export type PullRequestView = z.infer<typeof PullRequestView>;

/** What stands in the way at a forge that connecting it, or connecting it anew, may clear away. */
export const CONNECTING_HELPS: ReadonlySet<ErrorCode> = new Set([
  'forgeUnknown',
  'forgeUnauthorized',
  'forgeForbidden',
  'forgeRepoUnknown',
] as const);

/** Made with the person's own git and session at a forge that the backend has no access to: so it is changed, too. */
export function isOwnAlone({ by, seenAt, error }: PullRequestView): boolean {
  return by === 'client' && (seenAt === undefined || error?.code === 'forgeUnknown');
}

/** A file that runs by itself somewhere, or brings in other code: it needs a second yes. */
export const DelicateFile = z.object({
  path: z.string(),
  why: z.enum(['workflow', 'submodule', 'hook', 'selfRunning', 'codeowners']),
});
export type DelicateFile = z.infer<typeof DelicateFile>;

/** What would be pushed and asked for, before anything is. */
export const PullRequestPreview = z.object({
  host: ForgeHost,
  kind: ForgeKind,
  repo: ForgeRepoName,
  title: z.string(),
  body: z.string(),
  draft: z.boolean(),
  branch: BranchName,
  base: BranchName,
  turn: z.number().int(),
  attempt: z.number().int(),
  files: z.array(FileChange),
  filesCut: z.boolean(),
  delicate: z.array(DelicateFile),
  /** Names the delicate files as they are now; goes back with the second yes. */
  delicateKey: z.string().optional(),
  /** The task began with local changes that are no part of any commit. */
  localChanges: z.boolean(),
  /** Commits below the result that the forge does not have yet: they would go along. */
  unpushedCommits: z.number().int(),
  /** By how many commits the base has gone on since, and which paths would conflict with that. */
  behind: z.number().int(),
  conflicts: z.array(z.string()),
  /** Where the branch is pushed, when that is another repository than `repo`: a fork of the person's. */
  from: ForgeRepoName.optional(),
  /** Absent: none yet, `pullRequest.create` makes one. */
  existing: PullRequestView.optional(),
});
export type PullRequestPreview = z.infer<typeof PullRequestPreview>;

/** What others said of it, newest last. Their words: untrusted wherever they go. */
export const FeedbackComment = z.object({
  id: z.string(),
  author: z.string(),
  body: z.string(),
  path: z.string().optional(),
  /** The last one, where there are several. */
  line: z.number().int().optional(),
  startLine: z.number().int().optional(),
  /** The lines have been changed since: they are those that it was about. */
  outdated: z.boolean().optional(),
  url: z.string(),
  at: z.number(),
});
export type FeedbackComment = z.infer<typeof FeedbackComment>;

export const FeedbackCheck = z.object({
  id: z.string(),
  name: z.string(),
  outcome: z.enum(['passed', 'failed', 'running']),
  summary: z.string().optional(),
  url: z.string().optional(),
});
export type FeedbackCheck = z.infer<typeof FeedbackCheck>;

export const Feedback = z.object({
  comments: z.array(FeedbackComment),
  checks: z.array(FeedbackCheck),
});
export type Feedback = z.infer<typeof Feedback>;
