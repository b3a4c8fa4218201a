/** The last line of `codex-tasks run --json`. */
import { z } from 'zod';
import { WireError } from './errors.ts';
import { Usage } from './events.ts';
import { CheckRun, Finding, Proposal, Verdict } from './report.ts';

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
  patch: z
    .object({
      path: z.string(),
      files: z.number().int(),
      added: z.number().int(),
      removed: z.number().int(),
      bytes: z.number().int(),
    })
    .nullable(),
  attempts: z.number().int(),
  usage: Usage,
  error: WireError.optional(),
});
export type RunResult = z.infer<typeof RunResult>;

export const EXIT = { completed: 0, failed: 1, usage: 2, cancelled: 130 } as const;
