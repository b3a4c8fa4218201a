/** Runs the command in a process of its own, as an agent does. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../../runner/apply-patch/main.ts');

export interface PatchRun {
  code: number | null;
  output: string;
  error: string;
}

export function applyPatch(
  folder: string,
  patch: Buffer | string,
  how: 'stdin' | 'argument' = 'stdin',
): PatchRun {
  const run = spawnSync(process.execPath, [MAIN, ...(how === 'argument' ? [patch.toString()] : [])], {
    cwd: folder,
    input: how === 'stdin' ? patch : '',
    encoding: 'utf8',
  });
  return { code: run.status, output: run.stdout, error: run.stderr };
}

export function patchOf(...lines: string[]): string {
  return ['*** Begin Patch', ...lines, '*** End Patch', ''].join('\n');
}
