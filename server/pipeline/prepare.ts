/**
 * Checkout: the task's own repository, the sandbox with its door open, and the right commit in its
 * working tree. What a resumed turn or a follow-up finds in the sandbox is kept when it is the right one.
 */
import type { TurnContext } from '../tasks/turn-context.ts';
import { originBranch } from '../repos/origin.ts';
import type { Repos } from '../repos/repos.ts';
import type { Sandbox, SandboxDriver } from '../sandbox/sandbox.ts';
import { placeOf, readMark, writeMark } from './place.ts';

const OWNERS_OF_A_TURN = 1_000_000;

export async function prepareSandbox(
  turn: TurnContext,
  attempt: number,
  startSha: string,
  { driver, repos }: { driver: SandboxDriver; repos: Repos },
): Promise<Sandbox> {
  const { task } = turn;
  // While the sandbox starts. Whoever needs it waits for it; nobody is left alone with its failure.
  const origin = prepareOrigin(repos, turn, startSha);
  origin.catch(() => {});
  const startedAt = performance.now();
  const sandbox = await driver.open(
    {
      taskId: task.id,
      attempt,
      generation: doorGeneration(turn),
      repoName: safeName(task.repo.name),
      limits: turn.limits,
    },
    (line) => turn.progress(line),
    turn.signal,
  );
  try {
    sandbox.serve('origin', (stream) => repos.serveOrigin(task.id, stream));
    await origin;
    const place = placeOf(await readMark(sandbox), turn.turn, startSha);
    if (place !== 'goOn') await sandbox.stopAll();
    if (place === 'checkOut') await checkOut(sandbox, turn, startSha);
    if (place !== 'goOn') await writeMark(sandbox, { turn: turn.turn, sha: startSha, captured: false });
    await turn.emit({
      code: 'sandbox.started',
      attempt,
      params: {
        kind: sandbox.kind,
        name: sandbox.name,
        how: sandbox.how,
        durationMs: Math.round(performance.now() - startedAt),
      },
    });
    return sandbox;
  } catch (error) {
    await sandbox.detach();
    throw error;
  }
}

/** Grows over all turns of a task: a turn's own generation begins anew with each. */
export function doorGeneration(turn: Pick<TurnContext, 'turn' | 'generation'>): number {
  return turn.turn * OWNERS_OF_A_TURN + turn.generation;
}

async function prepareOrigin(repos: Repos, { task }: TurnContext, startSha: string): Promise<void> {
  await repos.prepareOrigin(task.id, task.repo);
  if (startSha !== task.repo.sha) await repos.publishToOrigin(task.id, task.repo.repoId, startSha);
}

async function checkOut(sandbox: Sandbox, turn: TurnContext, startSha: string): Promise<void> {
  const { repo } = turn.task;
  const branch = await originBranch(repo.branch);
  // A snapshot of local changes lies uncommitted on the person's own commit, as in their folder; a
  // result of an earlier turn lies on that same commit.
  const onto = repo.headSha ?? repo.sha;
  await sandbox.checkout({ sha: startSha, branch, ...(onto === startSha ? {} : { asUncommitted: onto }) });
}

/** A folder's name that any shell and file system takes. */
export function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '');
  return safe === '' ? 'repository' : safe.slice(0, 100);
}
