/** The result that is reviewed: which one, from where, into which folder, and what it changes. No VS Code. */
import { createHash } from 'node:crypto';
import { parsePatch, type Patch } from '../../client/patch/index.ts';
import { reviewOfInSlices, type ReviewFile } from '../../client/review/index.ts';
import type { FileChange } from '../../protocol/events.ts';

export interface ResultRef {
  taskId: string;
  turn: number;
  attempt: number;
  /** What came after the result of this turn; null: all since the task's base. */
  from: number | null;
  /** The top of the working tree that it goes into. */
  root: string;
}

export interface Reviewed {
  ref: ResultRef;
  title: string;
  bytes: Uint8Array;
  patch: Patch;
  files: ReviewFile[];
  /** As the backend tells them, with sizes; may be fewer than there are. */
  told: readonly FileChange[];
}

export async function reviewed(
  ref: ResultRef,
  title: string,
  bytes: Uint8Array,
  told: readonly FileChange[],
): Promise<Reviewed> {
  const patch = parsePatch(bytes);
  return { ref, title, bytes, patch, files: await reviewOfInSlices(patch), told };
}

const KEY_CHARACTERS = 24;

/** A name for this review in files and commands. */
export function keyOf({ taskId, turn, attempt, from, root }: ResultRef): string {
  return createHash('sha256')
    .update(JSON.stringify([taskId, turn, attempt, from, root]))
    .digest('hex')
    .slice(0, KEY_CHARACTERS);
}
