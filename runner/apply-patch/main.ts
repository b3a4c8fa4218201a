/**
 * `apply_patch`: a command on the agent's PATH. It reads a patch from its first argument or from
 * standard input and changes the files of the current folder, all of them or none.
 *
 * Exit codes: 0 applied; 1 the patch does not fit or could not be written, nothing was changed; 2 used
 * wrongly. The report is on standard output, what went wrong on standard error, made for a model to
 * mend its patch by. Must never touch anything outside the current folder.
 */
import { readFileSync } from 'node:fs';
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

export function run(args: readonly string[], readInput: () => Buffer, folder: string): number {
  const [argument, ...others] = args;
  if (others.length > 0 || argument === '--help' || argument === '-h') {
    process.stderr.write(USAGE);
    return others.length > 0 ? 2 : 0;
  }
  const patch = argument === undefined || argument === '-' ? readInput() : Buffer.from(argument);
  if (patch.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const changes = parsePatch(patch.toString('latin1'));
    const files = new PatchFolder(folder);
    const outcome = applyChanges(
      changes,
      (path) => files.key(path),
      (key) => files.read(key),
    );
    files.commit(outcome.writes);
    const lines = outcome.report.map(({ letter, path }) => `${letter} ${path}`);
    process.stdout.write(toText(`Success. Updated the following files:\n${lines.join('\n')}\n`));
    return 0;
  } catch (error) {
    const text = error instanceof PatchError ? error.message : failure(error);
    process.stderr.write(`${text}\n`);
    return 1;
  }
}

function failure(error: unknown): string {
  return `The patch could not be written: ${error instanceof Error ? error.message : String(error)}\nNothing was changed.`;
}

function readInput(): Buffer {
  return process.stdin.isTTY ? Buffer.alloc(0) : readFileSync(0);
}

process.exitCode = run(process.argv.slice(2), readInput, process.cwd());
