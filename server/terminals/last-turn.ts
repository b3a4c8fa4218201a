/** A task's newest turn, as a terminal needs it: whether it has ended, and what its door was opened with. */
import { CodexError } from '../../protocol/errors.ts';
import { DEFAULT_ENVIRONMENT_NAME } from '../../protocol/environment.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Store } from '../store/store.ts';

export interface LastTurn {
  taskId: string;
  turn: number;
  generation: number;
  hasEnded: boolean;
  /** The one that counts: chosen, else the first. */
  attempt: number;
  repoName: string;
  environment: string;
}

export async function lastTurn(store: Store, taskId: string): Promise<LastTurn> {
  const row = await store.read((db) =>
    db
      .selectFrom('tasks')
      .innerJoin('turns', (join) =>
        join.onRef('turns.task_id', '=', 'tasks.id').onRef('turns.turn', '=', 'tasks.turns'),
      )
      .select(['turns.turn', 'turns.generation', 'turns.state'])
      .select(['tasks.repo', 'tasks.environment', 'tasks.chosen_attempt'])
      .where('tasks.id', '=', taskId)
      .executeTakeFirst(),
  );
  if (!row) throw new CodexError('notFound', {}, { detail: `task ${taskId}` });
  return {
    taskId,
    turn: row.turn,
    generation: row.generation,
    hasEnded: hasEnded(row.state),
    attempt: row.chosen_attempt ?? 1,
    repoName: (JSON.parse(row.repo) as RepoAtCommit).name,
    environment: row.environment ?? DEFAULT_ENVIRONMENT_NAME,
  };
}

/** False once the task has gone on: with a follow-up, or with the same turn again. */
export function isSameTurn(one: LastTurn, other: LastTurn): boolean {
  return one.turn === other.turn && one.generation === other.generation && one.hasEnded === other.hasEnded;
}
