/**
 * Forges (GitHub, GitLab) as a client sees them: which are connected, and how. A token goes in and never
 * comes out again.
 */
import { z } from 'zod';
import { WireError } from './errors.ts';

/** As it stands in addresses: `github.com`, `git.example.org:8443`. */
export const ForgeHost = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,252})(?::\d{1,5})?$/);

export const ForgeKind = z.enum(['github', 'gitlab']);
export type ForgeKind = z.infer<typeof ForgeKind>;

/** `owner/name`, for GitLab with its groups; it becomes part of addresses, so none of it is `.` or `..`. */
export const ForgeRepoName = z
  .string()
  .regex(/^(?!(?:[^/]+\/)*\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)+$/)
  .max(400);

export const ForgeToken = z
  .string()
  .min(8)
  .max(8_192)
  .regex(/^[\x21-\x7e]+$/);

/** How a forge tells what happens there. */
export const WebhookView = z.object({
  /** Where it sends that; absent: this backend has no address for others (`publicUrl`). */
  url: z.string().optional(),
  /** A secret to sign it with was agreed on. Nothing else is believed. */
  signed: z.boolean(),
});
export type WebhookView = z.infer<typeof WebhookView>;

export const ForgeView = z.object({
  host: ForgeHost,
  kind: ForgeKind,
  /** A person's (or robot's) token, or an app that gets tokens per repository and hour. */
  how: z.enum(['token', 'app']),
  /** `owner`: stands in the backend's configuration, and is changed there. */
  from: z.enum(['owner', 'client']),
  apiUrl: z.string(),
  /** Whose token it is, or the app's name; known once it was used. */
  account: z.string().optional(),
  /** Of an app: where it is given repositories. */
  installUrl: z.string().optional(),
  /** Absent: of this kind we hear none, and ask from time to time. */
  webhook: WebhookView.optional(),
  /** Why it can't be used now. */
  problem: WireError.optional(),
  connectedBy: z.string().optional(),
  connectedAt: z.number().optional(),
});
export type ForgeView = z.infer<typeof ForgeView>;

export const ForgeRepoView = z.object({ host: ForgeHost, repo: ForgeRepoName });
export type ForgeRepoView = z.infer<typeof ForgeRepoView>;

/** A repository in which a comment `@codex …` starts a task. */
export const TriggerView = z.object({
  host: ForgeHost,
  repo: ForgeRepoName,
  environment: z.string().optional(),
  enabledBy: z.string(),
  enabledAt: z.number(),
});
export type TriggerView = z.infer<typeof TriggerView>;
