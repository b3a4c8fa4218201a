/** Starts the confined process of one sandbox: folders and the runner's files → bubblewrap → its process. */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodexError } from '../../../protocol/errors.ts';
import type { LimitValues } from '../../../protocol/limits.ts';
import { findNode } from '../node-binary.ts';
import { runnerFiles } from '../runner-files.ts';
import { scopeEnvironment } from './facts.ts';
import type { Facts } from './facts.ts';
import { launchPrefix } from './limits.ts';
import { findProgram, topLevel } from './machine.ts';
import { INFO_FD, SECCOMP_FD, startProcess } from './process.ts';
import { seccompFilter } from './seccomp/filter.ts';
import type { LocalProcess } from './process.ts';
import { bwrapArguments, ETC_FILES, PROC_HIDDEN, PROC_READ_ONLY, runnerCommand } from './spec.ts';

/** Where in the list of processors a sandbox begins is chosen below this. */
const MOST_CPUS = 4_096;
export const SANDBOX_FOLDERS = ['workspace', 'home', 'tmp', 'run', 'etc'] as const;

export interface ToLaunch {
  dataDir: string;
  /** The sandbox's own folder. */
  dir: string;
  limits: LimitValues;
  facts: Facts;
  /** A folder in the workspace. */
  readOnly?: string;
}

/** `known` hears of the first process as soon as there is one, before anything runs in it. */
export async function launch(of: ToLaunch, known: (process: LocalProcess) => void): Promise<LocalProcess> {
  const at = (part: string): string => join(of.dir, part);
  // A socket that a runner left behind would be taken for one that does not answer.
  await rm(join(at('run'), 'door.sock'), { force: true });
  for (const [file, content] of Object.entries(ETC_FILES)) await writeFile(join(at('etc'), file), content);
  const { codex, node } = await codexFolder(of.dataDir);
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
  const filter = seccompFilter(of.facts.arch);
  if (!filter) throw new Error(`no system call filter for ${of.facts.arch}`);
  const unit = `codex-tasks-${randomBytes(8).toString('hex')}`;
  const prefix = launchPrefix(of.facts, of.limits, unit, randomInt(MOST_CPUS));
  return startProcess(
    {
      launch: [...prefix, findProgram('bwrap') ?? 'bwrap'],
      env: of.facts.scope === null ? {} : scopeEnvironment(),
      options,
      command: runnerCommand(of.limits),
      filter,
      logPath: at('log'),
    },
    known,
  );
}

/** The runner's files by content, shared read-only by all sandboxes. */
async function codexFolder(dataDir: string): Promise<{ codex: string; node: string }> {
  const node = await findNode(process.arch);
  if (!node) {
    const detail = `No Node for linux was found. Install the npm package node-linux-${process.arch}.`;
    throw new CodexError('sandboxStartFailed', { detail }, { detail });
  }
  const { files, hash } = await runnerFiles(node.identity);
  const codex = join(dataDir, 'runner', hash);
  try {
    await readFile(join(codex, 'complete'));
  } catch {
    await mkdir(join(codex, 'bin'), { recursive: true, mode: 0o755 });
    await writeFile(join(codex, 'node'), '');
    for (const file of files) {
      await writeFile(join(codex, file.path), file.content, { mode: file.mode });
      await chmod(join(codex, file.path), file.mode);
    }
    await writeFile(join(codex, 'complete'), hash);
  }
  return { codex, node: node.path };
}
