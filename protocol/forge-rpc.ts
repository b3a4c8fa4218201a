/** The part of the RPC table about forges and pull requests. */
import { z } from 'zod';
import { EnvironmentName } from './environment.ts';
import {
  ForgeHost,
  ForgeKind,
  ForgeRepoName,
  ForgeRepoView,
  ForgeToken,
  ForgeView,
  TriggerView,
} from './forge.ts';
import { FEEDBACK_COMMENTS, PULL_BODY_CHARS } from './limits.ts';
import {
  Author,
  BranchName,
  Feedback,
  PullRequestPreview,
  PullRequestState,
  PullRequestView,
  PullTitle,
} from './pull-request.ts';
import { Attempt, Empty, OfTask, RequestId, method } from './rpc-parts.ts';

/** Of a task that began with changes that no commit has. */
const LocalChanges = z.enum(['include', 'leaveOut']);

export const FORGE_METHODS = {
  /** The forges that tasks can be published to. With `check` each is asked who we are. */
  'forge.list': method(
    z.object({ check: z.boolean().default(false) }),
    z.object({ forges: z.array(ForgeView) }),
  ),
  /** Tried before it is kept. The token goes in and never comes out again. */
  'forge.connect': method(
    z.object({
      host: ForgeHost,
      kind: ForgeKind.default('github'),
      /** Absent: what is usual for this host. */
      apiUrl: z.string().max(2_000).optional(),
      token: ForgeToken,
    }),
    z.object({ forge: ForgeView }),
  ),
  /** Forgets the token or the app's key; pull requests that are there stay. */
  'forge.disconnect': method(z.object({ host: ForgeHost }), Empty),
  /** Begins to make an app: a page to open in a browser, which ends at the backend. */
  'forge.startApp': method(
    z.object({
      host: ForgeHost.default('github.com'),
      organization: z.string().max(100).optional(),
      /** It may write below issues, too; the page asks about it. */
      answersIssues: z.boolean().default(false),
    }),
    z.object({ url: z.string() }),
  ),
  'forge.listTriggers': method(
    Empty,
    z.object({
      triggers: z.array(TriggerView),
      /** Those that the backend has at forges that are connected, whether it is on there or not. */
      repos: z.array(ForgeRepoView).default([]),
    }),
  ),
  /** Off until turned on, per repository: comments `@codex …` of people who may write there start tasks. */
  'forge.setTrigger': method(
    z.object({
      host: ForgeHost,
      repo: ForgeRepoName,
      on: z.boolean(),
      environment: EnvironmentName.optional(),
    }),
    z.object({ triggers: z.array(TriggerView) }),
  ),
  /** What would be pushed and asked for. Writes nothing anywhere. */
  'pullRequest.preview': method(
    OfTask.extend({ attempt: Attempt.optional(), localChanges: LocalChanges.optional() }),
    z.object({ preview: PullRequestPreview }),
  ),
  /** The only thing that makes a pull request: a person asked for it. Asked again, it goes on. */
  'pullRequest.create': method(
    OfTask.extend({
      attempt: Attempt.optional(),
      title: PullTitle,
      body: z.string().max(PULL_BODY_CHARS),
      draft: z.boolean().default(false),
      /** Absent: from the title. One that is taken gets a suffix. */
      branch: BranchName.optional(),
      /** Absent: the branch that the person had checked out where the forge has it, else the default one. */
      base: BranchName.optional(),
      localChanges: LocalChanges.default('leaveOut'),
      /** The second yes: `delicateKey` of the preview. */
      confirmed: z.string().max(100).optional(),
      author: Author.optional(),
    }),
    z.object({ pullRequest: PullRequestView }),
  ),
  /** Adds the newest result to the pull request's branch. */
  'pullRequest.update': method(
    OfTask.extend({
      title: PullTitle.optional(),
      body: z.string().max(PULL_BODY_CHARS).optional(),
      confirmed: z.string().max(100).optional(),
      author: Author.optional(),
    }),
    z.object({ pullRequest: PullRequestView }),
  ),
  /** Asks the forge how it stands. */
  'pullRequest.refresh': method(OfTask, z.object({ pullRequest: PullRequestView })),
  'pullRequest.feedback': method(OfTask, z.object({ feedback: Feedback })),
  /** A follow-up from what others said: ids of comments and checks of `pullRequest.feedback`. */
  'pullRequest.followUp': method(
    OfTask.extend({
      requestId: RequestId,
      comments: z.array(z.string().max(100)).max(FEEDBACK_COMMENTS),
      checks: z.array(z.string().max(100)).max(FEEDBACK_COMMENTS),
      /** What the person adds. */
      prompt: z.string().max(16_000).optional(),
    }),
    z.object({ turn: z.number().int() }),
  ),
  /** One that the client made with the person's own git and session, for the task to show. */
  'pullRequest.record': method(
    OfTask.extend({
      host: ForgeHost,
      repo: ForgeRepoName,
      number: z.number().int().positive(),
      url: z.string().url().max(2_000),
      title: z.string().max(1_000),
      draft: z.boolean(),
      branch: BranchName,
      base: BranchName,
      turn: z.number().int().min(1),
      attempt: Attempt,
      /** As the forge says it now; absent: open. */
      state: PullRequestState.exclude(['publishing']).optional(),
    }),
    z.object({ pullRequest: PullRequestView }),
  ),
} as const;
