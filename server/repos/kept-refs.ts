/**
 * Refs that keep commits from being lost, for as long as somebody needs them: what was made for a task's pull
 * request, and what was fetched from a forge, for a task or (before there is one) for nobody yet.
 */
import { git } from './git.ts';
import { checkTaskId } from './key.ts';
import type { Needed } from './repos.ts';

const PULLS = 'refs/codex/pulls/';
const FORGE = 'refs/codex/forge/';
const KEPT = /^refs\/codex\/(?:pulls|forge)\/(?:([a-z0-9]{8,40})\/)?([0-9a-f]{40}|[0-9a-f]{64})$/;

export interface KeptRef {
  ref: string;
  /** Null: of no task. */
  taskId: string | null;
  sha: string;
}

export function pullRef(taskId: string, sha: string): string {
  return `${PULLS}${checkTaskId(taskId)}/${sha}`;
}

export function forgeRef(taskId: string | undefined, sha: string): string {
  return `${FORGE}${taskId === undefined ? '' : `${checkTaskId(taskId)}/`}${sha}`;
}

export async function keptRefs(dir: string): Promise<KeptRef[]> {
  return (await refsBelow(dir, [PULLS, FORGE])).flatMap((ref) => {
    const [, taskId = null, sha] = KEPT.exec(ref) ?? [];
    return sha === undefined ? [] : [{ ref, taskId, sha }];
  });
}

/**
 * To be asked after the refs were listed: whoever keeps a commit for a task has stored the task before, so one that
 * is not there has been deleted.
 */
export async function neededOf(
  kept: readonly KeptRef[],
  repoId: string,
  needed: Needed,
): Promise<(ref: KeptRef) => boolean> {
  const tasks = await needed.tasks([...new Set(kept.flatMap(({ taskId }) => taskId ?? []))]);
  const isAnyLoose = kept.some(({ taskId }) => taskId === null);
  const commits = isAnyLoose ? await needed.commits(repoId) : new Set<string>();
  return ({ taskId, sha }) => (taskId === null ? commits.has(sha) : tasks.has(taskId));
}

/** All that a task has in a repository, its results too. */
export async function removeRefsOfTask(dir: string, taskId: string): Promise<void> {
  checkTaskId(taskId);
  const prefixes = [`refs/codex/tasks/${taskId}/`, `${PULLS}${taskId}/`, `${FORGE}${taskId}/`];
  await removeRefs(
    dir,
    (await refsBelow(dir, prefixes)).map((ref) => ({ ref })),
  );
}

/** Those that are gone already are no harm. Returns how many there were. */
export async function removeRefs(dir: string, refs: readonly Pick<KeptRef, 'ref'>[]): Promise<number> {
  if (refs.length > 0) {
    const input = refs.map(({ ref }) => `delete ${ref}\n`).join('');
    await git(['update-ref', '--stdin', '--no-deref'], { dir, input });
  }
  return refs.length;
}

async function refsBelow(dir: string, prefixes: readonly string[]): Promise<string[]> {
  const { stdout } = await git(['for-each-ref', '--format=%(refname)', ...prefixes], { dir });
  return stdout.toString('utf8').split('\n').filter(Boolean);
}
