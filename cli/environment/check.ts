/**
 * `codex-tasks env check`: the environment file of a folder, as a task would read it once it is committed.
 * Needs no backend.
 */
import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RepositorySettings } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { EXIT } from '../../protocol/result.ts';
import { ENVIRONMENT_FILE, readEnvironmentFile } from '../../server/environments/file.ts';
import { settingLines } from './render.ts';
import { paint, tameLine, wantsColour } from '../terminal.ts';

/** Throws `CodexError` environmentFileInvalid with its line. */
export async function checkFolder(folder: string, json: boolean): Promise<number> {
  const settings = await readEnvironmentFile(
    { readFile: (_repo, at, path) => fileIn(at, path) },
    '',
    resolve(folder),
  );
  if (settings === null) {
    process.stderr.write(
      `codex-tasks env check: there is no ${ENVIRONMENT_FILE} in ${tameLine(resolve(folder))}.\n`,
    );
    return EXIT.failed;
  }
  process.stdout.write(`${json ? JSON.stringify({ settings }) : linesOf(settings).join('\n')}\n`);
  return EXIT.completed;
}

function linesOf(settings: RepositorySettings): string[] {
  const colours = paint(wantsColour(process.stdout));
  const lines = settingLines(settings, colours);
  return [`${ENVIRONMENT_FILE} can be read.`, ...(lines.length > 0 ? lines : ['  It sets nothing.'])];
}

/** As the backend reads it of a commit: a link counts as what it is. */
async function fileIn(folder: string, path: string): Promise<Buffer | null> {
  const at = join(folder, path);
  try {
    const entry = await lstat(at);
    const isLinked = entry.isSymbolicLink() || (await realpath(at)) !== join(await realpath(folder), path);
    if (isLinked || !entry.isFile()) {
      const what = isLinked ? 'symlink' : 'folder';
      throw new CodexError('badRequest', { reason: 'notAFile', what });
    }
    return await readFile(at);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
