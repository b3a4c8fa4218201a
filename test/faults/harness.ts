/**
 * The built `codex-tasks` as a person has it, with data folders, repositories and backends of the
 * test's own. Everything that is started here is ended by its id when the test is over.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { BACKEND_NODE_FLAGS, findBackend, stopBackend } from '../../client/backend-process/index.ts';
import type { WireEvent } from '../../protocol/events.ts';
import { RunResult } from '../../protocol/result.ts';
import { createDriver } from '../../server/sandbox/index.ts';
import { git, temporaryFolder, tryGit } from '../support/git.ts';

export const PROGRAM = fileURLToPath(new URL('../../dist/cli/codex-tasks.mjs', import.meta.url));

const closers: (() => unknown)[] = [];

/** At the end of the file's tests, the last one first: what stands on something else goes before it. */
export function atEnd(close: () => unknown): void {
  closers.push(close);
}

after(async () => {
  for (const close of closers.reverse()) await close();
});

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** The first line of standard output that fits, past ones included. */
  line(fits: RegExp): Promise<string>;
  ended: Promise<Ended>;
}

export interface ProgramOptions {
  env?: Record<string, string>;
  input?: string | Uint8Array;
  cwd?: string;
}

/** Starts the program; whoever starts a `serve` also ends it, see `serve`. */
export function codexTasks(args: readonly string[], options: ProgramOptions = {}): Running {
  assert.ok(existsSync(PROGRAM), 'Build the program first: node esbuild.config.mjs cli runner');
  const flags = args[0] === 'serve' ? BACKEND_NODE_FLAGS : [];
  const child = spawn(process.execPath, [...flags, PROGRAM, ...args], {
    env: { ...cleanEnvironment(), ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  assert.ok(child.stdout && child.stderr);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // One that refuses its arguments does not read what it is given.
  child.stdin?.on('error', () => undefined).end(options.input);
  const lines: string[] = [];
  let waiting: { fits: RegExp; resolve: (line: string) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const one of waiting) if (one.fits.test(line)) one.resolve(line);
    waiting = waiting.filter(({ fits }) => !fits.test(line));
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    child,
    ended,
    async line(fits) {
      const past = lines.find((line) => fits.test(line));
      if (past !== undefined) return past;
      const found = new Promise<string>((resolve) => waiting.push({ fits, resolve }));
      const gone = ended.then((end) => {
        throw new Error(`No line is like ${String(fits)}; it ended with ${JSON.stringify(end)}`);
      });
      return Promise.race([found, gone]);
    },
  };
}

/** What a person's own settings would change is left out. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C.UTF-8' };
  for (const name of Object.keys(env)) {
    if (/^(CODEX_|OPENAI_|NODE_TEST_|NO_COLOR|FORCE_COLOR|DOCKER_)/.test(name)) delete env[name];
  }
  return env;
}

export interface Place {
  folder: string;
  dataDir: string;
  /** A path in the folder. */
  at(...names: string[]): string;
}

/**
 * A folder for one file of tests, with one data folder; at the end the backend on it is stopped
 * and the folder is removed.
 */
export function place(): Place {
  const folder = temporaryFolder('codex-faults');
  const dataDir = join(folder, 'data');
  atEnd(async () => {
    const backend = await findBackend(dataDir);
    if (backend) await stopBackend(backend);
    await endLocalSandboxes(dataDir);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return { folder, dataDir, at: (...names) => join(folder, ...names) };
}

/** Those that are parked for follow-ups would outlive their folder. */
async function endLocalSandboxes(dataDir: string): Promise<void> {
  if (!existsSync(join(dataDir, 'sandboxes'))) return;
  const driver = createDriver({ kind: 'local', dataDir });
  for (const { name } of await driver.list()) await driver.remove(name);
}

/** A small repository with one commit. */
export async function repository(path: string, files: Record<string, string> = {}): Promise<string> {
  await mkdir(path, { recursive: true });
  git(path, ['init', '-q', '-b', 'main']);
  for (const [name, text] of Object.entries({ 'a.txt': 'one\n', ...files })) {
    await mkdir(join(path, name, '..'), { recursive: true });
    await writeFile(join(path, name), text);
  }
  git(path, ['add', '-A']);
  git(path, ['commit', '-q', '-m', 'first']);
  return path;
}

/**
 * Everything of a person's that a task may not touch: every file with its bytes, the index, HEAD,
 * refs, configuration. Objects are left out: git itself may pack them.
 */
export async function fingerprint(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (/(^|\/)\.git\/(.*\/)?(objects|gc\.log)(\/|$)/.test(name) || !entry.isFile()) continue;
    found[name] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  found['stash'] = tryGit(root, ['stash', 'list']).stdout.toString('utf8');
  return found;
}

export interface Outcome extends Ended {
  events: WireEvent[];
  result: RunResult;
  /** All output of commands. */
  output: string;
}

/** `run --json`: checks that standard output holds events in order, each once, then the result. */
export async function outcomeOf(running: Running): Promise<Outcome> {
  const end = await running.ended;
  const lines = end.stdout.trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as WireEvent);
  const events = parsed.slice(0, -1);
  assert.deepEqual(
    events.map((event) => event.seq),
    events.map((_, index) => index + 1),
    'seq has no gap and no duplicate',
  );
  const output = events
    .filter((event) => event.code === 'output')
    .map((event) => String(event.params['text']))
    .join('');
  const result = RunResult.parse(parsed.at(-1));
  const codes = { completed: 0, failed: 1, cancelled: 130 };
  assert.equal(end.code, codes[result.status], end.stderr);
  return { ...end, events, result, output };
}

/** Runs a task in a local sandbox on the place's own backend. */
export function runOn(
  { dataDir }: Place,
  repo: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Running {
  return codexTasks(
    ['run', '--repo', repo, '--data', dataDir, '--sandbox', 'local', '--scripted-model', ...args],
    options,
  );
}

/** One clear sentence for a person: what failed and what to do, without a stack or a placeholder. */
export function assertSentence(text: string, says: RegExp): void {
  assert.match(text, says);
  assert.doesNotMatch(text, /^\s+at .*:\d+:\d+/m, 'no stack trace');
  assert.doesNotMatch(text, /undefined|\[object |\{\w+\}/, 'nothing unfilled');
}

export interface Served extends Running {
  url: string;
  port: number;
  token: string;
}

/** A `serve` of the test's own, ended with the tests. */
export async function serve(
  { dataDir }: Pick<Place, 'dataDir'>,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Served> {
  const running = codexTasks(['serve', '--data', dataDir, ...args], { env });
  atEnd(async () => {
    running.child.kill('SIGTERM');
    await running.ended;
  });
  const url = /http:\S+/.exec(await running.line(/listens on/))?.[0] ?? '';
  const token = (await readFile(join(dataDir, 'token'), 'utf8')).trim();
  return { ...running, url, port: Number(new URL(url).port), token };
}

export const LOCAL = ['--port', '0', '--sandbox', 'local', '--scripted-model'] as const;
