/** A question before a command runs: the whole command, why it is asked about, and the three answers. */
import {
  ANSWERED_WORDS,
  ANSWERS,
  ANSWER_WORDS,
  APPROVAL_REASON_WORDS,
  isAnswer,
  plainText,
} from '../../client/words/index.ts';
import type { ApprovalAnswer } from '../../protocol/approval.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { Question } from './questions.ts';

export function ApprovalCard({
  question,
  live,
  answer,
}: {
  question: Question;
  live: boolean;
  answer: (approvalId: string, answer: ApprovalAnswer) => void;
}) {
  const { approvalId, reason } = question;
  const open = question.answer === '' && live;
  if (!open) return <Answered question={question} />;
  const id = `approval-${approvalId}`;
  return (
    <section class="approval" role="group" aria-labelledby={`${id}-title`} aria-describedby={`${id}-why`}>
      <div class="approval-title" id={`${id}-title`}>
        <Icon name="question" />
        {t('Run this command?')}
      </div>
      <pre class="script" tabIndex={0} aria-label={t('Command')}>
        {plainText(question.command)}
      </pre>
      <div class="approval-why" id={`${id}-why`}>
        {t(APPROVAL_REASON_WORDS[reason])} {t('Folder: {cwd}', { cwd: plainText(question.cwd) })}
      </div>
      <div class="approval-do">
        {ANSWERS.map((one) => (
          <Button
            key={one}
            look={one === 'once' ? 'primary' : 'secondary'}
            label={t(ANSWER_WORDS[one])}
            onClick={() => answer(approvalId, one)}
          />
        ))}
      </div>
    </section>
  );
}

function Answered({ question: { answer, command } }: { question: Question }) {
  const words = isAnswer(answer) ? t(ANSWERED_WORDS[answer]) : t('not answered');
  const [first = ''] = plainText(command).split('\n');
  return (
    <div class="notice">
      <Icon name={answer === 'once' || answer === 'task' ? 'pass' : 'circle-slash'} />
      <span>{t('Asked about {command}: {answer}', { command: first, answer: words })}</span>
    </div>
  );
}
