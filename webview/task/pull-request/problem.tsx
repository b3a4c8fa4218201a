/** What went wrong on the way to a pull request, where it went wrong, with the steps that can be taken. */
import { useEffect, useRef } from 'preact/hooks';
import type { PullRequestDesk, PullRequestOffer } from '../../../protocol/pages.ts';
import { Button, Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import type { PullRequestActions } from './use-pull-request.ts';

interface ProblemProps {
  desk: PullRequestDesk;
  actions: PullRequestActions;
  /** It is all that there is. */
  focus?: boolean;
  /** What is tried again has a button of its own beside it. */
  without?: PullRequestOffer;
}

export function DeskProblem({ desk, actions, focus = false, without }: ProblemProps) {
  const { problem, doing, form } = desk;
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (focus) element.current?.querySelector<HTMLElement>('vscode-button')?.focus();
  }, [problem]);
  if (!problem || doing !== 'nothing') return null;
  const offers = problem.offers.filter((offer) => offer !== without);
  return (
    <div class="sentence error" role="alert" ref={element}>
      <Icon name="error" />
      <div>
        {problem.sentence}
        {problem.output !== undefined && (
          <pre class="output" tabIndex={0} aria-label={t('What git said')}>
            {problem.output}
          </pre>
        )}
        {offers.length > 0 && (
          <div class="next">
            {offers.map((offer, at) => (
              <Button
                key={offer}
                look={at === 0 && !form ? 'primary' : 'secondary'}
                label={offerLabel(offer)}
                onClick={() => actions.take(offer)}
              />
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

function offerLabel(offer: PullRequestOffer): string {
  switch (offer) {
    case 'connect':
      return t('Connect…');
    case 'own':
      return t('Use My Own Git and GitHub Session');
    case 'again':
      return t('Look Again');
  }
}
