/**
 * Reads a plan as a model writes it: lines with a box, as a list of tasks in Markdown has them, or the JSON
 * that other agents' plan tools take. Says what is wrong so that the model can mend it. Pure.
 */
import { PLAN_STEP_CHARS, PLAN_STEPS, type PlanState, type PlanStep } from '../../protocol/notes.ts';

export class PlanError extends Error {}

export function parsePlan(text: string): PlanStep[] {
  const trimmed = text.trim();
  const steps = /^[[{]\s*["{]/.test(trimmed) ? fromJson(trimmed) : fromLines(trimmed);
  if (steps.length === 0) throw new PlanError('The plan has no steps.');
  if (steps.length > PLAN_STEPS) {
    throw new PlanError(`The plan has ${steps.length} steps; at most ${PLAN_STEPS} can be followed.`);
  }
  const active = steps.filter((step) => step.state === 'inProgress').length;
  if (active > 1) throw new PlanError(`${active} steps are in progress; at most one can be.`);
  return steps;
}

export function printPlan(steps: readonly PlanStep[]): string {
  return steps.map(({ text, state }) => `[${MARKS[state]}] ${text}\n`).join('');
}

const MARKS: Record<PlanState, string> = { completed: 'x', inProgress: '>', pending: ' ' };

const STATES: Readonly<Record<string, PlanState>> = {
  x: 'completed',
  '>': 'inProgress',
  '~': 'inProgress',
  '': 'pending',
};

/** A bullet or a number before the box is of no account. */
const LINE = /^\s*(?:[-*+]\s+|\d+[.)]\s+)?\[\s*([^\]\s]?)\s*\]\s*(.*)$/;

function fromLines(text: string): PlanStep[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [, box, rest = ''] = LINE.exec(line) ?? [];
    const state = box === undefined ? undefined : STATES[box.toLowerCase()];
    if (state === undefined) {
      throw new PlanError(
        `This line is no step: ${JSON.stringify(line.slice(0, 100))}. A step is “[x] done”, “[>] in progress” or “[ ] to do”.`,
      );
    }
    return step(rest, state);
  });
}

const JSON_STATES: Readonly<Record<string, PlanState>> = {
  completed: 'completed',
  done: 'completed',
  in_progress: 'inProgress',
  inProgress: 'inProgress',
  pending: 'pending',
};

function fromJson(text: string): PlanStep[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new PlanError('The plan is not readable as JSON.');
  }
  const list = Array.isArray(json) ? json : field(json, 'plan', 'steps');
  if (!Array.isArray(list)) throw new PlanError('The plan has no list “plan”.');
  return list.map((entry: unknown) => {
    const name = field(entry, 'step', 'text', 'title');
    const status = field(entry, 'status', 'state') ?? 'pending';
    const state = typeof status === 'string' ? JSON_STATES[status] : undefined;
    if (typeof name !== 'string' || state === undefined) {
      throw new PlanError('A step is {"step": text, "status": "pending" | "in_progress" | "completed"}.');
    }
    return step(name, state);
  });
}

function field(of: unknown, ...names: string[]): unknown {
  if (typeof of !== 'object' || of === null) return undefined;
  const name = names.find((one) => Object.hasOwn(of, one));
  return name === undefined ? undefined : (of as Record<string, unknown>)[name];
}

function step(raw: string, state: PlanState): PlanStep {
  const text = raw.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  if (text === '') throw new PlanError('A step has no text.');
  if (text.length > PLAN_STEP_CHARS) {
    throw new PlanError(`A step has ${text.length} characters; at most ${PLAN_STEP_CHARS} are shown.`);
  }
  return { text, state };
}
