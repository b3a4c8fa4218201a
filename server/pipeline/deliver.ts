/**
 * Patch: ends every process, takes the tree out of the sandbox as git objects, commits it in the
 * backend's own repository, and stores the patch from the task's base to it.
 */
import type { Repos } from '../repos/repos.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import { writeMark } from './place.ts';

/** An event stays small: the whole list comes with the task. */
const FILES_IN_EVENT = 50;

export async function deliverResult(
  turn: TurnContext,
  attempt: number,
  startSha: string,
  sandbox: Sandbox,
  repos: Repos,
): Promise<void> {
  const { task } = turn;
  await sandbox.stopAll();
  const captured = await sandbox.capture(startSha);
  const resultSha = await repos.takeResult(task.repo.repoId, {
    taskId: task.id,
    turn: turn.turn,
    attempt,
    parent: startSha,
    tree: captured.tree,
    pack: captured.pack,
    maxBytes: turn.limits.patchBytes,
    message: `${task.title}\n`,
  });
  const { bytes, summary, files } = await repos.patch(
    task.repo.repoId,
    task.repo.sha,
    resultSha,
    turn.limits.patchBytes,
  );
  await turn.setResult(attempt, { resultSha, patch: bytes, summary, files });
  await writeMark(sandbox, { turn: turn.turn, sha: resultSha, captured: true });
  // An ordinary .gitignore hides what nobody wants; one that this result changes may hide more.
  if (captured.ignored > 0 && files.some((file) => /(^|\/)\.gitignore$/.test(file.path.path))) {
    await turn.emit({
      code: 'warning',
      attempt,
      params: { code: 'ignoredFiles', params: { count: captured.ignored } },
    });
  }
  if (summary.files === 0) return;
  await turn.emit({
    code: 'patch.ready',
    attempt,
    params: {
      patch: summary,
      files: files.slice(0, FILES_IN_EVENT),
      filesCut: files.length > FILES_IN_EVENT,
    },
  });
}
