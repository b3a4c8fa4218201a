/**
 * What a command of ours noted during a call: a plan, a picture to be shown. The file is one that anything
 * in the sandbox can write, so each line is checked and what is none of ours is passed over; a note that is
 * lost never costs the call.
 */
import { z } from 'zod';
import type { NewEvent } from '../../protocol/events.ts';
import {
  NOTES_BYTES,
  NOTES_VARIABLE,
  NOTING_COMMANDS,
  PLAN_STEP_CHARS,
  PLAN_STEPS,
  type Note,
} from '../../protocol/notes.ts';
import type { AgentSandbox } from './agent.ts';

const MAX_PATH_CHARS = 4_096;

const Step = z.object({
  text: z.string().transform(oneLine).pipe(z.string().min(1).max(PLAN_STEP_CHARS)),
  state: z.enum(['pending', 'inProgress', 'completed']),
});

const NoteLine = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('plan'),
    steps: z
      .array(Step)
      .min(1)
      .max(PLAN_STEPS)
      .refine((steps) => steps.filter((step) => step.state === 'inProgress').length <= 1),
  }),
  z.object({
    kind: z.literal('image'),
    path: z
      .string()
      .min(1)
      .max(MAX_PATH_CHARS)
      .refine((path) => !path.includes('\0')),
  }),
]);

const NAMED = new RegExp(`\\b(${NOTING_COMMANDS.join('|')})\\b`);

/** Where a call's notes go, or null for a call that runs none of the commands that make some. */
export function notesPath(
  callId: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): string | null {
  return argv.some((word) => NAMED.test(word)) ? `${env['TMPDIR'] ?? '/tmp'}/.codex-notes-${callId}` : null;
}

export function withNotes(env: Record<string, string>, path: string | null): Record<string, string> {
  return path === null ? env : { ...env, [NOTES_VARIABLE]: path };
}

export interface Notes {
  /** In the order in which they were made. */
  notes: Note[];
  /** There were more than are read. */
  cut: boolean;
}

export const NO_NOTES: Notes = { notes: [], cut: false };

export async function readNotes(sandbox: Pick<AgentSandbox, 'get'>, path: string | null): Promise<Notes> {
  if (path === null) return NO_NOTES;
  // One byte more tells a file that fits from one that does not.
  const bytes = await sandbox.get(path, NOTES_BYTES + 1).catch(() => null);
  return bytes === null ? NO_NOTES : parseNotes(bytes);
}

/** Pure. */
export function parseNotes(bytes: Buffer): Notes {
  const lines = bytes.toString('utf8', 0, NOTES_BYTES).split('\n');
  const notes = lines.flatMap((line) => {
    const parsed = NoteLine.safeParse(json(line));
    return parsed.success ? [parsed.data] : [];
  });
  return { notes, cut: bytes.length > NOTES_BYTES };
}

/** The newest plan as an item: one per turn, so that it takes the place of the one before. */
export function noteEvents({ notes, cut }: Notes, turn: number | undefined, itemId: string): NewEvent[] {
  const events: NewEvent[] = [];
  if (cut) {
    events.push({ code: 'limit.reached', params: { limit: 'notesBytes', value: NOTES_BYTES, itemId } });
  }
  const plan = notes.findLast((note) => note.kind === 'plan');
  if (plan) {
    const item = { type: 'plan', id: `plan-${turn ?? 0}`, steps: plan.steps } as const;
    events.push({ code: 'item.completed', params: { item } });
  }
  return events;
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** It is shown in one line, also in a terminal. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .toWellFormed();
}
