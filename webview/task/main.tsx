/**
 * The page of one task: header, everything that happened, the follow-up box. Events come in batches
 * and are put into the model within a few milliseconds of each frame, so that the page never stands
 * still; it follows the newest line only while the person is at the end, and never jumps otherwise.
 */
import '../ui/base.css';
import './task.css';
import './approval.css';
import './environment/environment.css';
import './internet/internet.css';
import './markdown.css';
import './report.css';
import './attempts.css';
import '../ui/fields.css';
import './pull-request/pull-request.css';
import { render } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ErrorAction, WireError } from '../../protocol/errors.ts';
import type { PageEvent, TaskHostState } from '../../protocol/pages.ts';
import type { Finding } from '../../protocol/report.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { hasEnded } from '../states.ts';
import { connectHost, newRequestId } from '../host.ts';
import { Button, Icon, Ring } from '../ui/index.tsx';
import { setWords, t } from '../words.ts';
import { attemptsOf, choiceIsOpen, mayChoose } from './attempts-model.ts';
import { AT_END_PX } from './command.tsx';
import { FollowUp } from './follow-up.tsx';
import { Header } from './header.tsx';
import { EgressLog } from './internet/log.tsx';
import { useInternet } from './internet/use-internet.ts';
import { applyDelta, applyEvent, hasNewerResult, newTaskModel, shownAttempt, type Delta } from './model.ts';
import { PullRequestCard } from './pull-request/card.tsx';
import { PullRequestPanel } from './pull-request/form.tsx';
import { isFormOpen, usePullRequest, type Looked } from './pull-request/use-pull-request.ts';
import { fixPrompt } from './report-model.ts';
import { Failure } from './result.tsx';
import { Turn, type TurnPage } from './turn.tsx';

/** Of each frame, for putting events in: the rest is for drawing. */
const FRAME_BUDGET_MS = 8;

const host = connectHost();
setWords(host.boot.words);

interface Kept {
  taskId: string;
  prompt: string;
  folded: Record<string, boolean>;
  /** Domains allowed from this page, by the newest event then. */
  allowed?: Record<string, number>;
  /** The attempt that a person looked at. */
  attempt?: number;
}
const kept = host.load<Kept>({ taskId: host.boot.taskId ?? '', prompt: '', folded: {} });
const keep = (some: Partial<Kept>) => host.save(Object.assign(kept, some));
keep({ taskId: host.boot.taskId ?? kept.taskId });

const draft = { prompt: kept.prompt, keep: (prompt: string) => keep({ prompt }) };

function Page() {
  const [, redraw] = useState(0);
  const model = useRef(newTaskModel());
  const [task, setTask] = useState<TaskSummary | null>(null);
  const [state, setState] = useState<TaskHostState>({
    connection: 'connecting',
    applied: false,
    canApply: false,
    busy: null,
  });
  const [gone, setGone] = useState<WireError | null>(null);
  const [error, setError] = useState('');
  const [head, setHead] = useState<number | null>(null);
  const [attempt, setAttempt] = useState<number | null>(kept.attempt ?? null);
  const [pictures, setPictures] = useState<Record<string, string>>({});
  const focus = useRef<(() => void) | null>(null);

  const request = (promise: Promise<void>) => {
    setError('');
    promise.catch((thrown: unknown) => setError(thrown instanceof Error ? thrown.message : String(thrown)));
  };
  const internet = useInternet({
    host,
    request,
    allowed: kept.allowed ?? {},
    keepAllowed: (allowed) => keep({ allowed }),
    lastSeq: () => model.current.lastSeq,
  });
  const looked = useRef<Looked>({ attempt: undefined, view: undefined });
  const pullRequest = usePullRequest(host, request, () => looked.current);

  useEffect(() => {
    let queue: (PageEvent | Delta)[] = [];
    let frame = 0;
    const drain = () => {
      frame = 0;
      const until = performance.now() + FRAME_BUDGET_MS;
      let at = 0;
      for (; at < queue.length && performance.now() < until; at++) {
        const one = queue[at];
        if (one && 'seq' in one) applyEvent(model.current, one);
        else if (one) applyDelta(model.current, one);
      }
      queue = queue.slice(at);
      redraw((count) => count + 1);
      if (queue.length > 0) frame = requestAnimationFrame(drain);
    };
    const put = (some: (PageEvent | Delta)[]) => {
      queue = queue.concat(some);
      if (frame === 0) frame = requestAnimationFrame(drain);
    };
    host.onPush({
      'task.summary': setTask,
      'task.egress': internet.onPage,
      'task.pullRequest': pullRequest.onDesk,
      'task.image': ({ sha256, src }) => setPictures((known) => ({ ...known, [sha256]: src })),
      'task.reset': () => {
        queue = [];
        internet.reset();
        model.current = newTaskModel();
        setHead(null);
        redraw((count) => count + 1);
      },
      'task.events': put,
      'task.delta': (delta) => put([delta]),
      'task.head': (now) => setHead(now.head),
      'task.host': setState,
      'task.gone': ({ error: why }) => setGone(why),
      'task.focus': () => focus.current?.(),
    });
    host.ready();
  }, []);

  const header = useMemo(
    () => ({
      stop: () => request(host.request('task.cancel', {})),
      retry: () => request(host.request('task.retry', {})),
      applyTo: () => request(host.request('task.applyTo', {})),
      undo: () => request(host.request('task.undo', {})),
    }),
    [],
  );
  const fix = (finding: Finding): Promise<void> => {
    const sent = host.request('task.followUp', {
      requestId: newRequestId(),
      prompt: fixPrompt(finding),
      mode: 'code',
    });
    request(sent);
    return sent;
  };
  const act = (action: ErrorAction) => request(host.request('task.act', { action }));
  const { turns } = model.current;
  const chosen = model.current.chosen ?? task?.chosenAttempt;
  const shownOf = (turn: (typeof turns)[number]) =>
    shownAttempt(attemptsOf(turn, task?.attempts ?? 1), attempt, chosen);
  const last = turns.at(-1);
  const shown = last && shownOf(last);
  const view = task?.pullRequest;
  looked.current = { attempt: (task?.attempts ?? 1) > 1 ? shown?.attempt : undefined, view };
  const newer = view !== undefined && hasNewerResult(turns, view);
  const asks = isFormOpen(pullRequest.desk, task);
  const choose = choiceIsOpen(model.current, task);
  const apply = () =>
    request(host.request('task.apply', (task?.attempts ?? 1) > 1 && shown ? { attempt: shown.attempt } : {}));
  const taskState = task?.state ?? turns.at(-1)?.state ?? 'queued';
  const newest = turns
    .flatMap((turn) => shownOf(turn)?.entries ?? [])
    .findLast((entry) => entry.kind === 'command' && entry.item.background !== true)?.id;
  const loading = head === null || model.current.lastSeq < head;

  const page: TurnPage = {
    ...{ host, task, request, act, chosen },
    taskId: host.boot.taskId ?? kept.taskId,
    pictures: {
      known: pictures,
      ask: (image) => void host.request('task.image', { image }).catch(() => undefined),
    },
    started: state.started ?? [],
    fix: task !== null && hasEnded(task.state) && !choose ? fix : undefined,
    folded: (id) => kept.folded[id],
    setFolded: (id, folded) => keep({ folded: { ...kept.folded, [id]: folded } }),
    show: (number) => {
      setAttempt(number);
      keep({ attempt: number });
    },
    choose: mayChoose(model.current, task)
      ? (number) => request(host.request('task.chooseAttempt', { attempt: number }))
      : undefined,
  };

  return (
    <>
      <Header
        model={model.current}
        shown={shown}
        task={task}
        host={state}
        actions={{ ...header, apply }}
        log={internet}
        choose={choose}
        pullRequest={pullRequest}
        newer={newer}
        asks={asks}
      />
      <Scroller
        over={
          asks ? (
            <PullRequestPanel desk={pullRequest.desk} actions={pullRequest.actions} />
          ) : (
            internet.open && <EgressLog {...internet} live={!hasEnded(taskState)} />
          )
        }
      >
        {turns.map((turn) => (
          <Turn
            key={turn.turn}
            turn={turn}
            shown={shownOf(turn)}
            newest={newest}
            internet={internet.actionsFor(turn === last)}
            terminal={state.terminal === true && turn === last}
            page={page}
          />
        ))}
        {view && (
          <PullRequestCard
            view={view}
            desk={pullRequest.desk}
            actions={pullRequest.actions}
            newer={newer}
            asks={asks}
            idle={hasEnded(taskState)}
          />
        )}
        {loading && !gone && turns.length === 0 && (
          <div class="loading">
            <Ring label={t('Loading')} />
          </div>
        )}
        {gone && <Failure error={gone} act={act} />}
        {error && (
          <div class="sentence error" role="alert">
            <Icon name="error" />
            <div>{error}</div>
          </div>
        )}
      </Scroller>
      <div class={asks ? 'below away' : 'below'}>
        <FollowUp host={host} draft={draft} task={task} choose={choose} request={request} focusRef={focus} />
      </div>
    </>
  );
}

/** Follows its end while the person is there; a button brings them back. */
function Scroller({
  children,
  over,
}: {
  children: preact.ComponentChildren;
  over: preact.ComponentChildren;
}) {
  const element = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const follows = useRef(true);
  const toEnd = () => {
    if (element.current) element.current.scrollTop = element.current.scrollHeight;
  };
  useLayoutEffect(() => {
    if (follows.current) toEnd();
  });
  useEffect(() => {
    const scroller = element.current;
    if (!scroller) return;
    const note = () => {
      follows.current = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= AT_END_PX;
      setAtEnd(follows.current);
    };
    // What grows without a redraw of ours (a font, a folded block) keeps the end in sight, too.
    const sizes = new ResizeObserver(() => {
      if (follows.current) toEnd();
    });
    sizes.observe(scroller);
    if (scroller.firstElementChild) sizes.observe(scroller.firstElementChild);
    scroller.addEventListener('scroll', note, { passive: true });
    return () => {
      sizes.disconnect();
      scroller.removeEventListener('scroll', note);
    };
  }, []);
  return (
    <div class="stage">
      <div
        class="scroller"
        inert={Boolean(over)}
        ref={element}
        tabIndex={0}
        role="log"
        aria-live="polite"
        aria-label={t('Log of the task')}
      >
        <div class="column">{children}</div>
      </div>
      {over}
      {!atEnd && !over && (
        <div class="to-end">
          <Button icon="arrow-down" iconOnly label={t('To the newest line')} onClick={toEnd} />
        </div>
      )}
    </div>
  );
}

render(<Page />, document.body);
