/** What is used of GitLab's answers, and how it becomes ours. Everything else in them is left unread. */
import { z } from 'zod';
import { ForgeRepoName } from '../../../protocol/forge.ts';
import type { Check, Verdict } from '../forge.ts';
import { Id, Line, Sha, Text, Time, WebAddress, address, summary } from '../http/fields.ts';

/** An account that is gone stands as GitLab shows it. */
const Author = z
  .object({ username: z.string().min(1).max(300) })
  .nullish()
  .transform((user) => user?.username ?? 'ghost');

export const UserAnswer = z.object({
  username: Line,
  name: Line.nullish(),
  email: Line.nullish(),
  commit_email: Line.nullish(),
});
export const UsersAnswer = z.array(z.object({ id: Id, username: Line }));

/** https://docs.gitlab.com/api/members/#roles */
export const LEVELS = { reporter: 20, developer: 30, maintainer: 40 } as const;
const Access = z
  .object({ access_level: z.number() })
  .nullish()
  .transform((access) => access?.access_level ?? 0);
export const MemberAnswer = z.object({
  access_level: z.number(),
  state: z.string().max(50).default('active'),
});

export const ProjectAnswer = z.object({
  path_with_namespace: ForgeRepoName,
  /** None: there is no commit. */
  default_branch: Line.nullish(),
  visibility: z.enum(['private', 'internal', 'public']),
  archived: z.boolean().default(false),
  permissions: z
    .object({ project_access: Access, group_access: Access })
    .transform(({ project_access, group_access }) => Math.max(project_access, group_access))
    .optional(),
});
export const ProjectNameAnswer = z.object({ path_with_namespace: ForgeRepoName });
export const BranchAnswer = z.object({ commit: z.object({ id: Sha }) });

/** In a list there is less of it. */
const ListedMergeRequest = z.object({
  iid: Id,
  state: z.enum(['opened', 'closed', 'locked', 'merged']),
  source_branch: Line,
  source_project_id: Id.nullish(),
  target_project_id: Id,
});
export const MergeRequestsAnswer = ListedMergeRequest.array();

export const MergeRequestAnswer = ListedMergeRequest.extend({
  web_url: WebAddress,
  title: Line,
  description: Text,
  draft: z.boolean().default(false),
  sha: Sha,
  target_branch: Line,
  author: Author,
  references: z.object({ full: Line }),
  /** Of a new one it comes later. */
  diff_refs: z.object({ start_sha: Sha.nullish() }).nullish(),
});
export type MergeRequestAnswer = z.infer<typeof MergeRequestAnswer>;

/** `locked`: just being merged. */
export function stateOf(state: MergeRequestAnswer['state']): 'open' | 'closed' | 'merged' {
  return state === 'opened' || state === 'locked' ? 'open' : state;
}

/** A draft is one by its title alone: https://docs.gitlab.com/user/project/merge_requests/drafts/ */
const DRAFT = /^(?:\s*(?:\[draft\]|\(draft\)|draft:))+\s*/i;
export const withoutDraft = (title: string): string => title.replace(DRAFT, '');
export const withDraft = (title: string): string => `Draft: ${withoutDraft(title)}`;

/** A line of it would be carried out with the token's rights: `/merge`, `/assign @somebody`. */
const QUICK_ACTION = /^([ \t]*)\/(?=[a-z_]+(?:[ \t\r]|$))/gim;
export const withoutActions = (text: string): string => text.replace(QUICK_ACTION, '$1\\/');

export const IssueAnswer = z.object({
  iid: Id,
  title: Line,
  description: Text,
  author: Author,
  state: z.enum(['opened', 'closed']),
  labels: z.array(Line),
  web_url: WebAddress,
});

export const NoteAnswer = z.object({
  id: Id,
  body: Text,
  author: Author,
  created_at: Time,
  /** GitLab's own: “added 1 commit”. */
  system: z.boolean().default(false),
  /** For members alone. */
  internal: z.boolean().default(false),
  position: z
    .object({
      new_path: z.string().max(4_096).nullish(),
      old_path: z.string().max(4_096).nullish(),
      new_line: z.number().int().positive().nullish(),
      old_line: z.number().int().positive().nullish(),
    })
    .nullish(),
});
export type NoteAnswer = z.infer<typeof NoteAnswer>;
export const NewNoteAnswer = z.object({ id: Id });

const PASSES = new Set(['success', 'skipped', 'manual']);
const ENDS_BADLY = new Set(['failed', 'canceled']);
/** Jobs of pipelines, and what others report; the newest of each. */
export const StatusesAnswer = z.array(
  z
    .object({
      id: Id,
      name: Line,
      status: z.string().max(50),
      description: Line.nullish(),
      target_url: Line.nullish(),
      allow_failure: z.boolean().nullish(),
    })
    .transform(({ id, name, status, description, target_url, allow_failure }): Check => ({
      id: `status-${id}`,
      name,
      outcome:
        PASSES.has(status) || (allow_failure === true && ENDS_BADLY.has(status))
          ? 'passed'
          : ENDS_BADLY.has(status)
            ? 'failed'
            : 'running',
      ...summary(description),
      ...address(target_url),
    })),
);

export const ApprovalsAnswer = z.object({ approved_by: z.array(z.unknown()).default([]) });
export const ReviewersAnswer = z.array(z.object({ state: z.string().max(50).nullish() }));

export function verdictOf(
  { approved_by }: z.infer<typeof ApprovalsAnswer>,
  reviewers: z.infer<typeof ReviewersAnswer>,
): Verdict | null {
  if (reviewers.some(({ state }) => state === 'requested_changes')) return 'changesRequested';
  return approved_by.length > 0 ? 'approved' : null;
}
