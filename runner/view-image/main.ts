/**
 * `view_image`: a command on the agent's PATH. It looks at the files that it is given, and notes each for the
 * backend, which shows it to the model with the command's output.
 *
 * Exit codes: 0 all noted; 1 one of them is no picture that can be shown, then none is noted; 2 used wrongly.
 */
import { appendFileSync, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { imageTypeOf } from '../../protocol/images.ts';
import { SHOWN_IMAGE_BYTES, SHOWN_IMAGES_PER_COMMAND } from '../../protocol/limits.ts';
import { NOTES_VARIABLE, type Note } from '../../protocol/notes.ts';

const USAGE = `Usage: view_image FILE...
Shows you pictures (PNG, JPEG, GIF, WebP), each of at most ${SHOWN_IMAGE_BYTES / 1024 / 1024} MiB, ${SHOWN_IMAGES_PER_COMMAND} at once.
`;

function run(args: readonly string[], notes: string | undefined): number {
  const paths = args[0] === '--' ? args.slice(1) : args;
  if (paths.length === 0 || args[0] === '--help' || args[0] === '-h') {
    process.stderr.write(USAGE);
    return paths.length === 0 ? 2 : 0;
  }
  if (paths.length > SHOWN_IMAGES_PER_COMMAND)
    return fail(`${SHOWN_IMAGES_PER_COMMAND} pictures are shown at once, not ${paths.length}.`);
  const said: string[] = [];
  for (const path of paths) {
    const looked = lookAt(path);
    if (!looked.ok) return fail(`${path}: ${looked.problem}. Nothing is shown.`);
    said.push(`${path}: ${looked.kind}, ${looked.bytes} bytes`);
  }
  if (notes === undefined || notes === '')
    return fail('A picture is shown only when view_image stands in the call itself, not in a script.');
  try {
    const lines = paths.map((path): Note => ({ kind: 'image', path: resolve(path) }));
    appendFileSync(notes, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  } catch (error) {
    return fail(`It could not be noted: ${error instanceof Error ? error.message : String(error)}`);
  }
  process.stdout.write(`${said.join('\n')}\n`);
  return 0;
}

type Looked = { ok: true; kind: string; bytes: number } | { ok: false; problem: string };

/** Its first bytes say what it is, whatever its name. */
function lookAt(path: string): Looked {
  let fd: number;
  try {
    // A FIFO would be waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { ok: false, problem: code === 'ENOENT' ? 'there is no such file' : `it can't be read (${code})` };
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { ok: false, problem: 'it is no file' };
    if (stat.size > SHOWN_IMAGE_BYTES) {
      return {
        ok: false,
        problem: `it has ${stat.size} bytes, and ${SHOWN_IMAGE_BYTES} can be shown: make a smaller copy`,
      };
    }
    const first = Buffer.alloc(16);
    const read = readSync(fd, first, 0, first.length, 0);
    const kind = imageTypeOf(first.subarray(0, read));
    return kind === null
      ? { ok: false, problem: 'it is no PNG, JPEG, GIF or WebP' }
      : { ok: true, kind, bytes: stat.size };
  } finally {
    closeSync(fd);
  }
}

function fail(reason: string): number {
  process.stderr.write(`${reason}\n`);
  return 1;
}

process.exitCode = run(process.argv.slice(2), process.env[NOTES_VARIABLE]);
