/**
 * What started a task, when that was a comment on a forge: stored with the task, for as long as it is there.
 * Who wrote the comment was asked of the forge; what the task works on may still be a stranger's.
 */
import { z } from 'zod';
import { ForgeHost, ForgeRepoName } from '../../protocol/forge.ts';

export const Trigger = z.object({
  host: ForgeHost,
  repo: ForgeRepoName,
  /** Of the issue or pull request. */
  number: z.number().int().positive(),
  commentId: z.string().min(1).max(100),
  author: z.string().min(1).max(200),
  /** It works on what a fork brought: see `isUntrusted`. */
  fork: z.boolean(),
  /** Our own comment that says how it goes. */
  answerId: z.string().max(100).optional(),
  /** That comment has the result. */
  answered: z.boolean().optional(),
});
export type Trigger = z.infer<typeof Trigger>;

/** What can't be read is taken for the worst that it may have been. */
const UNREADABLE: Trigger = {
  host: 'unknown.invalid',
  repo: 'unknown/unknown',
  number: 1,
  commentId: 'unknown',
  author: 'unknown',
  fork: true,
};

export function storedTrigger(json: string | null): Trigger | null {
  if (json === null) return null;
  try {
    return Trigger.parse(JSON.parse(json));
  } catch {
    return UNREADABLE;
  }
}

/**
 * Whether a task works on what somebody brought who may not write to the repository. What it then goes without
 * is in `server/pipeline/untrusted.ts`. It holds for the whole task, follow-ups and retries included.
 */
export function isUntrusted(trigger: Trigger | null): boolean {
  return trigger?.fork ?? false;
}
