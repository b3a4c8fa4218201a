/**
 * The real Codex CLI, in a cache folder outside of the checkout: installed once (404 MB), then found.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

export const CODEX_CLI_VERSION = '0.169.0';
const INSTALL_TIMEOUT_MS = 10 * 60_000;

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'codex-tasks', 'codex-cli');
}

function binary(): string {
  return join(cacheFolder(), 'node_modules', '@openai', 'codex', 'bin', 'codex.js');
}

/** Where the CLI's program is, or null when it is not in the cache. */
export function findCodexCli(): string | null {
  return existsSync(binary()) ? binary() : null;
}

export async function installCodexCli(): Promise<string> {
  const found = findCodexCli();
  if (found !== null) return found;
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private": true}\n');
  const args = ['install', '--no-audit', '--no-fund', '-E', `@openai/codex@${CODEX_CLI_VERSION}`];
  const { code, output } = await runProgram('npm', args, { cwd: folder, timeoutMs: INSTALL_TIMEOUT_MS });
  if (code !== 0) throw new Error(`The Codex CLI could not be installed:\n${output}`);
  return binary();
}

export interface CodexRun {
  code: number;
  output: string;
  durationMs: number;
}

/** `codex exec` in a folder, with the model at `baseUrl`; its own settings live in a folder of this run. */
export async function codexExec(
  cli: string,
  options: { folder: string; baseUrl: string; prompt: string; timeoutMs?: number; webSockets?: boolean },
): Promise<CodexRun> {
  const home = await mkdtemp(join(tmpdir(), 'codex-home-'));
  try {
    await writeFile(
      join(home, 'config.toml'),
      `model = "scripted"
model_provider = "mock"

[model_providers.mock]
name = "mock"
base_url = "${options.baseUrl}"
wire_api = "responses"
supports_websockets = ${options.webSockets === true}
env_key = "MOCK_KEY"
`,
    );
    const started = Date.now();
    const flags = ['--dangerously-bypass-approvals-and-sandbox', '--skip-git-repo-check'];
    const { code, output } = await runProgram(process.execPath, [cli, 'exec', ...flags, options.prompt], {
      cwd: options.folder,
      timeoutMs: options.timeoutMs ?? 60_000,
      env: { ...process.env, CODEX_HOME: home, MOCK_KEY: 'test-key' },
    });
    return { code, output, durationMs: Date.now() - started };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function runProgram(
  program: string,
  args: string[],
  options: { cwd: string; timeoutMs: number; env?: NodeJS.ProcessEnv },
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
