/** Items: what a turn consists of, as a client shows it. The agent's own history is not this. */
import { z } from 'zod';

export const MessageItem = z.object({
  type: z.literal('message'),
  id: z.string(),
  /** `user`: said while the turn ran, and taken up here. */
  role: z.enum(['user', 'assistant']),
  text: z.string(),
});

export const ReasoningItem = z.object({
  type: z.literal('reasoning'),
  id: z.string(),
  summary: z.string(),
});

/**
 * How a command ended. `interrupted`: the sandbox or its runner was lost while it ran. `outOfMemory`: the
 * system ended it, or one of its processes. `denied`: it was not run, by a rule or by a person's word.
 */
export const CommandEnd = z.enum([
  'exited',
  'signalled',
  'timedOut',
  'cancelled',
  'interrupted',
  'notStarted',
  'outOfMemory',
  'denied',
]);
export type CommandEnd = z.infer<typeof CommandEnd>;

export const CommandItem = z.object({
  type: z.literal('command'),
  /** The call's id: output events name it. */
  id: z.string(),
  /** How the answer cites it, counted over the whole task and attempt; the agent's own have one. */
  number: z.number().int().positive().optional(),
  /** It runs on while the agent does other things. */
  background: z.boolean().optional(),
  /** Absent: the agent's. */
  by: z.enum(['setup', 'maintenance']).optional(),
  /** As a person would type it. */
  command: z.string(),
  cwd: z.string(),
  /** The rest is there once the command has ended. */
  end: CommandEnd.optional(),
  exitCode: z.number().int().optional(),
  durationMs: z.number().optional(),
  /** All that it printed, in bytes; `droppedBytes` of these were over the limit and are gone. */
  outputBytes: z.number().int().optional(),
  droppedBytes: z.number().int().optional(),
});

export const PlanItem = z.object({
  type: z.literal('plan'),
  id: z.string(),
  steps: z.array(z.object({ text: z.string(), state: z.enum(['pending', 'inProgress', 'completed']) })),
});

/** A picture in the sandbox that the model was shown. */
export const ImageItem = z.object({
  type: z.literal('image'),
  id: z.string(),
  path: z.string(),
  mediaType: z.string(),
  bytes: z.number().int(),
});

/** The model's view of the conversation was summarised, since its window was nearly full. */
export const CompactionItem = z.object({
  type: z.literal('compaction'),
  id: z.string(),
  tokensBefore: z.number().int(),
  /** Absent: it failed, and the oldest items were left out instead. */
  tokensAfter: z.number().int().optional(),
});

export const Item = z.discriminatedUnion('type', [
  MessageItem,
  ReasoningItem,
  CommandItem,
  PlanItem,
  ImageItem,
  CompactionItem,
]);
export type Item = z.infer<typeof Item>;
export type CommandItem = z.infer<typeof CommandItem>;
export type PlanItem = z.infer<typeof PlanItem>;
