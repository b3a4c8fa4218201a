/** What stands in `/opt/codex/tasks` of every sandbox beside Node: the runner, and the commands we add. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CodexError } from '../../protocol/errors.ts';
import { CODEX_DIR } from '../../protocol/door.ts';
import { assetPath } from '../assets.ts';

export interface RunnerFile {
  path: string;
  mode: number;
  content: Buffer;
}

export interface RunnerFiles {
  files: RunnerFile[];
  /** Of all of it and of Node: a place that carries this hash holds these files. */
  hash: string;
}

const APPLY_PATCH = `#!/bin/sh
exec ${CODEX_DIR}/node ${CODEX_DIR}/apply_patch.cjs "$@"
`;

/** For a folder that stands anywhere: beside itself. */
export const APPLY_PATCH_BESIDE = `#!/bin/sh
at=${'${0%/*}'}/..
exec "$at/node" "$at/apply_patch.cjs" "$@"
`;

/** `nodeIdentity` changes when another Node is to stand beside the files. */
export async function runnerFiles(nodeIdentity: string, applyPatch = APPLY_PATCH): Promise<RunnerFiles> {
  const runner = await readBundle('runner.cjs');
  if (!runner) {
    throw new CodexError('sandboxStartFailed', {}, { detail: 'the runner is not built: npm run build' });
  }
  const files: RunnerFile[] = [{ path: 'runner.cjs', mode: 0o644, content: runner }];
  const applyPatchBundle = await readBundle('apply_patch.cjs');
  if (applyPatchBundle) {
    files.push({ path: 'apply_patch.cjs', mode: 0o644, content: applyPatchBundle });
    files.push({ path: 'bin/apply_patch', mode: 0o755, content: Buffer.from(applyPatch) });
  }
  const hash = createHash('sha256').update(nodeIdentity);
  for (const file of files) hash.update(`\0${file.path}\0${file.mode}\0`).update(file.content);
  return { files, hash: hash.digest('hex').slice(0, 16) };
}

async function readBundle(name: string): Promise<Buffer | null> {
  try {
    return await readFile(assetPath('runner', name));
  } catch {
    return null;
  }
}
