/** The page's own state of internet access: the open log, its rows, and which domains were allowed from here. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { PagePushes } from '../../../protocol/pages.ts';
import type { PageHost } from '../../host.ts';
import type { DenialActions } from '../actions.ts';
import { addPage, EMPTY_LOG, type Filter, type LogModel } from './log-model.ts';

export interface InternetPage {
  open: boolean;
  log: LogModel;
  filter: Filter;
  setFilter: (filter: Filter) => void;
  toggle: () => void;
  close: () => void;
  load: () => Promise<void>;
  exportAll: () => void;
  change: () => void;
  onPage: (page: PagePushes['task.egress']) => void;
  /** Everything comes anew. */
  reset: () => void;
  /** For the entries of a turn; the same object until something of it changes. */
  actionsFor: (newestTurn: boolean) => DenialActions;
}

export interface InternetOptions {
  host: PageHost;
  request: (promise: Promise<void>) => void;
  /** By domain: the newest event when it was allowed. Kept over a reload of the page. */
  allowed: Readonly<Record<string, number>>;
  keepAllowed: (allowed: Record<string, number>) => void;
  lastSeq: () => number;
}

export function useInternet({ host, request, ...options }: InternetOptions): InternetPage {
  const [open, setOpen] = useState(false);
  const [filter, setFilter] = useState<Filter>('all');
  const [log, setLog] = useState<LogModel>(EMPTY_LOG);
  const [allowed, setAllowed] = useState(options.allowed);
  const after = useRef(0);
  after.current = log.after;
  const opener = useRef<Element | null>(null);
  const show = (which: Filter) => {
    opener.current = document.activeElement;
    setFilter(which);
    setOpen(true);
  };
  const close = () => {
    setOpen(false);
    if (opener.current instanceof HTMLElement) opener.current.focus();
  };
  const actions = useMemo(() => {
    const allow = (domain: string, retry: boolean) => {
      const seq = options.lastSeq();
      request(
        host.request('task.allow', { domain, retry }).then(() => {
          const now = { ...allowed, [domain]: seq };
          setAllowed(now);
          options.keepAllowed(now);
        }),
      );
    };
    const common = {
      allow,
      allowedSince: (domain: string, seq: number) => (allowed[domain] ?? 0) >= seq,
      change: () => request(host.request('task.internet', {})),
      showLog: () => show('refused'),
    };
    return { newest: { ...common, canRetry: true }, older: { ...common, canRetry: false } };
  }, [allowed]);
  return {
    open,
    log,
    filter,
    setFilter,
    toggle: () => (open ? close() : show('all')),
    close,
    load: () => host.request('task.egress', { after: after.current }),
    exportAll: () => request(host.request('task.exportEgress', {})),
    change: actions.newest.change,
    onPage: (page) => setLog((now) => addPage(now, page)),
    reset: () => setLog(EMPTY_LOG),
    actionsFor: (newestTurn) => (newestTurn ? actions.newest : actions.older),
  };
}
