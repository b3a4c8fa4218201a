/** What the proxy refused, one quiet row each, with what can be done about it. */
import { useState } from 'preact/hooks';
import { denialWords, reasonWords } from '../../../client/words/index.ts';
import { Button, Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import type { DenialActions } from '../actions.ts';
import type { Denial } from '../attempt.ts';
import { domainToAllow, paramsOf, placeOf } from './denial.ts';

/** More than these are one click away: a package manager can be refused fifty hosts at once. */
const SHOWN = 5;

/** An environment's own choices: nothing to add to a list, but something to change. */
const BY_CHOICE: ReadonlySet<string> = new Set(['accessOff', 'deniedDomain', 'method', 'body']);

export function Denials({
  denials,
  live,
  actions,
}: {
  denials: readonly Denial[];
  live: boolean;
  actions: DenialActions;
}) {
  const [all, setAll] = useState(false);
  const hidden = all ? 0 : Math.max(0, denials.length - SHOWN);
  return (
    <div class="denials">
      {denials.slice(0, denials.length - hidden).map((denial) => (
        <DenialRow key={denial.seq} denial={denial} live={live} actions={actions} />
      ))}
      {hidden > 0 && (
        <button type="button" class="text-button" onClick={() => setAll(true)}>
          {t('{count} more were refused', { count: hidden })}
        </button>
      )}
    </div>
  );
}

function DenialRow({ denial, live, actions }: { denial: Denial; live: boolean; actions: DenialActions }) {
  const { reason, seq } = denial;
  const domain = domainToAllow(denial);
  const words = denialWords(reason, paramsOf(denial), t);
  const allowed = domain !== undefined && actions.allowedSince(domain, seq);
  const retry = !live && actions.canRetry;
  return (
    <div class="denial">
      <Icon name={allowed ? 'pass' : 'circle-slash'} />
      <span class="what" title={[words.text, words.allow].filter(Boolean).join('\n')}>
        {t('{place} was refused: {why}', { place: placeOf(denial, t), why: reasonWords(reason, t) })}
        {allowed && ` · ${t('allowed since')}`}
      </span>
      <span class="do">
        {domain !== undefined && !allowed && (
          <Button
            label={retry ? t('Allow and Retry') : t('Allow')}
            onClick={() => actions.allow(domain, retry)}
          />
        )}
        {BY_CHOICE.has(reason) && <Button label={t('Internet Access …')} onClick={actions.change} />}
        <button type="button" class="text-button" onClick={actions.showLog}>
          {t('Show Log')}
        </button>
      </span>
    </div>
  );
}
