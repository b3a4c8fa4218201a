/**
 * The box below a task: while a turn runs, what is said to it; once it has ended, a follow-up. What could
 * not be sent stays in the box.
 */
import { useRef, useState } from 'preact/hooks';
import type { TaskSummary } from '../../protocol/rpc.ts';
import type { Mode } from '../../protocol/states.ts';
import { newRequestId, type PageHost } from '../host.ts';
import { hasEnded } from '../states.ts';
import { Button, Segments, TextArea } from '../ui/index.tsx';
import { t } from '../words.ts';

interface FollowUpProps {
  host: PageHost;
  /** What was typed and not sent, kept over a reload. */
  draft: { prompt: string; keep: (prompt: string) => void };
  task: TaskSummary | null;
  /** Whose result it goes on from has to be said first. */
  choose: boolean;
  request: (promise: Promise<void>) => void;
  focusRef: { current: (() => void) | null };
}

export function FollowUp({ host, draft, task, choose, request, focusRef }: FollowUpProps) {
  const [prompt, setPrompt] = useState(draft.prompt);
  const [mode, setMode] = useState<Mode | null>(null);
  const [sending, setSending] = useState(false);
  const requestId = useRef(newRequestId());
  const write = (text: string) => {
    setPrompt(text);
    draft.keep(text);
  };
  const ended = task !== null && hasEnded(task.state);
  const chosen = mode ?? task?.mode ?? 'code';
  const canSend = task !== null && prompt.trim() !== '' && !sending && !(ended && choose);
  const send = () => {
    if (!canSend) return;
    setSending(true);
    const id = requestId.current;
    const sent = ended
      ? host.request('task.followUp', { requestId: id, prompt, mode: chosen })
      : host.request('task.steer', { requestId: id, text: prompt });
    request(
      sent
        .then(() => {
          requestId.current = newRequestId();
          write('');
        })
        .finally(() => setSending(false)),
    );
  };
  const label = ended ? t('Follow-up') : t('Say something to the agent');
  const placeholder = !ended
    ? t('Add to the task while it runs …')
    : choose
      ? t('Choose an attempt first: a follow-up goes on from its result …')
      : t('Ask for changes, or ask a question …');
  const sendLabel = ended
    ? host.boot.mac
      ? t('Send (⌘⏎)')
      : t('Send (Ctrl+Enter)')
    : host.boot.mac
      ? t('Send Now (⌘⏎)')
      : t('Send Now (Ctrl+Enter)');
  return (
    <footer>
      <div class="box">
        <TextArea
          value={prompt}
          label={label}
          placeholder={placeholder}
          onInput={write}
          onSend={send}
          focusRef={focusRef}
        />
        <div class="bar">
          {ended && (
            <Segments
              label={t('Mode')}
              value={chosen}
              options={modeOptions(task?.mode === 'review')}
              onChange={setMode}
            />
          )}
          <span class="grow" />
          <Button
            look={canSend ? 'primary' : 'secondary'}
            icon="arrow-up"
            iconOnly
            class="send"
            label={sendLabel}
            disabled={!canSend}
            busy={sending}
            onClick={send}
          />
        </div>
      </div>
    </footer>
  );
}

/** A review goes on as one, or its findings are fixed. */
function modeOptions(review: boolean): { value: Mode; label: string; title: string }[] {
  return [
    { value: 'ask', label: t('Ask'), title: t('Answers a question; changes nothing') },
    { value: 'code', label: t('Code'), title: t('Changes files and hands back a patch') },
    ...(review
      ? [
          {
            value: 'review' as const,
            label: t('Review'),
            title: t('Reads the changes and says what it finds'),
          },
        ]
      : []),
  ];
}
