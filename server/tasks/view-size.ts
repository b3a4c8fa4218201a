/**
 * Makes a task fit one frame, whatever it changed and said. Pure.
 *
 * The newest turn has the room first. A list of files ends where its room ends (the summary still has
 * the count, the patch the files); a text is cut with a mark.
 */
import type { AttemptView, TaskView, TurnView } from '../../protocol/rpc.ts';

const MARK = '… [cut]';
/** What is left for a turn when there is no room: enough to recognise it. */
const LEAST_BYTES = 512;

export function fitView(task: TaskView, maxBytes: number): TaskView {
  let room = maxBytes - sizeOf({ ...task, turnList: [] });
  if (sizeOf(task) <= maxBytes) return task;
  const fitted = task.turnList.toReversed().map((turn) => {
    const smaller = fitTurn(turn, Math.max(room, 0));
    room -= sizeOf(smaller);
    return smaller;
  });
  return { ...task, turnList: fitted.reverse() };
}

/** Answer before prompt before files: what a person looks at first. Each may take half of the room. */
function fitTurn(turn: TurnView, bytes: number): TurnView {
  const bare = { ...turn, prompt: '', attempts: turn.attempts.map(bareAttempt) };
  delete bare.answer;
  delete bare.report;
  let room = bytes - sizeOf(bare);
  const take = <T>(fit: (bytes: number) => T): T => {
    const taken = fit(Math.max(Math.floor(room / 2), LEAST_BYTES));
    room -= sizeOf(taken);
    return taken;
  };
  const answer = turn.answer;
  const answerPart = answer === undefined ? {} : { answer: take((most) => fitText(answer, most)) };
  // A part of it would say something else: whole or not at all. Its event has it too.
  const { report } = turn;
  const reportPart = report === undefined ? {} : take((most) => (sizeOf(report) <= most ? { report } : {}));
  const prompt = take((most) => fitText(turn.prompt, most));
  const attempts = turn.attempts.map(({ answer: said, report, files, ...one }) => ({
    ...one,
    ...(said === undefined ? {} : { answer: take((most) => fitText(said, most)) }),
    // A part of one would be another one.
    ...take((most) => (report !== undefined && sizeOf(report) <= most ? { report } : {})),
    files: take((most) => fitList(files, most)),
  }));
  return { ...bare, ...answerPart, ...reportPart, prompt, attempts };
}

function bareAttempt(attempt: AttemptView): AttemptView {
  const bare = { ...attempt, files: [] };
  delete bare.answer;
  delete bare.report;
  return bare;
}

function fitText(text: string, bytes: number): string {
  if (sizeOf(text) <= bytes) return text;
  let kept = text.slice(0, bytes);
  while (sizeOf(kept) > bytes) kept = kept.slice(0, Math.floor(kept.length * 0.9));
  return kept.toWellFormed() + MARK;
}

function fitList<T>(list: T[], bytes: number): T[] {
  let left = bytes;
  const end = list.findIndex((one) => (left -= sizeOf(one) + 1) < 0);
  return end < 0 ? list : list.slice(0, end);
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
