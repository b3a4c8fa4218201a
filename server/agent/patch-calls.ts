/**
 * Patches that come as a call of their own instead of a command of the shell: the operation of the
 * `apply_patch` tool, or the text that a function of this name was given. Pure.
 */
import { z } from 'zod';

const Path = z
  .string()
  .min(1)
  .refine((path) => !/[\n\r\0]/.test(path), 'A path is one line');
const Operation = z.discriminatedUnion('type', [
  z.object({ type: z.literal('create_file'), path: Path, diff: z.string() }),
  z.object({ type: z.literal('update_file'), path: Path, diff: z.string() }),
  z.object({ type: z.literal('delete_file'), path: Path }),
]);

export type PatchText = { ok: true; text: string } | { ok: false; problem: string };

/** The operation as a patch of one file. */
export function patchOf(operation: unknown): PatchText {
  const parsed = Operation.safeParse(operation);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    return {
      ok: false,
      problem: `The operation is not as described: ${where}${issue?.message ?? 'unreadable'}.`,
    };
  }
  const { data } = parsed;
  switch (data.type) {
    case 'create_file':
      return patch(`*** Add File: ${data.path}`, added(data.diff));
    case 'update_file':
      return patch(`*** Update File: ${data.path}`, changed(data.diff));
    case 'delete_file':
      return patch(`*** Delete File: ${data.path}`, []);
  }
}

/** A function's arguments: the patch itself, or JSON around it, under whatever name. */
export function patchArgument(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return text;
  const texts = Object.values(value).filter((one) => typeof one === 'string');
  return texts.find((one) => one.includes('*** Begin Patch')) ?? texts[0] ?? text;
}

function patch(header: string, lines: readonly string[]): PatchText {
  return { ok: true, text: ['*** Begin Patch', header, ...lines, '*** End Patch', ''].join('\n') };
}

/** Every line of a new file is an added one. */
function added(diff: string): string[] {
  const lines = linesOf(diff);
  // A whole file without the signs, as some models send it.
  return lines.some((line) => line.startsWith('+')) ? lines : lines.map((line) => `+${line}`);
}

/** Without what belongs to a unified diff alone: the names, and the numbers of lines. */
function changed(diff: string): string[] {
  const lines = linesOf(diff);
  const first = lines.findIndex((line) => line.startsWith('@@'));
  const isHead =
    first > 0 && lines.slice(0, first).every((line) => /^(---|\+\+\+|diff |index ) ?|^$/.test(line));
  return (isHead ? lines.slice(first) : lines).map((line) =>
    /^@@ -\d+(,\d+)? \+\d+(,\d+)? @@/.test(line) ? '@@' : line,
  );
}

function linesOf(diff: string): string[] {
  return diff === '' ? [] : diff.replace(/\n$/, '').split('\n');
}
