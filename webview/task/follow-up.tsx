/** The box below a task: a follow-up, once its turn has ended. */
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
  request: (promise: Promise<void>) => void;
  focusRef: { current: (() => void) | null };
}

export function FollowUp({ host, draft, task, request, focusRef }: FollowUpProps) {
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
  const canSend = ended && prompt.trim() !== '' && !sending;
  const send = () => {
    if (!canSend) return;
    setSending(true);
    request(
      host
        .request('task.followUp', { requestId: requestId.current, prompt, mode: chosen })
        .then(() => {
          requestId.current = newRequestId();
          write('');
        })
        .finally(() => setSending(false)),
    );
  };
  return (
    <footer>
      <div class="box">
        <TextArea
          value={prompt}
          label={t('Follow-up')}
          placeholder={
            ended || task === null
              ? t('Ask for changes, or ask a question …')
              : t('A follow-up can be sent when this turn has ended …')
          }
          onInput={write}
          onSend={send}
          focusRef={focusRef}
        />
        <div class="bar">
          <Segments
            label={t('Mode')}
            value={chosen === 'review' ? 'code' : chosen}
            options={[
              { value: 'ask', label: t('Ask'), title: t('Answers a question; changes nothing') },
              { value: 'code', label: t('Code'), title: t('Changes files and hands back a patch') },
            ]}
            onChange={setMode}
          />
          <span class="grow" />
          <Button
            look={prompt.trim() === '' ? 'secondary' : 'primary'}
            icon="arrow-up"
            iconOnly
            class="send"
            label={host.boot.mac ? t('Send (⌘⏎)') : t('Send (Ctrl+Enter)')}
            disabled={!canSend}
            busy={sending}
            onClick={send}
          />
        </div>
      </div>
    </footer>
  );
}
