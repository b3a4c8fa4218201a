/** What the sandbox tests share: a repository to check out, and shorter ways to say things. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult, CommandSpec, Sandbox, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { resolveLimits } from '../../../protocol/limits.ts';

export const ENVIRONMENT = {
  PATH: '/opt/codex/tasks/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.invalid',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.invalid',
};

export function scratchDir(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'codex-tasks-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function newTask(generation = 1): SandboxSpec {
  return {
    taskId: `test-${randomBytes(5).toString('hex')}`,
    attempt: 1,
    generation,
    repoName: 'project',
    limits: resolveLimits(),
  };
}

export function command(script: string, more: Partial<CommandSpec> = {}): CommandSpec {
  return {
    callId: `call-${randomBytes(6).toString('hex')}`,
    argv: ['bash', '-c', script],
    cwd: '/',
    env: ENVIRONMENT,
    timeoutMs: 30_000,
    maxOutputBytes: 1024 * 1024,
    ...more,
  };
}

export async function sh(
  sandbox: Sandbox,
  script: string,
  more: Partial<CommandSpec> = {},
): Promise<CommandResult & { output: string }> {
  const chunks: Buffer[] = [];
  const result = await sandbox.run(command(script, more), { onOutput: (bytes) => chunks.push(bytes) });
  return { ...result, output: Buffer.concat(chunks).toString('utf8') };
}

/** git in a folder of the test's own. */
export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'core.autocrlf=false', ...args], {
    cwd,
    env: { ...process.env, ...ENVIRONMENT, PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null' },
    maxBuffer: 256 * 1024 * 1024,
  })
    .toString('utf8')
    .trim();
}

export function shellIn(cwd: string, script: string): void {
  execFileSync('bash', ['-ec', script], {
    cwd,
    env: { ...process.env, ...ENVIRONMENT, PATH: process.env.PATH },
  });
}

/** Takes a capture's pack as the backend would; returns the tree. */
export async function takeIn(
  repository: string,
  captured: Awaited<ReturnType<Sandbox['capture']>>,
): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of captured.pack) chunks.push(chunk as Buffer);
  execFileSync('git', ['index-pack', '--stdin', '--fix-thin', '--strict'], {
    cwd: repository,
    input: Buffer.concat(chunks),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  return captured.tree;
}
