/**
 * The page of environments: a list, and the one that is chosen with everything that can be set. Only
 * what was changed is saved; what was changed elsewhere meanwhile is said, and decided by the person.
 * What is typed survives a reload, a hidden tab and a closed one.
 */
import '../ui/base.css';
import '../ui/fields.css';
import './environment.css';
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { EnvironmentList, OpenedEnvironment } from '../../protocol/pages.ts';
import { connectHost, newRequestId } from '../host.ts';
import { Icon, Ring } from '../ui/index.tsx';
import { setWords, t } from '../words.ts';
import { Bar } from './bar.tsx';
import { ConflictNotice, TakenNotice } from './conflict.tsx';
import { editOf, isDirty, newDraft, onTopOf, withNewest, type Draft } from './draft.ts';
import { draftsText, readDrafts, type Drafts } from './drafts.ts';
import { Editor } from './editor.tsx';
import { readEnvironmentFile } from './file.ts';
import { fieldsOf, formOf, type Form } from './form.ts';
import { List } from './list.tsx';
import { problemsOf } from './problems.ts';
import type { EditorActions } from './sections/section.tsx';

/** Of pauses in typing: then the holder is told what is there. */
const KEEP_AFTER_MS = 300;

const host = connectHost();
setWords(host.boot.words);

interface Kept {
  drafts: string;
}

type Busy = 'save' | 'test' | 'reset' | null;

function Page() {
  const [list, setList] = useState<EnvironmentList | null>(null);
  const [opened, setOpened] = useState<Record<string, OpenedEnvironment>>({});
  const [drafts, setDrafts] = useState<Drafts>(() => readDrafts(host.load<Kept>({ drafts: '{}' }).drafts));
  const [busy, setBusy] = useState<Busy>(null);
  const [error, setError] = useState('');
  const requestId = useRef(newRequestId());
  const keeping = useRef(0);

  useEffect(() => {
    host.onPush({
      'environment.list': setList,
      'environment.opened': (one) => {
        const { name } = one.environment;
        setOpened((all) => ({ ...all, [name]: one }));
        setDrafts((all) => {
          const draft = all[name];
          const now =
            draft && isDirty(draft) ? withNewest(draft, one.environment) : newDraft(one.environment);
          return { ...all, [name]: now };
        });
      },
      'environment.kept': ({ drafts: text }) => setDrafts((all) => ({ ...readDrafts(text), ...all })),
    });
    host.ready();
  }, []);

  useEffect(() => {
    const text = draftsText(drafts);
    host.save({ drafts: text } satisfies Kept);
    clearTimeout(keeping.current);
    keeping.current = window.setTimeout(
      () => void host.request('environment.keep', { drafts: text }).catch(() => undefined),
      KEEP_AFTER_MS,
    );
  }, [drafts]);

  const name = list?.selected ?? '';
  const draft = drafts[name];
  const current = opened[name];
  const file = useMemo(
    () => (current?.file ? readEnvironmentFile(current.file.text) : {}),
    [current?.file?.text],
  );
  const problems = useMemo(() => (draft ? problemsOf(draft.form, t) : new Map<string, string>()), [draft]);
  const dirty = draft !== undefined && isDirty(draft);

  // Who changed their mind gets an empty sentence.
  const say = (thrown: unknown) => setError(thrown instanceof Error ? thrown.message : String(thrown));
  const request = (promise: Promise<void>) => {
    setError('');
    promise.catch(say);
  };
  const put = (now: Draft) => setDrafts((all) => ({ ...all, [name]: now }));
  const during = async (what: Busy, work: () => Promise<void>) => {
    setBusy(what);
    setError('');
    try {
      await work();
    } catch (thrown) {
      say(thrown);
    } finally {
      setBusy(null);
    }
  };

  const save = async (from = draft): Promise<boolean> => {
    if (!from || from.theirs) return false;
    if (problemsOf(from.form, t).size > 0) {
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
      return false;
    }
    const edit = editOf(from);
    const sent = fieldsOf(from.form);
    setDrafts((all) => (all[name] ? { ...all, [name]: { ...all[name], sent } } : all));
    await host.request('environment.save', { name, edit, basis: from.base.updatedAt });
    return true;
  };
  const saveNow = () => dirty && busy === null && void during('save', async () => void (await save()));
  const test = () =>
    during('test', async () => {
      if (dirty && !(await save())) return;
      await host.request('environment.test', { name, requestId: requestId.current });
      requestId.current = newRequestId();
    });
  const overwrite = (theirs: NonNullable<Draft['theirs']>) =>
    during('save', async () => {
      if (!draft) return;
      const mine = onTopOf(draft, theirs);
      put(mine);
      await save(mine);
    });

  const saving = useRef(saveNow);
  saving.current = saveNow;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 's' || !(host.boot.mac ? event.metaKey : event.ctrlKey) || event.shiftKey) return;
      event.preventDefault();
      saving.current();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  const actions: EditorActions = {
    set: (change: Partial<Form>) => {
      if (draft) put({ ...draft, form: { ...draft.form, ...change } });
    },
    putSecret: (secret) =>
      request(host.request('environment.putSecret', { name, ...(secret === undefined ? {} : { secret }) })),
    deleteSecret: (secret) => request(host.request('environment.deleteSecret', { name, secret })),
    internet: (phase) => request(host.request('environment.internet', { name, phase })),
    learnMore: () => request(host.request('environment.learnMore', {})),
    resetCache: () => void during('reset', () => host.request('environment.resetCache', { name })),
    openScript: (script) => {
      if (!draft) return;
      const { text } = draft.form.scripts[script];
      // What was typed here is in the editor from now on, and no longer here as well. Said before it
      // opens: a page that is hidden by it is gone.
      const stored = formOf(draft.base).scripts[script];
      put({ ...draft, form: { ...draft.form, scripts: { ...draft.form.scripts, [script]: stored } } });
      setError('');
      host.request('environment.openScript', { name, script, text }).catch((thrown: unknown) => {
        put(draft);
        say(thrown);
      });
    },
  };

  if (!list) {
    return (
      <div class="loading">
        <Ring label={t('Loading')} />
      </div>
    );
  }
  return (
    <div class="page">
      <List
        list={list}
        dirty={(one) => drafts[one] !== undefined && isDirty(drafts[one])}
        select={(one) => request(host.request('environment.select', { name: one }))}
        make={() => request(host.request('environment.make', {}))}
      />
      <main>
        <Bar
          name={name}
          list={list}
          dirty={dirty}
          blocked={problems.size > 0 || draft?.theirs !== undefined}
          busy={busy}
          mac={host.boot.mac}
          save={saveNow}
          discard={() => draft && put(newDraft(draft.theirs ?? draft.base))}
          test={() => void test()}
          copy={() => request(host.request('environment.make', { from: name }))}
          remove={() => request(host.request('environment.delete', { name }))}
          use={() => request(host.request('environment.use', { name }))}
          refresh={() => request(host.request('environment.refresh', {}))}
        />
        <div class="sheet">
          {error && (
            <div class="sentence error" role="alert">
              <Icon name="error" />
              <div>{error}</div>
            </div>
          )}
          {problems.get('form') && (
            <div class="sentence error" role="alert">
              <Icon name="error" />
              <div>{problems.get('form')}</div>
            </div>
          )}
          {draft?.theirs && (
            <ConflictNotice
              draft={draft}
              theirs={draft.theirs}
              language={host.boot.language}
              reload={() => draft.theirs && put(newDraft(draft.theirs))}
              overwrite={() => draft.theirs && void overwrite(draft.theirs)}
              blocked={problems.size > 0}
            />
          )}
          {draft?.taken && <TakenNotice fields={draft.taken} />}
          {draft && current ? (
            <Editor
              key={name}
              form={draft.form}
              problems={problems}
              file={file}
              opened={current}
              language={host.boot.language}
              actions={actions}
            />
          ) : (
            !error && (
              <div class="loading">
                <Ring label={t('Loading')} />
              </div>
            )
          )}
        </div>
      </main>
    </div>
  );
}

render(<Page />, document.body);
