/** `codex-tasks` as a person runs it, from the sources, in folders of the test's own. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeDemoRepository } from '../../../cli/demo/repository.ts';
import { findBackend, stopBackend } from '../../../client/backend-process/index.ts';
import type { WireEvent } from '../../../protocol/events.ts';
import { RunResult } from '../../../protocol/result.ts';
import { createDriver } from '../../../server/sandbox/index.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

export function codexTasks(args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

/** What a person's own settings would change is left out. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(CODEX_|OPENAI_|NODE_TEST_|NO_COLOR|FORCE_COLOR)/.test(name)) delete env[name];
  }
  return env;
}

/** Whatever runs something at its end: a test, or the whole file (`node:test`'s own `after`). */
export interface Lifetime {
  after(fn: () => Promise<void>): void;
}

/** A data folder; at the end its backend is stopped and it is removed. */
export async function dataFolder(test: Lifetime): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-tasks-cli-'));
  const dataDir = join(folder, 'data');
  // One hook, since hooks run in the order in which they were added: the folder goes last.
  test.after(async () => {
    const backend = await findBackend(dataDir);
    if (backend) await stopBackend(backend);
    // Parked for follow-ups: it outlives its backend.
    const driver = createDriver({ kind: 'local', dataDir });
    for (const { name } of await driver.list()) await driver.remove(name);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return dataDir;
}

export async function temporary(test: Lifetime): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-tasks-cli-'));
  test.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgSign=false'];
  return execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8' }).trim();
}

/** A repository, and a task's result that the script of a model made of it. */
export async function ranOnce(test: Lifetime, script: string, prepare: (repo: string) => Promise<void>) {
  const dataDir = await dataFolder(test);
  const folder = await temporary(test);
  const repo = join(folder, 'sums');
  await makeDemoRepository(repo);
  await prepare(repo);
  const file = join(folder, 'script.yaml');
  await writeFile(file, script);
  const at = ['--repo', repo, '--data', dataDir];
  const ran = await codexTasks(['run', ...at, '--sandbox', 'local', `--scripted-model=${file}`, '--json', 'x']).ended; // prettier-ignore
  if (ran.code !== 0) throw new Error(ran.stderr);
  return { dataDir, folder, repo, at, taskId: jsonLines(ran.stdout).result.taskId ?? '' };
}

/** The lines of `--json`: every one is JSON, events first, the result last. */
export function jsonLines(stdout: string): { events: WireEvent[]; result: RunResult } {
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as WireEvent);
  return { result: RunResult.parse(lines.at(-1)), events: lines.slice(0, -1) };
}

/** Resolves with the first line of standard output that fits. */
export async function lineOf(running: Running, fits: (line: string) => boolean): Promise<string> {
  const { stdout } = running.child;
  if (!stdout) throw new Error('no standard output');
  for await (const line of createInterface({ input: stdout })) if (fits(line)) return line;
  throw new Error(`no line fits; it ended with ${JSON.stringify(await running.ended)}`);
}
