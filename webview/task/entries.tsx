/** What happens in a turn, one below the other: messages, thoughts, plans, commands, notices. */
import { memo } from './memo.ts';
import {
  compactionWords,
  limitNearWords,
  limitWords,
  plainText,
  warningWords,
} from '../../client/words/index.ts';
import { useState } from 'preact/hooks';
import { bytes } from '../format.ts';
import { Markdown } from '../markdown/view.tsx';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { EntryActions } from './actions.ts';
import { ApprovalCard } from './approval.tsx';
import type { Entry, Notice } from './attempt.ts';
import { CommandView } from './command.tsx';
import { EnvironmentLine } from './environment/line.tsx';
import { Denials } from './internet/denials.tsx';
import { Plan } from './plan.tsx';

interface EntryProps {
  entry: Entry;
  rev: number;
  /** The turn still runs. */
  live: boolean;
  /** The newest command of the page. */
  newest: boolean;
  actions: EntryActions;
}

export const EntryView = memo(
  function EntryView({ entry, live, newest, actions }: EntryProps) {
    switch (entry.kind) {
      case 'message':
        return (
          <div class="message">
            <Markdown text={entry.text} actions={actions} />
          </div>
        );
      case 'reasoning':
        return <Reasoning text={entry.text} streaming={entry.streaming} actions={actions} />;
      case 'command':
        return <CommandView entry={entry} rev={entry.rev} newest={newest} actions={actions} />;
      case 'plan':
        return <Plan steps={entry.steps} live={live} />;
      case 'said':
        return <div class="prompt">{entry.text}</div>;
      case 'image':
        return (
          <div class="notice">
            <Icon name="file-media" />
            <span>
              {t('The model looked at {path}', { path: plainText(entry.path) })} · {bytes(entry.bytes)}
            </span>
          </div>
        );
      case 'environment':
        return <EnvironmentLine entry={entry} actions={actions} />;
      case 'denials':
        return <Denials denials={entry.denials} live={live} actions={actions.internet} />;
      case 'approval':
        return <ApprovalCard question={entry.question} live={live} answer={actions.approve} />;
      case 'notice':
        return (
          <div class="notice">
            <Icon name={noticeIcon(entry.notice)} />
            <span>{noticeWords(entry.notice)}</span>
            <Approve notice={entry.notice} actions={actions} />
          </div>
        );
    }
  },
  (before, after) =>
    before.entry === after.entry &&
    before.rev === after.rev &&
    before.live === after.live &&
    before.newest === after.newest &&
    before.actions === after.actions,
);

/** A branch's own setup waits for a person's word before it gets the secrets. */
function Approve({ notice, actions }: { notice: Notice; actions: EntryActions }) {
  if (notice.kind !== 'warning' || notice.code !== 'scriptUnapproved') return null;
  const { hash, path } = notice.params;
  if (typeof hash !== 'string' || typeof path !== 'string') return null;
  return (
    <Button label={t('Review and Approve')} onClick={() => actions.environment.approve({ hash, path })} />
  );
}

/** The first line, in the quiet colour; the rest on a click. */
function Reasoning({
  text,
  streaming,
  actions,
}: {
  text: string;
  streaming: boolean;
  actions: EntryActions;
}) {
  const [open, setOpen] = useState(false);
  const first = text.trim().split('\n')[0]?.replaceAll('**', '') ?? '';
  const more = text.trim().length > first.length + 4;
  if (first === '') return null;
  return (
    <div class="reasoning">
      <button type="button" class="fold" aria-expanded={open} disabled={!more} onClick={() => setOpen(!open)}>
        <Icon name={more ? (open ? 'chevron-down' : 'chevron-right') : 'lightbulb'} />
        <span>{first}</span>
        {streaming && <Icon name="loading" spin />}
      </button>
      {open && <Markdown text={text} actions={actions} />}
    </div>
  );
}

function noticeIcon(notice: Notice): string {
  switch (notice.kind) {
    case 'sandboxLost':
    case 'limit':
    case 'limitNear':
    case 'secret':
      return 'warning';
    case 'compaction':
      return 'fold';
    case 'warning':
      return notice.code === 'scriptUnapproved' ? 'warning' : 'info';
    case 'unknown':
      return 'info';
  }
}

function noticeWords(notice: Notice): string {
  switch (notice.kind) {
    case 'warning':
      return warningWords(notice.code, notice.params, t);
    case 'limit':
      return limitWords(notice.limit, notice.value, t);
    case 'limitNear':
      return limitNearWords(notice, t);
    case 'compaction':
      return compactionWords(notice, t);
    case 'sandboxLost':
      return t('The sandbox was lost: {reason}', { reason: notice.reason });
    case 'secret':
      return t('The value of the secret {name} was found in {path}; the result is withheld.', notice);
    case 'unknown':
      return t('The backend reports “{name}”, which this version does not know.', { name: notice.name });
  }
}
