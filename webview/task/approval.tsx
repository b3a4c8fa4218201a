/** A question before a command runs: the whole command, why it is asked about, and the three answers. */
import type { Ref } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
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

interface ApprovalProps {
  question: Question;
  live: boolean;
  /** Rejects when it could not be said. */
  answer: (approvalId: string, answer: ApprovalAnswer) => Promise<void>;
}

export function ApprovalCard({ question, live, answer }: ApprovalProps) {
  const { approvalId, reason } = question;
  const open = question.answer === '' && live;
  /** Said here, so that nobody says it twice; the card goes when the backend has it. */
  const said = useRef(false);
  const answered = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The button that was pressed is gone, and the focus with it: on from where it was, not from the top.
    if (!open && said.current && document.hasFocus() && document.activeElement === document.body)
      answered.current?.focus();
  }, [open]);
  const say = (one: ApprovalAnswer): void => {
    if (said.current) return;
    said.current = true;
    answer(approvalId, one).catch(() => (said.current = false));
  };
  if (!open) return <Answered question={question} focus={answered} />;
  const id = `approval-${approvalId}`;
  return (
    <section class="approval" role="group" aria-labelledby={`${id}-title`} aria-describedby={`${id}-why`}>
      <div class="approval-title" id={`${id}-title`}>
        <Icon name="question" />
        {t('Run this command?')}
      </div>
      <pre class="script" tabIndex={0} role="region" aria-label={t('Command')}>
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
            onClick={() => say(one)}
          />
        ))}
      </div>
    </section>
  );
}

function Answered({
  question: { answer, command },
  focus,
}: {
  question: Question;
  focus: Ref<HTMLDivElement>;
}) {
  const words = isAnswer(answer) ? t(ANSWERED_WORDS[answer]) : t('not answered');
  const [first = ''] = plainText(command).split('\n');
  return (
    <div class="notice" ref={focus} tabIndex={-1}>
      <Icon name={answer === 'once' || answer === 'task' ? 'pass' : 'circle-slash'} />
      <span>{t('Asked about {command}: {answer}', { command: first, answer: words })}</span>
    </div>
  );
}
