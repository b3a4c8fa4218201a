/**
 * `codex-tasks demo`: one code task from end to end, on this machine, and everything checked.
 *
 * Order: choose model and sandbox and say which and why → a repository with a failing test, unless one
 * is named → a backend of its own on loopback, with its data in a temporary folder → the task, live →
 * its result applied → the tests, run here → every file compared with the result → clean up. Exit
 * code 0 only if all of that is true.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findBackend, stopBackend } from '../client/backend-process/index.ts';
import { durationWords } from '../client/words/index.ts';
import { EXIT } from '../protocol/result.ts';
import { DEMO_PROMPT } from '../server/model/scripted/demo-repo.ts';
import { createDriver } from '../server/sandbox/index.ts';
import type { SandboxDriver, SandboxKind } from '../server/sandbox/sandbox.ts';
import { SANDBOX_KINDS } from './backend.ts';
import { diffLines } from './demo/diff.ts';
import { makeDemoRepository, runTests } from './demo/repository.ts';
import { verifyFiles } from './demo/verify.ts';
import { modelSettings } from './model.ts';
import { humanOutput } from './run/output.ts';
import { runTask } from './run/run.ts';
import { paint, wantsColour } from './terminal.ts';
import { UsageError, oneOf, parse } from './usage.ts';

const HELP = `codex-tasks demo [--repo DIR] [--prompt TEXT] [--sandbox docker|local] [--keep]

One code task from end to end. Without --repo it makes a small repository with a failing test; with
--repo the result is applied there. With OPENAI_API_KEY (and OPENAI_BASE_URL, CODEX_MODEL) the real
model does it, otherwise a scripted one. --keep leaves the repository that it made.
`;

const PROMPT_FOR_OTHER_REPOSITORIES = 'Find one error in this repository, fix it, and say what you changed.';

const colours = paint(wantsColour(process.stdout));
const say = (line = '') => process.stdout.write(`${line}\n`);

export async function demo(args: string[]): Promise<number> {
  const { values } = parse(
    args,
    {
      repo: { type: 'string' },
      prompt: { type: 'string' },
      sandbox: { type: 'string' },
      keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    false,
  );
  if (values.help) {
    say(HELP.trimEnd());
    return EXIT.completed;
  }
  // The demo's backend is its own, whatever the environment names.
  delete process.env['CODEX_SERVER_URL'];
  const startedAt = Date.now();
  const folder = await mkdtemp(join(tmpdir(), 'codex-tasks-demo-'));
  const dataDir = join(folder, 'data');
  const wanted = values.sandbox === undefined ? null : oneOf('--sandbox', values.sandbox, SANDBOX_KINDS);
  const repo = values.repo === undefined ? join(folder, 'sums') : resolve(values.repo);
  let driver: SandboxDriver | null = null;
  try {
    driver = await chooseSandbox(wanted, dataDir, sayModel());
    const prompt = values.prompt ?? (values.repo === undefined ? DEMO_PROMPT : PROMPT_FOR_OTHER_REPOSITORIES);
    const good = await oneTask({ repo, own: values.repo === undefined, prompt, dataDir, kind: driver.kind });
    say();
    say(
      good
        ? `${colours.green('✓ The demo did all of it')} ${colours.dim(`in ${durationWords(Date.now() - startedAt)}`)}`
        : colours.red('✗ The demo did not do all of it; see above.'),
    );
    return good ? EXIT.completed : EXIT.failed;
  } finally {
    await cleanUp(dataDir, driver);
    if (values.keep) say(`Kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Demo {
  repo: string;
  /** The demo made the repository, so it knows its tests and what the result has to hold. */
  own: boolean;
  prompt: string;
  dataDir: string;
  kind: SandboxKind;
}

async function oneTask({ repo, own, prompt, dataDir, kind }: Demo): Promise<boolean> {
  if (own) {
    await makeDemoRepository(repo);
    const before = await runTests(repo);
    say(`Repository: ${repo}; its tests ${before.passed ? 'pass' : 'fail'} before (${before.summary})`);
    if (before.passed) return false;
  }
  say(`Task: ${prompt}`);
  say();
  const output = humanOutput();
  const { result, attempt } = await runTask(
    {
      repo,
      mode: 'code',
      ref: null,
      includeLocal: true,
      apply: true,
      output: null,
      attempts: 1,
      choose: null,
      model: null,
      effort: null,
      environment: null,
      json: false,
      prompt,
      own: {
        dataDir,
        sandbox: kind,
        scriptedModel: modelSettings(process.env) ? null : '',
        tokenFile: null,
        given: true,
      },
    },
    output,
  );
  output.end(result, attempt);
  if (result.status !== 'completed') return false;
  if (!result.patch) {
    say(own ? colours.red('There is no patch.') : 'The task changed nothing.');
    return !own;
  }
  const patch = await readFile(result.patch.path);
  say();
  say(colours.bold('Diff'));
  for (const line of diffLines(patch, colours)) say(`  ${line}`);
  say();
  say(colours.bold('Checks'));
  return checkResult(repo, own, patch);
}

async function checkResult(repo: string, own: boolean, patch: Uint8Array): Promise<boolean> {
  const { same, binary, different } = await verifyFiles(repo, patch);
  check(
    different.length === 0,
    `${same.length} files are byte for byte those of the result`,
    `differ: ${different.join(', ')}`,
  );
  if (!own) return different.length === 0;
  check(binary.length > 0, `binary, byte for byte: ${binary.join(', ')}`, 'no binary file arrived');
  const tests = await runTests(repo);
  check(
    tests.passed,
    `the tests pass in the repository (${tests.summary})`,
    `the tests fail (${tests.summary})`,
  );
  return different.length === 0 && binary.length > 0 && tests.passed;
}

function check(good: boolean, yes: string, no: string): void {
  say(good ? `  ${colours.green('✓')} ${yes}` : `  ${colours.red('✗')} ${no}`);
}

/** Says which model works, in one line; true for a real one. */
function sayModel(): boolean {
  const settings = modelSettings(process.env);
  say(
    settings
      ? `Model: ${settings.name}${settings.baseUrl ? ` at ${settings.baseUrl}` : ''}`
      : 'Model: scripted, since OPENAI_API_KEY is not set. It plays a script over the real wire format.',
  );
  return settings !== null;
}

async function chooseSandbox(
  wanted: SandboxKind | null,
  dataDir: string,
  realModel: boolean,
): Promise<SandboxDriver> {
  const docker = createDriver({ kind: 'docker', dataDir });
  if (wanted !== 'local') {
    const health = await docker.check();
    if (health.ok || wanted === 'docker') {
      say(`Sandbox: Docker. ${health.detail}`);
      return docker;
    }
    if (realModel) {
      throw new UsageError(
        `${health.detail} With a real model, running without Docker needs your consent: --sandbox local.`,
      );
    }
  }
  const why = wanted === 'local' ? 'as asked for' : 'since no Docker engine answers';
  const local = createDriver({ kind: 'local', dataDir });
  say(`Sandbox: a confined local process, ${why}. ${(await local.check()).detail}`);
  return local;
}

/** The backend first, since it would make a sandbox anew; then what it left. */
async function cleanUp(dataDir: string, driver: SandboxDriver | null): Promise<void> {
  const backend = await findBackend(dataDir);
  if (backend) await stopBackend(backend);
  for (const { name } of (await driver?.list().catch(() => [])) ?? []) await driver?.remove(name);
}
