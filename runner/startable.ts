/** Why a command can't be started, before it is tried. */
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { DoorCommand } from '../protocol/door.ts';

/** The common mistakes as sentences; Node says ENOENT for a missing folder and a missing program alike. */
export function whyNotStartable(spec: DoorCommand): string | null {
  const program = spec.argv[0] ?? '';
  try {
    if (!statSync(spec.cwd).isDirectory()) return `not a folder: ${spec.cwd}`;
  } catch {
    return `no such folder: ${spec.cwd}`;
  }
  const candidates = program.includes('/')
    ? [isAbsolute(program) ? program : join(spec.cwd, program)]
    : (spec.env.PATH ?? '').split(':').map((dir) => join(dir === '' ? spec.cwd : dir, program));
  return candidates.some(isExecutable) ? null : `command not found: ${program}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
