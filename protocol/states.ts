/** The states of tasks, turns, phases and reviews, and the groups that lists show. Pure data. */
import { z } from 'zod';

export const Mode = z.enum(['ask', 'code', 'review']);
export type Mode = z.infer<typeof Mode>;

/** How long a model may think, where it has such a setting. */
export const Effort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']);
export type Effort = z.infer<typeof Effort>;

/** A model of the backend's list, by name. */
export const ModelName = z
  .string()
  .min(1)
  .max(200)
  .refine(
    (name) => !/[\x00-\x20\x7f]/.test(name),
    'is no model’s name: it has a space or a control character',
  );

export const TurnState = z.enum([
  'queued',
  'preparing',
  'running',
  'waiting',
  'completed',
  'failed',
  'cancelled',
]);
export type TurnState = z.infer<typeof TurnState>;

export const Phase = z.enum(['checkout', 'setup', 'maintenance', 'agent', 'patch']);
export type Phase = z.infer<typeof Phase>;

export const PhaseOutcome = z.enum(['ok', 'failed', 'cancelled']);
export type PhaseOutcome = z.infer<typeof PhaseOutcome>;

export const ReviewState = z.enum(['none', 'open', 'applied', 'partly', 'dismissed', 'pullRequest']);
export type ReviewState = z.infer<typeof ReviewState>;

export const TaskGroup = z.enum(['running', 'needsReview', 'failed', 'done']);
export type TaskGroup = z.infer<typeof TaskGroup>;

const ENDED: ReadonlySet<TurnState> = new Set(['completed', 'failed', 'cancelled']);

export function hasEnded(state: TurnState): boolean {
  return ENDED.has(state);
}

/** Which transitions a turn may make. A retry is a new turn's state set back to queued. */
const NEXT: Record<TurnState, readonly TurnState[]> = {
  queued: ['preparing', 'cancelled', 'failed'],
  preparing: ['running', 'waiting', 'failed', 'cancelled', 'queued'],
  running: ['waiting', 'completed', 'failed', 'cancelled', 'queued', 'preparing'],
  waiting: ['running', 'preparing', 'failed', 'cancelled', 'queued'],
  completed: [],
  failed: ['queued'],
  cancelled: ['queued'],
};

export function mayBecome(from: TurnState, to: TurnState): boolean {
  return NEXT[from].includes(to);
}

/** In which group of the list a task stands; `state` is its newest turn's. */
export function groupOf(state: TurnState, review: ReviewState): TaskGroup {
  switch (state) {
    case 'queued':
    case 'preparing':
    case 'running':
    case 'waiting':
      return 'running';
    case 'failed':
    case 'cancelled':
      return 'failed';
    case 'completed':
      return review === 'open' ? 'needsReview' : 'done';
  }
}
