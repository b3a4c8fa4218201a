/**
 * A task as its page shows it, made from its events alone. Pure data: `applyEvent` puts one event in
 * and raises the `rev` of what changed, so that a view redraws only that. An event that was seen
 * already (its `seq`) changes nothing; memory is capped whatever a command prints.
 */
import type { WireError } from '../../protocol/errors.ts';
import type { AccessLevel } from '../../protocol/egress.ts';
import type { EventParams, FileChange, PatchSummary, TaskEvent, Usage } from '../../protocol/events.ts';
import type { CommandItem, Item } from '../../protocol/items.ts';
import type { PageEvent } from '../../protocol/pages.ts';
import type { Mode, Phase, PhaseOutcome, TurnState } from '../../protocol/states.ts';
import { isAsked, putAnswer, questionEntry, type QuestionEntry } from './questions.ts';
import { AnsiLines } from '../log/ansi.ts';
import { putApplied, putCache, type EnvironmentEntry, withoutPreparation } from './environment/entry.ts';

/** Lines of one command that stay on the page; the rest is in the full log. */
export const MAX_COMMAND_LINES = 1_000;
/** Lines of all commands together. */
export const MAX_PAGE_LINES = 5_000;

export interface PhaseModel {
  phase: Phase;
  startedAt: number;
  durationMs?: number;
  outcome?: PhaseOutcome;
}

export type Entry =
  | { kind: 'message' | 'reasoning'; id: string; text: string; streaming: boolean; rev: number }
  | {
      kind: 'command';
      id: string;
      item: CommandItem;
      startedAt: number;
      log: AnsiLines;
      dropped: number;
      rev: number;
    }
  | { kind: 'plan'; id: string; steps: Extract<Item, { type: 'plan' }>['steps']; rev: number }
  | EnvironmentEntry
  | { kind: 'denials'; id: string; denials: Denial[]; rev: number }
  | QuestionEntry
  | { kind: 'notice'; id: string; notice: Notice; rev: number };
export type CommandEntry = Extract<Entry, { kind: 'command' }>;

export type Notice =
  | { kind: 'warning'; code: string; params: Record<string, string | number> }
  | { kind: 'limit'; limit: string; value: number }
  | { kind: 'sandboxLost'; reason: string }
  | { kind: 'secret'; name: string; path: string }
  | { kind: 'unknown'; name: string };

/** Something that was refused; `seq` tells whether it was before or after a domain was allowed. */
export type Denial = EventParams<'policy.denied'> & { seq: number };

export interface TurnModel {
  turn: number;
  mode: Mode;
  prompt: string;
  state: TurnState;
  startedAt: number;
  durationMs?: number;
  phases: PhaseModel[];
  entries: Entry[];
  commands: number;
  answer?: string;
  error?: WireError;
  usage?: Usage;
  patch?: { summary: PatchSummary; files: FileChange[]; filesCut: boolean };
  rev: number;
}

export interface TaskModel {
  title: string;
  lastSeq: number;
  turns: TurnModel[];
  sandbox?: { kind: 'docker' | 'local'; how: EventParams<'sandbox.started'>['how'] };
  /** Of the phase that runs, or ran last; not there before anything ran. */
  access?: AccessLevel;
  /** Lines on the page, over all commands. */
  lines: number;
}

export function newTaskModel(): TaskModel {
  return { title: '', lastSeq: 0, turns: [], lines: 0 };
}

/** Attempts beside the first have no place on the page yet; their own events are passed over. */
const SHOWN_ATTEMPT = 1;

export function applyEvent(model: TaskModel, event: PageEvent): void {
  if (event.seq <= model.lastSeq) return;
  model.lastSeq = event.seq;
  if (event.attempt > SHOWN_ATTEMPT) return;
  if (event.code === 'task.created') {
    model.title = event.params.title;
    return;
  }
  const turn = turnOf(model, event);
  turn.rev++;
  if (event.code === 'unknown') {
    addNotice(turn, event.seq, { kind: 'unknown', name: event.name });
    return;
  }
  applyToTurn(model, turn, event);
}

/** Text as it is written. What comes for an item that is not there, or is complete, is passed over. */
export function applyDelta(model: TaskModel, delta: { turn: number; itemId: string; text: string }): void {
  const turn = model.turns.find((one) => one.turn === delta.turn);
  if (!turn) return;
  let entry = entryOf(turn, delta.itemId);
  if (!entry) {
    entry = { kind: 'message', id: delta.itemId, text: '', streaming: true, rev: 0 };
    turn.entries.push(entry);
  }
  if ((entry.kind !== 'message' && entry.kind !== 'reasoning') || !entry.streaming) return;
  entry.text += delta.text;
  entry.rev++;
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
    state: 'queued',
    startedAt: event.at,
    phases: [],
    entries: [],
    commands: 0,
    rev: 0,
  };
  model.turns.push(turn);
  model.turns.sort((a, b) => a.turn - b.turn);
  return turn;
}

function entryOf(turn: TurnModel, id: string): Entry | undefined {
  return turn.entries.findLast((entry) => entry.id === id);
}

function applyToTurn(model: TaskModel, turn: TurnModel, event: TaskEvent): void {
  switch (event.code) {
    case 'task.created':
      return;
    case 'turn.started': {
      // A retry starts the turn anew: what the failed try did stays above, its end does not.
      turn.mode = event.params.mode;
      turn.prompt = event.params.prompt;
      turn.state = 'preparing';
      turn.startedAt = event.at;
      turn.phases = [];
      if (turn.durationMs !== undefined) turn.entries = withoutPreparation(turn.entries);
      delete turn.error;
      delete turn.durationMs;
      return;
    }
    case 'turn.finished':
      turn.state = event.params.state;
      turn.durationMs = event.params.durationMs;
      if (event.params.answer !== undefined) turn.answer = event.params.answer;
      if (event.params.error) turn.error = event.params.error;
      if (event.params.usage) turn.usage = event.params.usage;
      putAnswer(turn.entries, 'none');
      for (const entry of turn.entries) settle(entry);
      return;
    case 'phase.started':
      // A question that was open when the backend ended is still the same one.
      if (event.params.phase === 'agent') turn.state = isAsked(turn.entries) ? 'waiting' : 'running';
      turn.phases = turn.phases.filter((one) => one.phase !== event.params.phase);
      turn.phases.push({ phase: event.params.phase, startedAt: event.at });
      return;
    case 'phase.finished': {
      const { phase, outcome, durationMs } = event.params;
      const known = turn.phases.find((one) => one.phase === phase);
      if (known) Object.assign(known, { outcome, durationMs });
      else turn.phases.push({ phase, startedAt: event.at - durationMs, outcome, durationMs });
      return;
    }
    case 'item.started':
      putItem(turn, event.params.item, event.at, true);
      return;
    case 'item.completed':
      putItem(turn, event.params.item, event.at, false);
      return;
    case 'output':
      addOutput(model, turn, event.params.itemId, event.params.text, event.at);
      return;
    case 'limit.reached':
      addNotice(turn, event.seq, { kind: 'limit', limit: event.params.limit, value: event.params.value });
      return;
    case 'patch.ready':
      turn.patch = {
        summary: event.params.patch,
        files: event.params.files,
        filesCut: event.params.filesCut,
      };
      return;
    case 'policy.changed':
      model.access = event.params.access;
      return;
    case 'policy.denied':
      addDenial(turn, { ...event.params, seq: event.seq });
      return;
    case 'sandbox.started':
      model.sandbox = { kind: event.params.kind, how: event.params.how };
      return;
    case 'sandbox.lost':
      addNotice(turn, event.seq, { kind: 'sandboxLost', reason: event.params.reason });
      return;
    case 'secret.found':
      addNotice(turn, event.seq, { kind: 'secret', name: event.params.name, path: event.params.path });
      return;
    case 'warning':
      addNotice(turn, event.seq, { kind: 'warning', ...event.params });
      return;
    case 'approval.requested':
      turn.entries.push(questionEntry(event.params));
      turn.state = 'waiting';
      return;
    case 'approval.answered':
      putAnswer(turn.entries, event.params.answer, event.params.approvalId);
      if (!isAsked(turn.entries)) turn.state = 'running';
      return;
    case 'environment.applied':
      return putApplied(turn.entries, event.seq, event.params);
    case 'environment.cache':
      return putCache(turn.entries, event.seq, event.params);
    case 'sandbox.parked':
    case 'pullRequest.changed':
      return;
  }
}

function settle(entry: Entry): void {
  if ((entry.kind === 'message' || entry.kind === 'reasoning') && entry.streaming) {
    entry.streaming = false;
    entry.rev++;
  }
}

function putItem(turn: TurnModel, item: Item, at: number, streaming: boolean): void {
  const known = entryOf(turn, item.id);
  if (known) known.rev++;
  switch (item.type) {
    case 'message':
    case 'reasoning': {
      // The person's own words are the turn's prompt already.
      if (item.type === 'message' && item.role === 'user') return;
      const text = item.type === 'message' ? item.text : item.summary;
      if (known?.kind === 'message' || known?.kind === 'reasoning') {
        known.kind = item.type;
        known.text = text || known.text;
        known.streaming = streaming;
      } else turn.entries.push({ kind: item.type, id: item.id, text, streaming, rev: 0 });
      return;
    }
    case 'command':
      if (known?.kind === 'command') known.item = item;
      else {
        if (!item.by) turn.commands++;
        turn.entries.push({
          kind: 'command',
          id: item.id,
          item,
          startedAt: at,
          log: new AnsiLines(),
          dropped: 0,
          rev: 0,
        });
      }
      return;
    case 'plan': {
      // One plan a turn, where it was first made, as it is now.
      const plan = turn.entries.find((entry) => entry.kind === 'plan');
      if (plan) {
        plan.steps = item.steps;
        plan.rev++;
      } else turn.entries.push({ kind: 'plan', id: item.id, steps: item.steps, rev: 0 });
      return;
    }
  }
}

function addOutput(model: TaskModel, turn: TurnModel, itemId: string, text: string, at: number): void {
  let entry = entryOf(turn, itemId);
  if (!entry) {
    putItem(turn, { type: 'command', id: itemId, command: '', cwd: '' }, at, true);
    entry = entryOf(turn, itemId);
  }
  if (entry?.kind !== 'command') return;
  const before = entry.log.lines.length;
  entry.log.write(text);
  entry.dropped += entry.log.trim(MAX_COMMAND_LINES);
  entry.rev++;
  model.lines += entry.log.lines.length - before;
  for (const older of commandsOf(model)) {
    if (model.lines <= MAX_PAGE_LINES) return;
    if (older === entry || older.log.lines.length === 0) continue;
    const gone = older.log.trim(Math.max(0, older.log.lines.length - (model.lines - MAX_PAGE_LINES)));
    older.dropped += gone;
    older.rev++;
    model.lines -= gone;
  }
}

function* commandsOf(model: TaskModel): Iterable<CommandEntry> {
  for (const turn of model.turns) for (const entry of turn.entries) if (entry.kind === 'command') yield entry;
}

function addNotice(turn: TurnModel, seq: number, notice: Notice): void {
  const last = turn.entries.at(-1);
  // The same warning again and again (a retry) is one line that changes.
  const code = notice.kind === 'warning' ? notice.code : null;
  if (last?.kind === 'notice' && last.notice.kind === 'warning' && last.notice.code === code) {
    last.notice = notice;
    last.rev++;
    return;
  }
  turn.entries.push({ kind: 'notice', id: `notice-${seq}`, notice, rev: 0 });
}

/** What is refused one after the other stands together. */
function addDenial(turn: TurnModel, denial: Denial): void {
  const last = turn.entries.at(-1);
  if (last?.kind !== 'denials') {
    turn.entries.push({ kind: 'denials', id: `denials-${denial.seq}`, denials: [denial], rev: 0 });
    return;
  }
  last.denials.push(denial);
  last.rev++;
}

/** The answer stands once: as the last message if that is what it is, else after everything. */
export function answerIsShown(turn: TurnModel): boolean {
  const last = turn.entries.findLast((entry) => entry.kind === 'message');
  return turn.answer === undefined || (last?.kind === 'message' && last.text.trim() === turn.answer.trim());
}

export function totalTokens(model: TaskModel): number {
  return model.turns.reduce(
    (sum, turn) => sum + (turn.usage ? turn.usage.inputTokens + turn.usage.outputTokens : 0),
    0,
  );
}
