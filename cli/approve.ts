/** `codex-tasks approve`: what a person says to a command that waits, from a terminal without one of its own. */
import { ANSWERS, APPROVAL_REASON_WORDS, isAnswer } from '../client/words/index.ts';
import type { OpenApproval } from '../protocol/approval.ts';
import { EXIT } from '../protocol/result.ts';
import { askBackend } from './ask.ts';
import { OWN_BACKEND_HELP, OWN_BACKEND_OPTIONS, ownBackendOptions } from './backend.ts';
import { tameName } from './terminal.ts';
import { UsageError, parse } from './usage.ts';

const APPROVE_HELP = `codex-tasks approve [options] [TASK [ID [ANSWER]]]

Without ANSWER: the commands that wait for a person's word, of one task or of all.

  ANSWER   once: run it · task: run it, and the same command for the rest of the task · never: do not run it

${OWN_BACKEND_HELP}`;

export async function approve(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    args,
    { ...OWN_BACKEND_OPTIONS, help: { type: 'boolean', short: 'h' } },
    true,
  );
  if (values.help) {
    process.stdout.write(APPROVE_HELP);
    return EXIT.completed;
  }
  const [taskId, approvalId, answer, ...more] = positionals;
  if (more.length > 0) throw new UsageError('There are too many arguments.');
  if (approvalId !== undefined && (answer === undefined || !isAnswer(answer))) {
    throw new UsageError(`The answer is one of ${ANSWERS.join(', ')}.`);
  }
  await askBackend(ownBackendOptions(values), async (connection) => {
    if (taskId !== undefined && approvalId !== undefined && answer !== undefined && isAnswer(answer)) {
      await connection.call('approval.answer', { taskId, approvalId, answer });
      return;
    }
    const { approvals } = await connection.call('approval.list', taskId === undefined ? {} : { taskId });
    for (const line of approvals.flatMap(questionLines)) process.stdout.write(`${line}\n`);
    if (approvals.length === 0) process.stdout.write('No command waits for an answer.\n');
  });
  return EXIT.completed;
}

export function questionLines(question: OpenApproval): string[] {
  return [
    `${question.taskId} ${question.approvalId}`,
    ...question.command.split('\n').map((line) => `  $ ${tameName(line)}`),
    `  in ${tameName(question.cwd)}. ${APPROVAL_REASON_WORDS[question.reason]}`,
  ];
}
