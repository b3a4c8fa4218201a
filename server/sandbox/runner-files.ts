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

/** What we add to the agent's PATH; each is a bundle of its own. */
const COMMANDS = ['apply_patch', 'update_plan', 'view_image'] as const;

/** How a command finds its bundle and Node, by its name. */
export type CommandScript = (name: string) => string;

const usual: CommandScript = (name) => `#!/bin/sh
exec ${CODEX_DIR}/node ${CODEX_DIR}/${name}.cjs "$@"
`;

/** For a folder that stands anywhere: beside itself. */
export const besideItself: CommandScript = (name) => `#!/bin/sh
at=${'${0%/*}'}/..
exec "$at/node" "$at/${name}.cjs" "$@"
`;

/** `nodeIdentity` changes when another Node is to stand beside the files. */
export async function runnerFiles(nodeIdentity: string, script = usual): Promise<RunnerFiles> {
  const runner = await readBundle('runner.cjs');
  if (!runner) {
    throw new CodexError('sandboxStartFailed', {}, { detail: 'the runner is not built: npm run build' });
  }
  const files: RunnerFile[] = [{ path: 'runner.cjs', mode: 0o644, content: runner }];
  for (const name of COMMANDS) {
    const bundle = await readBundle(`${name}.cjs`);
    if (!bundle) continue;
    files.push({ path: `${name}.cjs`, mode: 0o644, content: bundle });
    files.push({ path: `bin/${name}`, mode: 0o755, content: Buffer.from(script(name)) });
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
