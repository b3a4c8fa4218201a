/** Names of sandboxes, the same for every kind. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { CodexError } from '../../protocol/errors.ts';
import type { SandboxRole } from './sandbox.ts';

const TASK_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const REPO_NAME = /^(?!\.{1,2}$)[^/\0]{1,200}$/;

/** A role has names of its own: the setup's sandbox and the agent's stand side by side for a moment. */
const PREFIX: Record<SandboxRole, string> = { agent: 'task', setup: 'setup', ask: 'ask' };
const NAME = /^codex-(?:task|setup|ask)-[A-Za-z0-9_.-]+$/;
const PARTS = /^codex-(task|setup|ask)-([A-Za-z0-9][A-Za-z0-9_.-]{0,99})-(\d{1,15})$/;
const ROLES: SandboxRole[] = ['agent', 'setup', 'ask'];

/** `codex-task-<id>-<attempt>`, `codex-setup-…`, `codex-ask-…` */
export function sandboxName(taskId: string, attempt: number, role: SandboxRole = 'agent'): string {
  if (!TASK_ID.test(taskId) || !Number.isSafeInteger(attempt) || attempt < 0) {
    throw new CodexError('badRequest', {}, { detail: `no task id: ${taskId}` });
  }
  return `codex-${PREFIX[role]}-${taskId}-${attempt}`;
}

/** What a name says, or null when it is none of a sandbox's. */
export function parseSandboxName(
  name: string,
): { role: SandboxRole; taskId: string; attempt: number } | null {
  const [, prefix, taskId, attempt] = PARTS.exec(name) ?? [];
  const role = ROLES.find((one) => PREFIX[one] === prefix);
  return role === undefined || taskId === undefined ? null : { role, taskId, attempt: Number(attempt) };
}

export function checkSandboxName(name: string): void {
  if (!NAME.test(name)) throw new CodexError('badRequest', {}, { detail: `no sandbox name: ${name}` });
}

export function checkRepoName(repoName: string): void {
  if (!REPO_NAME.test(repoName))
    throw new CodexError('badRequest', {}, { detail: `no folder name: ${repoName}` });
}

/** Which backend a sandbox belongs to: the one with this data folder. */
export function ownerOf(dataDir: string): string {
  return createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 16);
}
