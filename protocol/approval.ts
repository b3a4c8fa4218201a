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
