/** The last line of `codex-tasks run --json`. */
import { z } from 'zod';
import { WireError } from './errors.ts';
import { Usage } from './events.ts';
import { CheckRun, Finding, Proposal, Verdict } from './report.ts';

const SavedPatch = z.object({
  path: z.string(),
  files: z.number().int(),
  added: z.number().int(),
  removed: z.number().int(),
  bytes: z.number().int(),
});

/** One of several, as it ended. */
export const AttemptResult = z.object({
  attempt: z.number().int(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  answer: z.string(),
  patch: SavedPatch.nullable(),
  usage: Usage,
  error: WireError.optional(),
});
export type AttemptResult = z.infer<typeof AttemptResult>;

export const RunResult = z.object({
  type: z.literal('result'),
  taskId: z.string().nullable(),
  turn: z.number().int(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  answer: z.string(),
  followUps: z.array(z.object({ title: z.string(), prompt: z.string() })),
  /** Of a review; absent: the answer came without a report. */
  findings: z.array(Finding).optional(),
  verdict: Verdict.optional(),
  checks: z.array(CheckRun).optional(),
  /** What a pull request would say. */
  proposal: Proposal.optional(),
  /** Of several attempts the chosen one's, as `answer` is. */
  patch: SavedPatch.nullable(),
  attempts: z.number().int(),
  /** Only with several: which one counts, if any yet, and how each ended. */
  chosenAttempt: z.number().int().nullable().optional(),
  attemptResults: z.array(AttemptResult).optional(),
  usage: Usage,
  error: WireError.optional(),
});
export type RunResult = z.infer<typeof RunResult>;

export const EXIT = { completed: 0, failed: 1, usage: 2, cancelled: 130 } as const;
