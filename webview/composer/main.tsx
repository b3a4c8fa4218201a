/**
 * The composer: a prompt, a mode, the repository and branch it is about, Send. It decides nothing:
 * what can be sent from where is the holder's, told as a state; what is typed survives a reload.
 */
import '../ui/base.css';
import './composer.css';
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComposerFolder, ComposerState, PageParams } from '../../protocol/pages.ts';
import type { Mode } from '../../protocol/states.ts';
import { accessWords, levelWords } from '../../client/words/index.ts';
import { connectHost, newRequestId } from '../host.ts';
import { Button, Checkbox, Icon, Segments, TextArea } from '../ui/index.tsx';
import { setWords, t } from '../words.ts';

const host = connectHost();
setWords(host.boot.words);

interface Kept {
  prompt: string;
}

const MODES: readonly Mode[] = ['ask', 'code', 'review'];

function modeOption(mode: Mode) {
  switch (mode) {
    case 'ask':
      return { value: mode, label: t('Ask'), title: t('Answers a question; changes nothing') };
    case 'code':
      return { value: mode, label: t('Code'), title: t('Changes files and hands back a patch') };
    case 'review':
      return { value: mode, label: t('Review'), title: t('Reads the changes and says what it finds') };
  }
}

/** What its icons say to who sees them. */
function folderLabel({ name, branch, sha }: ComposerFolder): string {
  if (branch !== undefined) return t('Folder {name}, branch {branch}', { name, branch });
  return sha === undefined ? t('Folder {name}', { name }) : t('Folder {name}, commit {sha}', { name, sha });
}

type Internet = NonNullable<ComposerState['internet']>;

function internetWords({ environment, level, several }: Internet): string {
  const words = levelWords(level, t);
  return several ? `${environment} · ${words}` : words;
}

function internetTitle({ environment, level, sentence, several }: Internet): string {
  const first = t('Environment “{environment}”', { environment });
  const next = several ? t('Choose another environment') : t('Change internet access');
  return [`${first}. ${accessWords(level, t)}.`, sentence, next].join('\n');
}

function Composer() {
  const [prompt, setPrompt] = useState(() => host.load<Kept>({ prompt: '' }).prompt);
  const [state, setState] = useState<ComposerState | null>(null);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState('');
  const focus = useRef<(() => void) | null>(null);
  // Kept over a failed try, so that sending the same text again is the same task.
  const requestId = useRef(newRequestId());

  useEffect(() => {
    host.onPush({
      'composer.state': setState,
      'composer.focus': ({ prompt: text }) => {
        if (text) write(text);
        requestAnimationFrame(() => focus.current?.());
      },
    });
    host.ready();
  }, []);

  const write = (text: string) => {
    setPrompt(text);
    host.save({ prompt: text } satisfies Kept);
  };
  const choose = (choice: PageParams<'composer.choose'>) => {
    if (state) setState({ ...state, ...choice } as ComposerState);
    void host.request('composer.choose', choice);
  };

  const folder = state?.folder ?? null;
  const problem = state?.problem ?? folder?.problem;
  const canSend = state !== null && folder !== null && !problem && prompt.trim() !== '' && !sending;

  const send = async () => {
    if (!canSend) return;
    setSending(true);
    setError('');
    try {
      await host.request('composer.submit', {
        requestId: requestId.current,
        prompt,
        mode: state.mode,
        folder: folder.id,
        includeLocal: state.includeLocal && folder.dirty,
      });
      requestId.current = newRequestId();
      write('');
    } catch (thrown) {
      say(thrown);
    } finally {
      setSending(false);
      focus.current?.();
    }
  };

  // Who changed their mind gets an empty sentence.
  const say = (thrown: unknown) => setError(thrown instanceof Error ? thrown.message : String(thrown));
  const mode = state?.mode ?? 'code';
  const sendLabel = host.boot.mac ? t('Send (⌘⏎)') : t('Send (Ctrl+Enter)');
  return (
    <main>
      <div class="box">
        <TextArea
          value={prompt}
          label={t('Describe a task')}
          placeholder={mode === 'ask' ? t('Ask about this repository …') : t('Describe a task …')}
          onInput={write}
          onSend={() => void send()}
          focusRef={focus}
        />
        <div class="bar">
          <Segments
            label={t('Mode')}
            options={MODES.map(modeOption)}
            value={mode}
            onChange={(chosen) => choose({ mode: chosen })}
          />
          <span class="grow" />
          <Button
            look="primary"
            icon="arrow-up"
            iconOnly
            class="send"
            label={sendLabel}
            disabled={!canSend}
            busy={sending}
            onClick={() => void send()}
          />
        </div>
      </div>
      {folder && (
        <div class="about">
          <button
            type="button"
            class="chip"
            title={state?.several ? t('Choose another folder') : folder.name}
            aria-label={folderLabel(folder)}
            onClick={() => void host.request('composer.pickFolder', {})}
          >
            <Icon name="repo" />
            <span>{folder.name}</span>
            {!folder.problem && (
              <>
                <Icon name={folder.branch === undefined ? 'git-commit' : 'git-branch'} />
                <span>{folder.branch ?? folder.sha}</span>
              </>
            )}
            {state?.several && <Icon name="chevron-down" />}
          </button>
          {state?.internet && (
            <button
              type="button"
              class="chip"
              title={internetTitle(state.internet)}
              onClick={() => void host.request('composer.pickEnvironment', {}).catch(say)}
            >
              <Icon name={state.internet.level === 'off' ? 'lock' : 'globe'} />
              <span>{internetWords(state.internet)}</span>
              {state.internet.several && <Icon name="chevron-down" />}
            </button>
          )}
          {folder.dirty && !problem && (
            <Checkbox
              label={t('include local changes')}
              title={t(
                'Sends the working tree as it is on disk, untracked files too. Nothing of yours is changed.',
              )}
              checked={state?.includeLocal ?? true}
              onChange={(includeLocal) => choose({ includeLocal })}
            />
          )}
        </div>
      )}
      {folder?.hint && !problem && <p class="hint">{folder.hint}</p>}
      {problem && (
        <div class="sentence warning" role="status">
          <Icon name="warning" />
          <div>
            {problem.sentence}
            {problem.action && problem.label && (
              <div class="next">
                <Button
                  look="primary"
                  label={problem.label}
                  onClick={() => {
                    if (problem.action) void host.request('composer.act', { action: problem.action });
                  }}
                />
              </div>
            )}
          </div>
        </div>
      )}
      {error && (
        <div class="sentence error" role="alert">
          <Icon name="error" />
          <div>{error}</div>
        </div>
      )}
    </main>
  );
}

render(<Composer />, document.body);
