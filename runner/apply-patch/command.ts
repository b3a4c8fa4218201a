/**
 * What the command `apply_patch` does: it reads a patch from its first argument or from standard input
 * and changes the files of a folder, all of them or none.
 *
 * Exit codes: 0 applied; 1 the patch does not fit or could not be written, nothing was changed; 2 used
 * wrongly. The report is on standard output, what went wrong on standard error, made for a model to
 * mend its patch by. Must never touch anything outside the folder.
 */
import { applyChanges } from './apply.ts';
import { toText } from './bytes.ts';
import { PatchFolder } from './files.ts';
import { parsePatch, PatchError } from './parse.ts';

const USAGE = `Usage: apply_patch <<'PATCH'
*** Begin Patch
*** Update File: path
@@ a line above the change
 unchanged
-removed
+added
*** End Patch
PATCH
The patch may also be the only argument.
`;

export interface Ended {
  code: 0 | 1 | 2;
  output: string;
  error: string;
}

export function run(args: readonly string[], readInput: () => Buffer, folder: string): Ended {
  const [argument, ...others] = args;
  if (others.length > 0 || argument === '--help' || argument === '-h') {
    return { code: others.length > 0 ? 2 : 0, output: '', error: USAGE };
  }
  const patch = argument === undefined || argument === '-' ? readInput() : Buffer.from(argument);
  if (patch.length === 0) return { code: 2, output: '', error: USAGE };
  try {
    const changes = parsePatch(patch.toString('latin1'));
    const files = new PatchFolder(folder);
    const outcome = applyChanges(changes, files);
    uninterrupted(() => files.commit(outcome.writes));
    const lines = outcome.report.map(({ letter, path }) => `${letter} ${toText(path)}\n`);
    const notes = outcome.notes.map((note) => `Note: ${note}\n`);
    const output = `Success. Updated the following files:\n${lines.join('')}${notes.join('')}`;
    return { code: 0, output, error: '' };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const text = error instanceof PatchError ? problem : `The patch could not be written: ${problem}`;
    return { code: 1, output: '', error: `${text}\nNothing was changed.\n` };
  }
}

/** A signal that can wait does: what it would leave is neither the old state nor the new one. */
function uninterrupted(work: () => void): void {
  const wait = () => undefined;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, wait);
  try {
    work();
  } finally {
    for (const signal of signals) process.off(signal, wait);
  }
}
