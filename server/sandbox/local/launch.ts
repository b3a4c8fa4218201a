/** Starts the confined process of one sandbox: folders and the runner's files → bubblewrap → its process. */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codexFolder } from './codex-folder.ts';
import { scopeEnvironment } from './facts.ts';
import type { Facts } from './facts.ts';
import { launchPrefix } from './limits.ts';
import { findProgram, topLevel } from './machine.ts';
import { INFO_FD, SECCOMP_FD, startProcess } from './process.ts';
import { seccompFilter } from './seccomp/filter.ts';
import type { LocalProcess, ToLaunch } from './platform.ts';
import { bwrapArguments, ETC_FILES, PROC_HIDDEN, PROC_READ_ONLY, runnerCommand } from './spec.ts';

/** Where in the list of processors a sandbox begins is chosen below this. */
const MOST_CPUS = 4_096;
export const SANDBOX_FOLDERS = ['workspace', 'home', 'tmp', 'run', 'etc'] as const;

/** `known` hears of the first process as soon as there is one, before anything runs in it. */
export async function launch(
  of: ToLaunch,
  facts: Facts,
  known: (process: LocalProcess) => void,
): Promise<LocalProcess> {
  const at = (part: string): string => join(of.dir, part);
  // A socket that a runner left behind would be taken for one that does not answer.
  await rm(join(at('run'), 'door.sock'), { force: true });
  for (const [file, content] of Object.entries(ETC_FILES)) await writeFile(join(at('etc'), file), content);
  // An empty `node` to mount on.
  const { codex, node } = await codexFolder(of.dataDir, {
    platform: 'linux',
    fill: (path) => writeFile(path, ''),
  });
  const options = bwrapArguments({
    workspace: at('workspace'),
    home: at('home'),
    tmp: at('tmp'),
    run: at('run'),
    etc: at('etc'),
    ...(of.readOnly === undefined ? {} : { readOnly: of.readOnly }),
    codex,
    node,
    topLevel: topLevel(),
    proc: [...PROC_READ_ONLY, ...PROC_HIDDEN].filter((name) => existsSync(`/proc/${name}`)),
    infoFd: INFO_FD,
    seccompFd: SECCOMP_FD,
  });
  const filter = seccompFilter(facts.arch);
  if (!filter) throw new Error(`no system call filter for ${facts.arch}`);
  const unit = `codex-tasks-${randomBytes(8).toString('hex')}`;
  const prefix = launchPrefix(facts, of.limits, unit, randomInt(MOST_CPUS));
  return startProcess(
    {
      launch: [...prefix, findProgram('bwrap') ?? 'bwrap'],
      env: facts.scope === null ? {} : scopeEnvironment(),
      options,
      command: runnerCommand(of.limits),
      filter,
      logPath: at('log'),
    },
    known,
  );
}
