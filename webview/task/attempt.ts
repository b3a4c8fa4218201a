/**
 * One attempt at a turn as the page shows it: its phases, what happened one below the other, how it ended.
 * Pure data. What changes raises its `rev`; memory is capped whatever a command prints.
 */
import type { WireError } from '../../protocol/errors.ts';
import type { EventParams, FileChange, PatchSummary, Usage } from '../../protocol/events.ts';
import type { CommandItem, Item } from '../../protocol/items.ts';
import type { Report } from '../../protocol/report.ts';
import type { Phase, PhaseOutcome, TurnState } from '../../protocol/states.ts';
import { AnsiLines } from '../log/ansi.ts';
import { REPORT_FENCE } from '../markdown/parse.ts';
import { withoutPreparation, type EnvironmentEntry } from './environment/entry.ts';
import { putAnswer, type QuestionEntry } from './questions.ts';

/** Lines of one command that stay on the page; the rest is in the full log. */
export const MAX_COMMAND_LINES = 1_000;

export interface PhaseModel {
  phase: Phase;
  startedAt: number;
  durationMs?: number;
  outcome?: PhaseOutcome;
}

export type Entry =
  | { kind: 'message' | 'reasoning'; id: string; text: string; streaming: boolean; rev: number }
  /** What a person said while the turn ran, where the model got it. */
  | { kind: 'said'; id: string; text: string; rev: number }
  | {
      kind: 'command';
      id: string;
      item: CommandItem;
      startedAt: number;
      log: AnsiLines;
      dropped: number;
      rev: number;
    }
  | { kind: 'plan'; id: string; steps: PlanSteps; rev: number }
  | { kind: 'image'; id: string; path: string; bytes: number; rev: number }
  | EnvironmentEntry
  | { kind: 'denials'; id: string; denials: Denial[]; rev: number }
  | QuestionEntry
  | { kind: 'notice'; id: string; notice: Notice; rev: number };
export type CommandEntry = Extract<Entry, { kind: 'command' }>;
export type PlanSteps = Extract<Item, { type: 'plan' }>['steps'];

export type Notice =
  | { kind: 'warning'; code: string; params: Record<string, string | number> }
  | { kind: 'limit'; limit: string; value: number }
  | { kind: 'limitNear'; limit: string; used: number; value: number }
  /** `after` is missing while it runs, and when it failed. */
  | { kind: 'compaction'; before: number; after: number | undefined; running: boolean }
  | { kind: 'sandboxLost'; reason: string }
  | { kind: 'secret'; name: string; path: string }
  | { kind: 'unknown'; name: string };

/** Something that was refused; `seq` tells whether it was before or after a domain was allowed. */
export type Denial = EventParams<'policy.denied'> & { seq: number };

export interface AttemptModel {
  /** From 1. */
  attempt: number;
  state: TurnState;
  startedAt: number;
  durationMs?: number;
  phases: PhaseModel[];
  entries: Entry[];
  commands: number;
  answer?: string;
  error?: WireError;
  usage?: Usage;
  /** How full the model's window is, after its newest request. */
  window?: { used: number; size: number };
  costUsd?: number;
  report?: Report;
  patch?: { summary: PatchSummary; files: FileChange[]; filesCut: boolean };
  rev: number;
}

export function newAttempt(attempt: number, startedAt: number): AttemptModel {
  return { attempt, state: 'queued', startedAt, phases: [], entries: [], commands: 0, rev: 0 };
}

/** A retry starts anew: what the failed try did stays above, its end does not. */
export function startAttempt(attempt: AttemptModel, at: number): void {
  attempt.state = 'preparing';
  attempt.startedAt = at;
  attempt.phases = [];
  if (attempt.durationMs !== undefined) attempt.entries = withoutPreparation(attempt.entries);
  delete attempt.error;
  delete attempt.durationMs;
  attempt.rev++;
}

type End = Omit<EventParams<'turn.finished'>, 'state'> & { state: TurnState };

export function endAttempt(attempt: AttemptModel, end: End): void {
  attempt.state = end.state;
  attempt.durationMs = end.durationMs;
  if (end.answer !== undefined) attempt.answer = end.answer;
  if (end.error) attempt.error = end.error;
  if (end.usage) attempt.usage = end.usage;
  if (end.report) attempt.report = end.report;
  putAnswer(attempt.entries, 'none');
  for (const entry of attempt.entries) settle(entry);
  attempt.rev++;
}

function settle(entry: Entry): void {
  if ((entry.kind === 'message' || entry.kind === 'reasoning') && entry.streaming) {
    entry.streaming = false;
    entry.rev++;
  }
  if (entry.kind === 'notice' && entry.notice.kind === 'compaction' && entry.notice.running) {
    entry.notice = { ...entry.notice, running: false };
    entry.rev++;
  }
}

export function entryOf(attempt: AttemptModel, id: string): Entry | undefined {
  return attempt.entries.findLast((entry) => entry.id === id);
}

export function putPhaseEnd(attempt: AttemptModel, end: EventParams<'phase.finished'>, at: number): void {
  const { phase, outcome, durationMs } = end;
  const known = attempt.phases.find((one) => one.phase === phase);
  if (known) Object.assign(known, { outcome, durationMs });
  else attempt.phases.push({ phase, startedAt: at - durationMs, outcome, durationMs });
}

export function putItem(attempt: AttemptModel, item: Item, at: number, running: boolean): void {
  const { entries } = attempt;
  const known = entryOf(attempt, item.id);
  if (known) known.rev++;
  switch (item.type) {
    case 'message':
    case 'reasoning': {
      if (item.type === 'message' && item.role === 'user') {
        if (!known) entries.push({ kind: 'said', id: item.id, text: item.text, rev: 0 });
        return;
      }
      const text = item.type === 'message' ? item.text : item.summary;
      if (known?.kind === 'message' || known?.kind === 'reasoning') {
        known.kind = item.type;
        known.text = text || known.text;
        known.streaming = running;
      } else entries.push({ kind: item.type, id: item.id, text, streaming: running, rev: 0 });
      return;
    }
    case 'command':
      if (known?.kind === 'command') known.item = item;
      else {
        if (!item.by) attempt.commands++;
        const log = new AnsiLines();
        entries.push({ kind: 'command', id: item.id, item, startedAt: at, log, dropped: 0, rev: 0 });
      }
      return;
    case 'plan': {
      // One plan a turn, where it was first made, as it is now.
      const plan = entries.find((entry) => entry.kind === 'plan');
      if (plan) {
        plan.steps = item.steps;
        plan.rev++;
      } else entries.push({ kind: 'plan', id: item.id, steps: item.steps, rev: 0 });
      return;
    }
    case 'image':
      if (!known) entries.push({ kind: 'image', id: item.id, path: item.path, bytes: item.bytes, rev: 0 });
      return;
    case 'compaction': {
      const { tokensBefore: before, tokensAfter: after } = item;
      const notice: Notice = { kind: 'compaction', before, after, running };
      if (known?.kind === 'notice') known.notice = notice;
      else entries.push({ kind: 'notice', id: item.id, notice, rev: 0 });
      return;
    }
  }
}

/** Gives the entry and by how many lines it has grown; output of what never started makes one. */
export function putOutput(
  attempt: AttemptModel,
  output: EventParams<'output'>,
  at: number,
): { entry: CommandEntry; grown: number } | undefined {
  let entry = entryOf(attempt, output.itemId);
  if (!entry) {
    putItem(attempt, { type: 'command', id: output.itemId, command: '', cwd: '' }, at, true);
    entry = entryOf(attempt, output.itemId);
  }
  if (entry?.kind !== 'command') return undefined;
  const before = entry.log.lines.length;
  entry.log.write(output.text);
  entry.dropped += entry.log.trim(MAX_COMMAND_LINES);
  entry.rev++;
  return { entry, grown: entry.log.lines.length - before };
}

export function putNotice(attempt: AttemptModel, seq: number, notice: Notice): void {
  const last = attempt.entries.at(-1);
  // The same warning again and again (a retry) is one line that changes.
  if (last?.kind === 'notice' && isAgain(last.notice, notice)) {
    last.notice = notice;
    last.rev++;
    return;
  }
  attempt.entries.push({ kind: 'notice', id: `notice-${seq}`, notice, rev: 0 });
}

function isAgain(before: Notice, now: Notice): boolean {
  if (before.kind === 'warning' && now.kind === 'warning')
    return before.code === now.code && before.params['url'] === now.params['url'];
  return before.kind === 'limitNear' && now.kind === 'limitNear' && before.limit === now.limit;
}

/** What is refused one after the other stands together. */
export function putDenial(attempt: AttemptModel, denial: Denial): void {
  const last = attempt.entries.at(-1);
  if (last?.kind !== 'denials') {
    attempt.entries.push({ kind: 'denials', id: `denials-${denial.seq}`, denials: [denial], rev: 0 });
    return;
  }
  last.denials.push(denial);
  last.rev++;
}

/** The answer stands once: as the last message if that is what it is, else after everything. */
export function answerIsShown({ answer, entries }: AttemptModel): boolean {
  const last = entries.findLast((entry) => entry.kind === 'message');
  return answer === undefined || (last?.kind === 'message' && plain(last.text) === plain(answer));
}

/** Without the block of the report, which stands at the end. */
function plain(text: string): string {
  const at = text.lastIndexOf(`\`\`\`${REPORT_FENCE}`);
  return (at < 0 ? text : text.slice(0, at)).trim();
}
