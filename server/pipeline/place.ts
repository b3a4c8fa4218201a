/**
 * Which commit stands in a sandbox's working tree, and for which turn: a mark among the runner's files.
 *
 * It survives a restart of the sandbox together with the files. Everything in a sandbox can be forged
 * by the agent; a forged mark only spoils the agent's own working tree.
 */
import { z } from 'zod';
import { USUAL_PLACES } from '../../protocol/places.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

const MARK_MAX_BYTES = 4096;

const markPath = ({ places = USUAL_PLACES }: Sandbox) => `${places.run}/turn.json`;

const Mark = z.object({
  /** The turn that the tree was made for. */
  turn: z.number().int(),
  /** What was checked out, or, with `captured`, what the tree was found to be at the turn's end. */
  sha: z.string(),
  captured: z.boolean(),
});
type Mark = z.infer<typeof Mark>;

export async function readMark(sandbox: Sandbox): Promise<Mark | null> {
  const bytes = await sandbox.get(markPath(sandbox), MARK_MAX_BYTES);
  if (!bytes) return null;
  try {
    return Mark.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}

export async function writeMark(sandbox: Sandbox, mark: Mark): Promise<void> {
  await sandbox.put(markPath(sandbox), Buffer.from(JSON.stringify(mark)));
}

/** What to do with the tree that is there, for a turn that starts from `startSha`. */
export function placeOf(
  mark: Mark | null,
  turn: number,
  startSha: string,
): 'goOn' | 'asCaptured' | 'checkOut' {
  // Taken up again after a crash, or retried after a failure: what the agent did so far is there.
  if (mark?.turn === turn) return 'goOn';
  if (mark?.captured && mark.sha === startSha && mark.turn < turn) return 'asCaptured';
  return 'checkOut';
}
