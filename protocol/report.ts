/**
 * What a turn's answer says beside its text, in a form that a client can act on: follow-up tasks, review
 * findings, which checks ran, what a pull request would say. It is read from the end of the model's last
 * message and checked there; what does not fit is left out, and the text stays.
 */
import { z } from 'zod';

/** A task that the agent suggests: one click starts it. */
export const FollowUp = z.object({
  title: z.string().trim().min(1).max(120),
  prompt: z.string().trim().min(1).max(8_000),
});
export type FollowUp = z.infer<typeof FollowUp>;

/** Of a review. `path` is relative to the repository's root; lines count from 1, both ends included. */
export const Finding = z.object({
  title: z.string().trim().min(1).max(120),
  body: z.string().trim().max(4_000),
  /** 0: drop everything. 3: nice to have. */
  priority: z.number().int().min(0).max(3),
  confidence: z.number().min(0).max(1),
  path: z.string().min(1).max(1_000),
  startLine: z.number().int().min(1),
  endLine: z.number().int().min(1),
});
export type Finding = z.infer<typeof Finding>;

export const Verdict = z.object({
  correct: z.boolean(),
  explanation: z.string().trim().max(4_000),
  confidence: z.number().min(0).max(1),
});
export type Verdict = z.infer<typeof Verdict>;

/** A check that the repository asks for (tests, linters), and how it ended. */
export const CheckRun = z.object({
  command: z.string().trim().min(1).max(1_000),
  outcome: z.enum(['passed', 'failed', 'notRun']),
  note: z.string().trim().max(1_000).optional(),
});
export type CheckRun = z.infer<typeof CheckRun>;

/** Title and text of a pull request. */
export const Proposal = z.object({
  title: z.string().trim().min(1).max(200),
  body: z.string().trim().max(16_000),
});
export type Proposal = z.infer<typeof Proposal>;

/** What a review looked at: commit ids, or `worktree` for the changes that were not committed. */
export const Reviewed = z.object({
  base: z.string().trim().min(1).max(200),
  head: z.string().trim().min(1).max(200),
});
export type Reviewed = z.infer<typeof Reviewed>;

export const Report = z.object({
  followUps: z.array(FollowUp).max(10),
  findings: z.array(Finding).max(50),
  checks: z.array(CheckRun).max(50),
  verdict: Verdict.optional(),
  proposal: Proposal.optional(),
  reviewed: Reviewed.optional(),
});
export type Report = z.infer<typeof Report>;
