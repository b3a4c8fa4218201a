/** A setup that failed: which line, how, its last lines, what to try, and the buttons for it. */
import { errorWords } from '../../../client/words/index.ts';
import type { WireError } from '../../../protocol/errors.ts';
import { Button, Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';

interface SetupFailureProps {
  error: WireError;
  /** Absent: there is no terminal here. */
  terminal: (() => void) | undefined;
  open: () => void;
  retry: () => void;
}

export function SetupFailure({ error, terminal, open, retry }: SetupFailureProps) {
  const tail = error.params['tail'];
  return (
    <div class="sentence error setup-failure" role="alert">
      <Icon name="error" />
      <div>
        {errorWords(error, t).text}
        {typeof tail === 'string' && tail.trim() !== '' && (
          <pre class="tail" tabIndex={0} aria-label={t('The last lines of the setup')}>
            {plain(tail)}
          </pre>
        )}
        <div class="next">
          <Button look="primary" icon="server-environment" label={t('Open Environment')} onClick={open} />
          {terminal && <Button icon="terminal" label={t('Open Terminal in Sandbox')} onClick={terminal} />}
          <Button icon="refresh" label={t('Retry')} onClick={retry} />
        </div>
      </div>
    </div>
  );
}

/** Colours and movements of the cursor mean nothing in a quotation. */
function plain(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g, '')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '');
}
