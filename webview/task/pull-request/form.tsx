/**
 * The form of a pull request, over the task's log: what will be pushed and asked for, all of it before it is.
 * Ctrl/Cmd+Enter sends it, Escape puts it away; what was typed stays until it is sent.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  DELICATE_WORDS,
  delicateTitle,
  filesWords,
  isUpdate,
  plainText,
  previewNotes,
} from '../../../client/words/index.ts';
import type { PullRequestDesk } from '../../../protocol/pages.ts';
import type { PullRequestPreview } from '../../../protocol/pull-request.ts';
import { Problem, TextBlock, TextField } from '../../ui/fields.tsx';
import { Button, Checkbox, Icon, Ring } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import {
  formOf,
  keptText,
  problemsOf,
  writtenOf,
  type Problems,
  type PullRequestForm,
} from './form-model.ts';
import { DeskProblem } from './problem.tsx';
import type { PullRequestActions } from './use-pull-request.ts';

const TITLE_ID = 'pull-request-heading';

interface PanelProps {
  desk: PullRequestDesk;
  actions: PullRequestActions;
}

export function PullRequestPanel({ desk, actions }: PanelProps) {
  const { form, doing } = desk;
  const opener = useRef(document.activeElement);
  useEffect(
    () => () => {
      if (opener.current instanceof HTMLElement && opener.current.isConnected) opener.current.focus();
    },
    [],
  );
  return (
    <section
      class="over pull-request-panel"
      aria-labelledby={TITLE_ID}
      aria-busy={doing !== 'nothing'}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && doing !== 'publishing') actions.leave();
      }}
    >
      <div class="over-bar">
        <h2 id={TITLE_ID}>
          {form && isUpdate(form.preview) ? t('Update pull request') : t('Create pull request')}
        </h2>
        {form && (
          <span class="where">
            {form.preview.host}/{form.preview.repo}
          </span>
        )}
        <span class="grow" />
        {doing !== 'publishing' && (
          <Button look="icon" icon="close" iconOnly label={t('Close')} onClick={actions.leave} />
        )}
      </div>
      {form ? (
        // A newer preview is another form: what was typed comes back from what is kept.
        <Form key={formKey(form)} form={form} desk={desk} actions={actions} />
      ) : (
        <div class="over-body">
          <div class="over-column">
            {doing === 'reading' && (
              <div class="loading">
                <Ring label={t('Looking at what it would be …')} />
              </div>
            )}
            <DeskProblem desk={desk} actions={actions} focus />
          </div>
        </div>
      )}
    </section>
  );
}

type Shown = NonNullable<PullRequestDesk['form']>;

function formKey({ preview, own, localChanges }: Shown): string {
  return [preview.turn, preview.attempt, preview.delicateKey, own, localChanges].join(' ');
}

function Form({ form: shown, desk, actions }: PanelProps & { form: Shown }) {
  const { preview, own, author, localChanges } = shown;
  const [form, setForm] = useState<PullRequestForm>(() => formOf(preview, shown.kept));
  const [confirmed, setConfirmed] = useState(false);
  const [tried, setTried] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const update = isUpdate(preview);
  const busy = desk.doing !== 'nothing';
  const publishing = desk.doing === 'publishing';
  const problems = problemsOf(form, preview, confirmed, update, t);
  const told: Problems = tried ? problems : {};
  useEffect(() => {
    root.current?.querySelector<HTMLElement>('input, textarea, vscode-checkbox')?.focus();
  }, []);
  const change = (some: Partial<PullRequestForm>) => {
    const next = { ...form, ...some };
    setForm(next);
    actions.keep(keptText(next, preview));
  };
  const send = () => {
    if (busy) return;
    setTried(true);
    const [first] = Object.keys(problems);
    if (first !== undefined) {
      root.current?.querySelector<HTMLElement>(`#pr-${first}, .confirm vscode-checkbox`)?.focus();
      return;
    }
    actions.publish(writtenOf(form, preview, confirmed));
  };
  return (
    <>
      <div
        class="over-body"
        ref={root}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      >
        <div class="over-column">
          <fieldset class="plain" role="presentation" disabled={busy}>
            {update && (
              <p class="lead">
                {t('The newest result becomes one more commit on “{branch}”. Title and text stay.', {
                  branch: plainText(preview.branch),
                })}
              </p>
            )}
            {!update && <Fields form={form} problems={told} change={change} />}
            {!update && (
              <Checkbox
                label={t('Draft: not ready for review')}
                checked={form.draft}
                disabled={busy}
                onChange={(draft) => change({ draft })}
              />
            )}
            {preview.localChanges && (
              <LocalChanges own={own} value={localChanges} busy={busy} prepare={actions.prepare} />
            )}
            <Delicate
              preview={preview}
              confirmed={confirmed}
              problem={told.confirmed}
              busy={busy}
              onChange={setConfirmed}
            />
          </fieldset>
          {previewNotes(preview, t).map(({ icon, text }) => (
            <div key={text} class="notice">
              <Icon name={icon} />
              <span>{plainText(text)}</span>
            </div>
          ))}
          {own && (
            <div class="notice">
              <Icon name="account" />
              <span>
                {preview.from === undefined
                  ? t('Your own git pushes the branch, and your GitHub session makes the pull request.')
                  : t(
                      'Your own git pushes the branch to your fork {repo}, and your GitHub session makes the pull request.',
                      { repo: preview.from },
                    )}
              </span>
            </div>
          )}
          <p class="about">
            {[
              filesWords(preview.files, preview.filesCut, t),
              author ? t('by {name} <{email}>', { ...author }) : '',
            ]
              .filter(Boolean)
              .join(' · ')}
          </p>
        </div>
      </div>
      <div class="over-told">
        <DeskProblem desk={desk} actions={actions} />
      </div>
      <div class="over-foot">
        <Button
          look="primary"
          label={
            publishing ? t('Publishing …') : update ? t('Update Pull Request') : t('Create Pull Request')
          }
          busy={busy}
          onClick={send}
        />
        <Button label={publishing ? t('Stop Waiting') : t('Cancel')} onClick={actions.leave} />
      </div>
    </>
  );
}

interface FieldsProps {
  form: PullRequestForm;
  problems: Problems;
  change: (some: Partial<PullRequestForm>) => void;
}

function Fields({ form, problems, change }: FieldsProps) {
  return (
    <>
      <TextField
        id="pr-title"
        label={t('Title')}
        value={form.title}
        problem={problems.title}
        onInput={(title) => change({ title })}
      />
      <TextBlock
        id="pr-body"
        label={t('Text')}
        rows={8}
        value={form.body}
        problem={problems.body}
        onInput={(body) => change({ body })}
      />
      <div class="two">
        <TextField
          id="pr-branch"
          label={t('Branch')}
          mono
          value={form.branch}
          problem={problems.branch}
          onInput={(branch) => change({ branch })}
        />
        <TextField
          id="pr-base"
          label={t('Into')}
          mono
          value={form.base}
          problem={problems.base}
          onInput={(base) => change({ base })}
        />
      </div>
    </>
  );
}

interface LocalChangesProps {
  own: boolean;
  value: 'include' | 'leaveOut';
  busy: boolean;
  prepare: PullRequestActions['prepare'];
}

function LocalChanges({ own, value, busy, prepare }: LocalChangesProps) {
  if (own) {
    return (
      <div class="notice">
        <Icon name="info" />
        <span>{t('The local changes that the task began with are left out.')}</span>
      </div>
    );
  }
  return (
    <Checkbox
      label={t('Include the local changes that the task began with')}
      checked={value === 'include'}
      disabled={busy}
      onChange={(include) => prepare({ localChanges: include ? 'include' : 'leaveOut' })}
    />
  );
}

interface DelicateProps {
  preview: PullRequestPreview;
  confirmed: boolean;
  problem: string | undefined;
  busy: boolean;
  onChange: (confirmed: boolean) => void;
}

/** The second yes: a step of its own, for exactly these files. */
function Delicate({ preview: { delicate }, confirmed, problem, busy, onChange }: DelicateProps) {
  if (delicate.length === 0) return null;
  return (
    <div class="sentence warning confirm" role="group" aria-label={delicateTitle(delicate.length, t)}>
      <Icon name="warning" />
      <div>
        {delicateTitle(delicate.length, t)}
        <ul>
          {delicate.map(({ path, why }) => (
            <li key={path}>
              <code>{plainText(path)}</code> <span class="why">{t(DELICATE_WORDS[why])}</span>
            </li>
          ))}
        </ul>
        <Checkbox
          label={
            delicate.length === 1
              ? t('I have looked at it, and want it in the pull request')
              : t('I have looked at them, and want them in the pull request')
          }
          checked={confirmed}
          disabled={busy}
          onChange={onChange}
        />
        {problem && <Problem id="pr-confirmed-problem" text={problem} />}
      </div>
    </div>
  );
}
