/** A person's word before a command runs, where the environment asks for it. */
import { z } from 'zod';

export const ApprovalAnswer = z.enum(['once', 'task', 'never']);
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>;

/** Why a command is asked about; the sentence is the client's. */
export const ApprovalReason = z.enum([
  'always',
  'deletes',
  'network',
  'privilege',
  'outside',
  'publishes',
  'unreadable',
]);
export type ApprovalReason = z.infer<typeof ApprovalReason>;

/** What a turn in the state `waiting` waits for. */
export const WaitingFor = z.enum(['approval']);
export type WaitingFor = z.infer<typeof WaitingFor>;

/** A question that has no answer yet. */
export const OpenApproval = z.object({
  taskId: z.string(),
  approvalId: z.string(),
  turn: z.number().int(),
  attempt: z.number().int(),
  command: z.string(),
  cwd: z.string(),
  reason: ApprovalReason,
  createdAt: z.number(),
});
export type OpenApproval = z.infer<typeof OpenApproval>;

/** A command that is longer is refused: nobody could look at it, and it has to fit into an event. */
export const APPROVAL_COMMAND_BYTES = 24 * 1024;
/** What one page of open questions may hold, well under an RPC frame. */
export const OPEN_APPROVALS_MOST = 20;
