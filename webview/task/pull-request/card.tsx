/** The task's pull request below what it came from: where it stands, what others said, the next step. */
import {
  checksWords,
  commentsWords,
  errorWords,
  plainText,
  pullRequestIcon,
  pullRequestStateWords,
  VERDICT_OF_REVIEW_WORDS,
} from '../../../client/words/index.ts';
import type { PullRequestDesk } from '../../../protocol/pages.ts';
import { CONNECTING_HELPS, type PullRequestView } from '../../../protocol/pull-request.ts';
import { Button, Icon, Link } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import { DeskProblem } from './problem.tsx';
import type { PullRequestActions } from './use-pull-request.ts';

export const CARD_ID = 'pull-request';

interface CardProps {
  view: PullRequestView;
  desk: PullRequestDesk;
  actions: PullRequestActions;
  /** A result that its branch does not have yet. */
  newer: boolean;
  /** The form over the log tells what went wrong. */
  asks: boolean;
  /** Nothing runs, so that a follow-up can begin. */
  idle: boolean;
}

export function PullRequestCard({ view, desk, actions, newer, asks, idle }: CardProps) {
  const { number, title, state, branch, base, repo } = view;
  const name = number === undefined ? plainText(title) : `#${number} ${plainText(title)}`;
  const open = state === 'open';
  // Made with the person's own session: nothing has failed.
  const unseen = view.by === 'client' && view.error?.code === 'forgeUnknown';
  // What a person has just asked for comes before what a look has found.
  const told = !asks && desk.problem !== undefined && desk.doing === 'nothing';
  const connects = !told && view.error !== undefined && CONNECTING_HELPS.has(view.error.code);
  const said = (view.comments ?? 0) > 0 || (view.checks?.failed ?? 0) > 0;
  return (
    <section class="card pull-request" id={CARD_ID} aria-label={t('Pull request')}>
      <div class="card-head">
        <Icon name={pullRequestIcon(view)} />
        <h3>{view.url === undefined ? name : <Link onClick={actions.openPage}>{name}</Link>}</h3>
        <span class={`standing ${state}`}>{pullRequestStateWords(view, t)}</span>
        {number !== undefined && (
          <Button
            look="icon"
            icon="refresh"
            iconOnly
            label={t('Refresh the pull request')}
            busy={desk.doing === 'refreshing'}
            onClick={actions.refresh}
          />
        )}
      </div>
      <p class="about">
        {repo} · <span class="mono">{plainText(branch)}</span> → <span class="mono">{plainText(base)}</span>
      </p>
      <Facts view={view} />
      {view.othersPushed && open && (
        <div class="notice">
          <Icon name="git-commit" />
          <span>{t('Others have pushed to the branch. Nothing of theirs is overwritten.')}</span>
        </div>
      )}
      {unseen && (
        <div class="notice">
          <Icon name="info" />
          <span>
            {t(
              'The backend is not connected to {host}: checks and comments are not shown, and the state is the last one that was seen.',
              { host: view.host },
            )}
          </span>
        </div>
      )}
      {view.error && !unseen && !told && (
        <div class="sentence error" role="alert">
          <Icon name="error" />
          <div>{errorWords(view.error, t).text}</div>
        </div>
      )}
      {told && <DeskProblem desk={desk} actions={actions} without="again" />}
      <div class="next">
        {state === 'publishing' && view.error && (
          <Button look="primary" label={t('Try Again')} onClick={() => actions.prepare()} />
        )}
        {open && newer && (
          <Button
            look="primary"
            icon="repo-push"
            label={t('Update Pull Request')}
            busy={desk.doing === 'reading' || desk.doing === 'publishing'}
            onClick={() => actions.prepare()}
          />
        )}
        {connects && <Button label={t('Connect…')} onClick={() => actions.take('connect')} />}
        {desk.doing === 'publishing' && !asks && <Button label={t('Stop Waiting')} onClick={actions.leave} />}
        {open && said && idle && (
          <Button
            look={newer ? 'secondary' : 'primary'}
            icon="reply"
            label={t('Follow up on comments and failed checks…')}
            onClick={actions.followUp}
          />
        )}
      </div>
    </section>
  );
}

/** One line: nothing of it where nothing is known. */
function Facts({ view: { checks, comments = 0, verdict, state, error } }: { view: PullRequestView }) {
  const facts = [
    checks ? checksWords(checks, t) : '',
    comments > 0 ? commentsWords(comments, t) : '',
    verdict ? t(VERDICT_OF_REVIEW_WORDS[verdict]) : '',
    state === 'publishing' && !error ? t('The branch is being pushed …') : '',
  ].filter(Boolean);
  if (facts.length === 0) return null;
  const icon =
    (checks?.failed ?? 0) > 0 ? 'error' : (checks?.running ?? 0) > 0 ? 'clock' : checks ? 'pass' : 'comment';
  return (
    <p class={`facts ${icon}`} role="status">
      <Icon name={icon} />
      {facts.join(' · ')}
    </p>
  );
}
