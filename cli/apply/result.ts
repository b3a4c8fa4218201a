/** Which patch of a task is meant. */
import { CodexError } from '../../protocol/errors.ts';
import type { TaskView } from '../../protocol/rpc.ts';

export interface Wanted {
  turn: number;
  attempt: number;
}

/** Throws `CodexError` choiceNeeded | choiceEmpty | notFound. */
export function resultOf(task: TaskView, wanted: { turn: number | null; attempt: number | null }): Wanted {
  const turns = task.turnList.filter((one) => wanted.turn === null || one.turn === wanted.turn);
  if (turns.length === 0) throw new CodexError('notFound', { what: 'turn', id: wanted.turn ?? 0 });
  const attempt = wanted.attempt ?? task.chosenAttempt ?? null;
  const turn = turns.findLast(({ attempts }) =>
    attempts.some((one) => (attempt === null || one.attempt === attempt) && hasFiles(one)),
  );
  const found = (turn?.attempts ?? []).filter(
    (one) => (attempt === null || one.attempt === attempt) && hasFiles(one),
  );
  const [first, ...others] = found;
  if (turn === undefined || first === undefined)
    throw new CodexError('choiceEmpty', attempt === null ? {} : { attempt });
  if (others.length > 0) throw new CodexError('choiceNeeded', { attempts: task.attempts });
  return { turn: turn.turn, attempt: first.attempt };
}

function hasFiles({ patch }: TaskView['turnList'][number]['attempts'][number]): boolean {
  return (patch?.files ?? 0) > 0;
}
