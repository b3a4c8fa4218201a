/**
 * What an answer says beside its text: the verdict and the findings of a review, which checks ran, what a
 * pull request would say, tasks to go on with. Each can be acted on from here.
 */
import { useState } from 'preact/hooks';
import { CHECK_WORDS, plainText, PRIORITY_WORDS } from '../../client/words/index.ts';
import type { CheckRun, Finding, FollowUp, Proposal, Report, Verdict } from '../../protocol/report.ts';
import { Markdown, placeTitle, type MarkdownActions } from '../markdown/view.tsx';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { ReportActions } from './actions.ts';
import { byPriority, placeOfFinding } from './report-model.ts';
import { percent } from './usage-model.ts';

interface ReportProps {
  report: Report;
  actions: MarkdownActions;
  on: ReportActions;
}

export function ReportView({ report, actions, on }: ReportProps) {
  const { verdict, findings, checks, proposal, followUps } = report;
  return (
    <>
      {verdict && <VerdictLine verdict={verdict} actions={actions} />}
      {findings.length > 0 && (
        <section class="findings" aria-label={t('Findings')}>
          {byPriority(findings).map((finding, at) => (
            <FindingCard key={at} finding={finding} actions={actions} fix={on.fix} />
          ))}
        </section>
      )}
      {checks.length > 0 && <Checks checks={checks} />}
      {proposal && <ProposalFold proposal={proposal} actions={actions} copy={on.copy} />}
      {followUps.length > 0 && (
        <section class="follow-ups" aria-label={t('Suggested tasks')}>
          <h2>{t('Suggested tasks')}</h2>
          {followUps.map((followUp, index) => (
            <FollowUpCard
              key={index}
              followUp={followUp}
              started={on.isStarted(followUp, index)}
              start={() => on.start(followUp, index)}
            />
          ))}
        </section>
      )}
    </>
  );
}

function VerdictLine({ verdict, actions }: { verdict: Verdict; actions: MarkdownActions }) {
  const { correct, explanation, confidence } = verdict;
  return (
    <section class="verdict" aria-label={t('Verdict')}>
      <Icon name={correct ? 'pass' : 'warning'} />
      <div>
        <strong>{correct ? t('The changes are correct') : t('The changes need work')}</strong>
        <Confidence value={confidence} />
        {explanation !== '' && <Markdown text={explanation} actions={actions} />}
      </div>
    </section>
  );
}

function Confidence({ value }: { value: number }) {
  return <span class="confidence">{t('{count} % sure', { count: percent(value, 1) })}</span>;
}

interface FindingProps {
  finding: Finding;
  actions: MarkdownActions;
  fix: ReportActions['fix'];
}

function FindingCard({ finding, actions, fix }: FindingProps) {
  const { title, body, priority, confidence } = finding;
  const place = placeOfFinding(finding);
  const { busy, run } = useBusy();
  return (
    <div class="card finding" role="group" aria-label={plainText(title)}>
      <div class="card-head">
        <span class={`priority p${priority}`} title={t(PRIORITY_WORDS[priority] ?? '')}>
          P{priority}
        </span>
        <h3>{plainText(title)}</h3>
        <Confidence value={confidence} />
      </div>
      <a
        href="#"
        class="file"
        title={placeTitle(place)}
        onClick={(event) => {
          event.preventDefault();
          actions.openFile(place);
        }}
      >
        {placeTitle(place)}
      </a>
      {body !== '' && <Markdown text={body} actions={actions} />}
      {fix && (
        <div class="card-do">
          <Button
            icon="wrench"
            label={t('Fix This')}
            name={t('Fix “{title}”', { title: plainText(title) })}
            busy={busy}
            onClick={() => run(() => fix(finding))}
          />
        </div>
      )}
    </div>
  );
}

const CHECK_ICONS = { passed: 'pass', failed: 'error', notRun: 'circle-slash' } as const;

function Checks({ checks }: { checks: readonly CheckRun[] }) {
  return (
    <section class="checks" aria-label={t('Checks')}>
      <h2>{t('Checks')}</h2>
      <ul>
        {checks.map(({ command, outcome, note }, at) => (
          <li key={at} class={outcome}>
            <Icon name={CHECK_ICONS[outcome]} />
            <code>{plainText(command)}</code>
            <span class="outcome">{t(CHECK_WORDS[outcome])}</span>
            {note !== undefined && note !== '' && <span class="note">{plainText(note)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ProposalProps {
  proposal: Proposal;
  actions: MarkdownActions;
  copy: ReportActions['copy'];
}

function ProposalFold({ proposal, actions, copy }: ProposalProps) {
  const [open, setOpen] = useState(false);
  const [copied, setCopied] = useState(false);
  const { title, body } = proposal;
  return (
    <section class="command proposal">
      <button type="button" class="head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <Icon name="git-pull-request" />
        <span class="name">{plainText(title)}</span>
        <span class="end">{t('pull request text')}</span>
      </button>
      {open && (
        <div class="details">
          {body !== '' && <Markdown text={body} actions={actions} />}
          <Button
            icon={copied ? 'check' : 'copy'}
            label={copied ? t('Copied') : t('Copy Title and Text')}
            onClick={() =>
              void copy(body === '' ? title : `${title}\n\n${body}`).then(
                () => setCopied(true),
                () => undefined,
              )
            }
          />
        </div>
      )}
    </section>
  );
}

interface FollowUpCardProps {
  followUp: FollowUp;
  started: boolean;
  start: () => Promise<void>;
}

function FollowUpCard({ followUp, started, start }: FollowUpCardProps) {
  const { busy, run } = useBusy();
  const [open, setOpen] = useState(false);
  const title = plainText(followUp.title);
  return (
    <div class="card follow-up">
      <button type="button" class="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <span>{title}</span>
      </button>
      {started ? (
        <Button
          icon="go-to-file"
          label={t('Open')}
          name={t('Open the task “{title}”', { title })}
          onClick={() => run(start)}
        />
      ) : (
        <Button
          icon="play"
          label={t('Start')}
          name={t('Start the task “{title}”', { title })}
          busy={busy}
          onClick={() => run(start)}
        />
      )}
      {open && <p class="prompt-text">{followUp.prompt}</p>}
    </div>
  );
}

/** One click is one request, however often it is clicked. */
function useBusy() {
  const [busy, setBusy] = useState(false);
  const run = (work: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    // What failed is said by the page.
    void work()
      .catch(() => undefined)
      .finally(() => setBusy(false));
  };
  return { busy, run };
}
