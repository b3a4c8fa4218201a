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
import { accessWords, bytesWords, levelWords } from '../../client/words/index.ts';
import { connectHost, newRequestId } from '../host.ts';
import { Button, Checkbox, Icon, Segments, TextArea } from '../ui/index.tsx';
import { LIMITS } from '../../protocol/limits.ts';
import { bytes } from '../format.ts';
import { setWords, t } from '../words.ts';
import { imagesIn, readImage } from './attach.ts';
import { Options } from './options.tsx';

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

function placeholderOf(mode: Mode): string {
  switch (mode) {
    case 'ask':
      return t('Ask about this repository …');
    case 'code':
      return t('Describe a task …');
    case 'review':
      return t('Anything in particular …');
  }
}

/** What a review is of says whether local changes go along, but for one of a branch. */
function localIsChosen(state: ComposerState | null): boolean {
  return state?.mode !== 'review' || state.review === 'branch';
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
  // What a review is of stands in the menu: it needs no word more.
  const isSaid = prompt.trim() !== '' || state?.mode === 'review';
  const canSend = state !== null && folder !== null && !problem && isSaid && !sending;

  const attach = async (files: readonly File[]) => {
    setError('');
    for (const file of files) {
      try {
        if (file.size > LIMITS.attachmentBytes.cap) {
          const size = bytesWords(LIMITS.attachmentBytes.cap);
          throw new Error(t('{name} was not added: an image may have {size}.', { name: file.name, size }));
        }
        await host.request('composer.attach', { id: newRequestId(), ...(await readImage(file)) });
      } catch (thrown) {
        say(thrown);
      }
    }
    focus.current?.();
  };
  const picker = useRef<HTMLInputElement>(null);

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
      <div
        class="box"
        onPaste={(event) => {
          const files = imagesIn(event.clipboardData);
          if (files.length === 0) return;
          event.preventDefault();
          void attach(files);
        }}
        onDragOver={(event) => {
          if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
        }}
        onDrop={(event) => {
          const files = imagesIn(event.dataTransfer);
          if (files.length === 0) return;
          event.preventDefault();
          void attach(files);
        }}
      >
        <TextArea
          value={prompt}
          label={t('Describe a task')}
          placeholder={placeholderOf(mode)}
          onInput={write}
          onSend={() => void send()}
          focusRef={focus}
        />
        {state && state.images.length > 0 && (
          <ul class="attached" aria-label={t('Images')}>
            {state.images.map((image) => (
              <li key={image.id}>
                {image.thumbnail ? <img src={image.thumbnail} alt="" /> : <Icon name="file-media" />}
                <span title={`${image.name} · ${bytes(image.bytes)}`}>{image.name}</span>
                <Button
                  look="icon"
                  icon="close"
                  iconOnly
                  label={t('Remove {name}', { name: image.name })}
                  onClick={() => void host.request('composer.detach', { id: image.id }).catch(say)}
                />
              </li>
            ))}
          </ul>
        )}
        <input
          ref={picker}
          class="visually-hidden"
          type="file"
          accept="image/png,image/jpeg,image/gif,image/webp"
          multiple
          tabIndex={-1}
          aria-hidden="true"
          onChange={(event) => {
            const files = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = '';
            void attach(files);
          }}
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
            look="icon"
            icon="file-media"
            iconOnly
            label={t('Attach Images')}
            onClick={() => picker.current?.click()}
          />
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
          {state && !problem && <Options state={state} choose={choose} />}
          {folder.dirty && !problem && localIsChosen(state) && (
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
