/**
 * A task as its page shows it, made from its events alone. Pure data: `applyEvent` puts one event in
 * and raises the `rev` of what changed, so that a view redraws only that. An event that was seen
 * already (its `seq`) changes nothing. What belongs to a turn as a whole is its own; the rest is its
 * attempts', of which most tasks have one.
 */
import type { WireError } from '../../protocol/errors.ts';
import type { AccessLevel } from '../../protocol/egress.ts';
import type { Attachment, EventParams, TaskEvent } from '../../protocol/events.ts';
import type { PageEvent } from '../../protocol/pages.ts';
import type { Mode, TurnState } from '../../protocol/states.ts';
import { hasEnded } from '../states.ts';
import {
  endAttempt,
  entryOf,
  newAttempt,
  putDenial,
  putItem,
  putNotice,
  putOutput,
  putPhaseEnd,
  startAttempt,
  type AttemptModel,
  type CommandEntry,
} from './attempt.ts';
import { putApplied, putCache } from './environment/entry.ts';
import { isAsked, putAnswer, questionEntry } from './questions.ts';

/** Lines of all commands together that stay on the page. */
export const MAX_PAGE_LINES = 5_000;

/** Said to a turn that runs; the model has not got it yet where no entry has its id. */
export interface Steer {
  id: string;
  text: string;
}

export interface TurnModel {
  turn: number;
  mode: Mode;
  prompt: string;
  images: Attachment[];
  state: TurnState;
  startedAt: number;
  error?: WireError;
  steers: Steer[];
  /** By number, as they become known. */
  attempts: AttemptModel[];
  rev: number;
}

export interface TaskModel {
  title: string;
  lastSeq: number;
  turns: TurnModel[];
  /** Whose result is the task's. */
  chosen?: number;
  sandbox?: { kind: 'docker' | 'local'; how: EventParams<'sandbox.started'>['how'] };
  /** Of the phase that runs, or ran last; not there before anything ran. */
  access?: AccessLevel;
  /** Lines on the page, over all commands. */
  lines: number;
  /** The commands that have some, the first that printed first. */
  logs: CommandEntry[];
}

export function newTaskModel(): TaskModel {
  return { title: '', lastSeq: 0, turns: [], lines: 0, logs: [] };
}

export function applyEvent(model: TaskModel, event: PageEvent): void {
  if (event.seq <= model.lastSeq) return;
  model.lastSeq = event.seq;
  if (event.code === 'task.created' || event.code === 'task.renamed') {
    model.title = event.params.title;
    return;
  }
  if (event.code === 'attempt.chosen') {
    model.chosen = event.params.attempt;
    return;
  }
  const turn = turnOf(model, event);
  turn.rev++;
  if (applyToTurn(turn, event)) return;
  const attempt = attemptOf(turn, event.attempt, event.at);
  attempt.rev++;
  if (event.code === 'unknown') putNotice(attempt, event.seq, { kind: 'unknown', name: event.name });
  else applyToAttempt(model, turn, attempt, event);
}

export interface Delta {
  turn: number;
  attempt?: number | undefined;
  itemId: string;
  text: string;
}

/** Text as it is written. What comes for an item that is not there, or is complete, is passed over. */
export function applyDelta(model: TaskModel, delta: Delta): void {
  const turn = model.turns.find((one) => one.turn === delta.turn);
  if (!turn) return;
  const number = delta.attempt ?? turn.attempts[0]?.attempt ?? 1;
  const attempt = attemptOf(turn, number, turn.startedAt);
  let entry = entryOf(attempt, delta.itemId);
  if (!entry) {
    entry = { kind: 'message', id: delta.itemId, text: '', streaming: true, rev: 0 };
    attempt.entries.push(entry);
  }
  if ((entry.kind !== 'message' && entry.kind !== 'reasoning') || !entry.streaming) return;
  entry.text += delta.text;
  entry.rev++;
  attempt.rev++;
  turn.rev++;
}

function turnOf(model: TaskModel, event: PageEvent): TurnModel {
  const number = Math.max(1, event.turn);
  const known = model.turns.find((turn) => turn.turn === number);
  if (known) return known;
  const turn: TurnModel = {
    turn: number,
    mode: model.turns.at(-1)?.mode ?? 'code',
    prompt: '',
    images: [],
    state: 'queued',
    startedAt: event.at,
    steers: [],
    attempts: [],
    rev: 0,
  };
  model.turns.push(turn);
  model.turns.sort((a, b) => a.turn - b.turn);
  return turn;
}

/** What is told without a number is the first one's. */
function attemptOf(turn: TurnModel, told: number, at: number): AttemptModel {
  const number = Math.max(1, told);
  const known = turn.attempts.find(({ attempt }) => attempt === number);
  if (known) return known;
  const attempt = newAttempt(number, at);
  if (turn.state !== 'queued') attempt.state = 'preparing';
  turn.attempts.push(attempt);
  turn.attempts.sort((a, b) => a.attempt - b.attempt);
  return attempt;
}

/** What is the whole turn's; false for what is one attempt's. */
function applyToTurn(turn: TurnModel, event: PageEvent): boolean {
  if (event.code === 'turn.started') startTurn(turn, event.params, event.at);
  else if (event.code === 'turn.finished') endTurn(turn, event.params, event);
  else if (event.code === 'turn.steered') {
    const { id, text } = event.params;
    if (!turn.steers.some((one) => one.id === id)) turn.steers.push({ id, text });
  } else return false;
  return true;
}

function startTurn(turn: TurnModel, params: EventParams<'turn.started'>, at: number): void {
  turn.mode = params.mode;
  turn.prompt = params.prompt;
  turn.images = params.images ?? [];
  turn.state = 'preparing';
  turn.startedAt = at;
  delete turn.error;
  // Of several, only those go on that had not come to their end.
  for (const attempt of turn.attempts)
    if (turn.attempts.length === 1 || attempt.state !== 'completed') startAttempt(attempt, at);
}

function endTurn(
  turn: TurnModel,
  params: EventParams<'turn.finished'>,
  { attempt: number, at }: { attempt: number; at: number },
): void {
  turn.state = params.state;
  if (params.error) turn.error = params.error;
  if (turn.attempts.length === 0) attemptOf(turn, number, at);
  const alone = turn.attempts.length <= 1;
  for (const attempt of turn.attempts) {
    if (alone) endAttempt(attempt, params);
    else if (!hasEnded(attempt.state))
      endAttempt(attempt, { state: params.state, durationMs: Math.max(0, at - attempt.startedAt) });
  }
}

function applyToAttempt(model: TaskModel, turn: TurnModel, attempt: AttemptModel, event: TaskEvent): void {
  const { entries } = attempt;
  switch (event.code) {
    case 'attempt.finished':
      return endAttempt(attempt, event.params);
    case 'usage.changed': {
      const { usage, contextTokens: used, windowTokens: size, costUsd } = event.params;
      attempt.usage = usage;
      if (used !== undefined && size !== undefined && size > 0) attempt.window = { used, size };
      if (costUsd !== undefined) attempt.costUsd = costUsd;
      return;
    }
    case 'phase.started': {
      const { phase } = event.params;
      // A question that was open when the backend ended is still the same one.
      if (phase === 'agent') setState(turn, attempt, isAsked(entries) ? 'waiting' : 'running');
      attempt.phases = attempt.phases.filter((one) => one.phase !== phase);
      attempt.phases.push({ phase, startedAt: event.at });
      return;
    }
    case 'phase.finished':
      return putPhaseEnd(attempt, event.params, event.at);
    case 'item.started':
      return putItem(attempt, event.params.item, event.at, true);
    case 'item.completed':
      return putItem(attempt, event.params.item, event.at, false);
    case 'output':
      return addOutput(model, attempt, event.params, event.at);
    case 'limit.reached':
      return putNotice(attempt, event.seq, {
        kind: 'limit',
        limit: event.params.limit,
        value: event.params.value,
      });
    case 'limit.near':
      return putNotice(attempt, event.seq, { kind: 'limitNear', ...event.params });
    case 'patch.ready': {
      const { patch: summary, files, filesCut } = event.params;
      attempt.patch = { summary, files, filesCut };
      return;
    }
    case 'policy.changed':
      model.access = event.params.access;
      return;
    case 'policy.denied':
      return putDenial(attempt, { ...event.params, seq: event.seq });
    case 'sandbox.started':
      model.sandbox = { kind: event.params.kind, how: event.params.how };
      return;
    case 'sandbox.lost':
      return putNotice(attempt, event.seq, { kind: 'sandboxLost', reason: event.params.reason });
    case 'secret.found':
      return putNotice(attempt, event.seq, { kind: 'secret', ...event.params });
    case 'warning':
      return putNotice(attempt, event.seq, { kind: 'warning', ...event.params });
    case 'approval.requested':
      entries.push(questionEntry(event.params));
      return setState(turn, attempt, 'waiting');
    case 'approval.answered':
      putAnswer(entries, event.params.answer, event.params.approvalId);
      if (!isAsked(entries)) setState(turn, attempt, 'running');
      return;
    case 'environment.applied':
      return putApplied(entries, event.seq, event.params);
    case 'environment.cache':
      return putCache(entries, event.seq, event.params);
    case 'sandbox.parked':
    case 'pullRequest.changed':
    case 'task.created':
    case 'task.renamed':
    case 'attempt.chosen':
    case 'turn.started':
    case 'turn.finished':
    case 'turn.steered':
      return;
  }
}

/** A turn waits when one of its attempts does. */
function setState(turn: TurnModel, attempt: AttemptModel, state: 'running' | 'waiting'): void {
  attempt.state = state;
  turn.state = turn.attempts.some((one) => one.state === 'waiting') ? 'waiting' : 'running';
}

function addOutput(model: TaskModel, attempt: AttemptModel, output: EventParams<'output'>, at: number): void {
  const put = putOutput(attempt, output, at);
  if (!put) return;
  const { entry, grown } = put;
  model.lines += grown;
  if (!model.logs.includes(entry)) model.logs.push(entry);
  while (model.lines > MAX_PAGE_LINES) {
    const older = model.logs.find((one) => one !== entry);
    if (!older) return;
    const gone = older.log.trim(Math.max(0, older.log.lines.length - (model.lines - MAX_PAGE_LINES)));
    older.dropped += gone;
    older.rev++;
    model.lines -= gone;
    if (older.log.lines.length === 0) model.logs.splice(model.logs.indexOf(older), 1);
  }
}

/** The attempt to show: the wanted one where there is one, else the chosen, else the first. */
export function shownAttempt(
  attempts: readonly AttemptModel[],
  ...wanted: readonly (number | null | undefined)[]
): AttemptModel | undefined {
  for (const number of wanted) {
    const found = attempts.find(({ attempt }) => attempt === number);
    if (found) return found;
  }
  return attempts[0];
}

/** What the model has not got yet in this attempt. */
export function waitingSteers(turn: TurnModel, attempt: AttemptModel): Steer[] {
  if (turn.steers.length === 0) return [];
  return turn.steers.filter(({ id }) => entryOf(attempt, id) === undefined);
}

/** What a turn after the published one ended with, where that is another result than the published one. */
export function hasNewerResult(
  turns: readonly TurnModel[],
  published: { turn: number; attempt: number },
): boolean {
  const shaOf = (turn: TurnModel | undefined, attempt: number) =>
    turn?.attempts.find((one) => one.attempt === attempt)?.patch?.summary.sha256;
  const newest = turns.findLast(
    (one) => hasEnded(one.state) && one.attempts.some(({ patch }) => (patch?.summary.files ?? 0) > 0),
  );
  if (!newest || newest.turn <= published.turn) return false;
  const before = shaOf(
    turns.find(({ turn }) => turn === published.turn),
    published.attempt,
  );
  return newest.attempts.some(({ patch }) => patch !== undefined && patch.summary.sha256 !== before);
}
