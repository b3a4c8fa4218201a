/** What the attempts at a task come to, as the page needs it. Pure. */
import type { TaskSummary } from '../../protocol/rpc.ts';
import { newAttempt, type AttemptModel } from './attempt.ts';
import type { TaskModel, TurnModel } from './model.ts';

/** Of a turn, also those of which nothing was heard yet; a follow-up has the chosen one alone. */
export function attemptsOf(turn: TurnModel, count: number): AttemptModel[] {
  const known = turn.attempts;
  if (turn.turn > 1 || count < 2) return known;
  return Array.from(
    { length: Math.max(count, known.at(-1)?.attempt ?? 0) },
    (_, at) => known.find(({ attempt }) => attempt === at + 1) ?? newAttempt(at + 1, turn.startedAt),
  );
}

/**
 * Whether a person has to say whose result is the task's before it goes on: several completed, none was
 * chosen, and nothing went on from one.
 */
export function choiceIsOpen(model: TaskModel, task: TaskSummary | null): boolean {
  return mayChoose(model, task) && (model.chosen ?? task?.chosenAttempt) === undefined;
}

/** A choice can be changed until a follow-up has gone on from it. */
export function mayChoose({ turns }: TaskModel, task: TaskSummary | null): boolean {
  const [first] = turns;
  if (!first || turns.length > 1 || !task || task.attempts < 2 || task.turns > 1) return false;
  if (task.state !== 'completed' && task.state !== 'failed' && task.state !== 'cancelled') return false;
  return first.attempts.filter(({ state }) => state === 'completed').length > 1;
}

const ANSWER_CHARS = 160;

/** The first line that says something. */
export function answerLine({ answer, entries }: AttemptModel): string {
  const said = entries.findLast((entry) => entry.kind === 'message');
  const text = answer ?? (said?.kind === 'message' ? said.text : '');
  const line = text.split('\n').find((one) => /[\p{L}\p{N}]/u.test(one)) ?? '';
  const plain = line
    .replace(/^[\s#>*-]+/, '')
    .replaceAll(/\*\*|`/g, '')
    .trim();
  return plain.length > ANSWER_CHARS ? `${plain.slice(0, ANSWER_CHARS - 1)}…` : plain;
}
