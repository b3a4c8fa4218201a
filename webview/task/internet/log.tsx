/**
 * What the task asked the internet for, over the task's log: a table that draws only the rows in
 * sight, goes on while the task runs, and can be exported. Escape closes it.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { denialWords, phaseWords, reasonWords, VERDICT_WORDS } from '../../../client/words/index.ts';
import type { EgressEntry } from '../../../protocol/environment.ts';
import { bytes } from '../../format.ts';
import { Button, Icon, Ring, Segments } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import { LOG_ID } from './chip.tsx';
import { filtered, isFull, ROW_PX, rowsInSight, type Filter, type LogModel } from './log-model.ts';

/** While a turn runs, new entries are asked for this often. */
const POLL_MS = 2_000;

interface LogProps {
  log: LogModel;
  filter: Filter;
  /** The task still runs: more may come. */
  live: boolean;
  setFilter: (filter: Filter) => void;
  /** Asks for what follows; resolves when it has come. */
  load: () => Promise<void>;
  exportAll: () => void;
  change: () => void;
  close: () => void;
}

export function EgressLog({ log, filter, live, setFilter, load, exportAll, change, close }: LogProps) {
  useLoading(log, live, load);
  const rows = filtered(log.entries, filter);
  return (
    <section
      class="egress"
      id={LOG_ID}
      aria-label={t('Internet access of the task')}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <div class="egress-bar">
        <h2>{t('Internet access')}</h2>
        <Segments
          label={t('Which entries')}
          value={filter}
          options={[
            { value: 'all', label: t('All'), title: t('Everything that was asked for') },
            { value: 'refused', label: t('Refused'), title: t('What was refused or failed') },
          ]}
          onChange={setFilter}
        />
        <span class="grow" />
        <Button look="icon" icon="settings-gear" iconOnly label={t('Internet Access …')} onClick={change} />
        <Button look="icon" icon="export" iconOnly label={t('Export as JSON lines')} onClick={exportAll} />
        <Button look="icon" icon="close" iconOnly label={t('Close the log')} onClick={close} />
      </div>
      {rows.length > 0 ? <Table rows={rows} /> : <Nothing log={log} filter={filter} />}
      {isFull(log) && (
        <p class="more">
          {t('The first {count} entries are shown; the export has all.', { count: rows.length })}
        </p>
      )}
    </section>
  );
}

/** Page by page until all is there, then again and again while the task runs, and once at its end. */
function useLoading(log: LogModel, live: boolean, load: () => Promise<void>): void {
  const state = useRef({ log, loading: false });
  state.current.log = log;
  useEffect(() => {
    const next = async () => {
      const now = state.current;
      if (now.loading || isFull(now.log)) return;
      now.loading = true;
      await load().catch(() => undefined);
      now.loading = false;
    };
    void next();
    if (!live) return;
    const timer = setInterval(() => void next(), POLL_MS);
    return () => clearInterval(timer);
  }, [live, log.more ? log.after : 0]);
}

function Nothing({ log, filter }: { log: LogModel; filter: Filter }) {
  if (!log.loaded || log.more) return <div class="loading">{<Ring label={t('Loading')} />}</div>;
  return (
    <p class="nothing">
      {filter === 'refused' && log.entries.length > 0
        ? t('Nothing was refused.')
        : t('The task has not asked the internet for anything.')}
    </p>
  );
}

function columns(): string[] {
  return [
    t('Time'),
    t('Phase'),
    t('Host'),
    t('Port'),
    t('Method'),
    t('Verdict'),
    t('Reason'),
    t('Address'),
    t('Received'),
    t('Sent'),
  ];
}

function Table({ rows }: { rows: readonly EgressEntry[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 0 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const note = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const sizes = new ResizeObserver(note);
    sizes.observe(element);
    element.addEventListener('scroll', note, { passive: true });
    element.focus({ preventScroll: true });
    note();
    return () => {
      sizes.disconnect();
      element.removeEventListener('scroll', note);
    };
  }, []);
  const { first, last } = rowsInSight(rows.length, view.top, view.height);
  return (
    <div
      class="egress-scroller"
      ref={scroller}
      tabIndex={0}
      role="table"
      aria-label={t('What was asked for')}
      aria-rowcount={rows.length + 1}
    >
      <div class="egress-row head" role="row" aria-rowindex={1}>
        {columns().map((name) => (
          <span role="columnheader" key={name}>
            {name}
          </span>
        ))}
      </div>
      <div class="egress-rows" role="rowgroup" style={{ height: `${rows.length * ROW_PX}px` }}>
        <div style={{ transform: `translateY(${first * ROW_PX}px)` }} role="presentation">
          {rows.slice(first, last).map((entry, at) => (
            <Row key={entry.id} entry={entry} index={first + at} />
          ))}
        </div>
      </div>
    </div>
  );
}

function Row({ entry, index }: { entry: EgressEntry; index: number }) {
  const { verdict, reason } = entry;
  const why = reason === null ? '' : reasonWords(reason, t);
  const title = reason !== null && verdict === 'denied' ? denialWords(reason, paramsOf(entry), t).text : why;
  return (
    <div class={`egress-row ${verdict}`} role="row" aria-rowindex={index + 2}>
      <Cell text={time(entry.at)} title={new Date(entry.at).toLocaleString()} />
      <Cell text={phaseWords(entry.phase, t)} />
      <Cell text={entry.host === '' ? '–' : entry.host} />
      <Cell text={entry.port === null ? '–' : String(entry.port)} />
      <Cell text={entry.method} />
      <span role="cell" class="verdict">
        <Icon name={verdictIcon(verdict)} />
        {t(VERDICT_WORDS[verdict])}
      </span>
      <Cell text={why} title={title} />
      <Cell text={entry.address ?? ''} />
      <Cell text={entry.bytesIn > 0 ? bytes(entry.bytesIn) : ''} number />
      <Cell text={entry.bytesOut > 0 ? bytes(entry.bytesOut) : ''} number />
    </div>
  );
}

function Cell({ text, title, number }: { text: string; title?: string; number?: boolean }) {
  return (
    <span role="cell" class={number ? 'number' : undefined} title={title ?? text}>
      {text}
    </span>
  );
}

function verdictIcon(verdict: EgressEntry['verdict']): string {
  switch (verdict) {
    case 'allowed':
      return 'pass';
    case 'denied':
      return 'circle-slash';
    case 'failed':
      return 'warning';
  }
}

function time(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour12: false });
}

function paramsOf({ host, port, method, address }: EgressEntry): Record<string, string | number> {
  return {
    method,
    ...(host === '' ? {} : { host }),
    ...(port === null ? {} : { port }),
    ...(address === null ? {} : { address }),
  };
}
