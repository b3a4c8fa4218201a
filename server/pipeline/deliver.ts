/**
 * Patch: ends every process, takes the tree out of the sandbox as git objects, commits it in the
 * backend's own repository, and stores the patch from the task's base to it.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { NewContent } from '../repos/contents.ts';
import type { Repos } from '../repos/repos.ts';
import type { Redactor } from '../secrets/types.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import { writeMark } from './place.ts';

/** An event stays small: the whole list comes with the task. */
const FILES_IN_EVENT = 50;

/** Of one result: a sandbox may cut every one. */
const TAKES = 3;

/** As many as a person looks at; one is enough to withhold the result. */
const SECRETS_TOLD = 20;

export async function deliverResult(
  turn: TurnContext,
  attempt: number,
  startSha: string,
  sandbox: Sandbox,
  repos: Repos,
  redactor: Redactor,
): Promise<void> {
  const { task } = turn;
  await sandbox.stopAll();
  const { resultSha, ignored } = await unlessCut(async () => {
    const { tree, pack, ignored } = await sandbox.capture(startSha);
    const taken = repos.takeResult(task.repo.repoId, {
      taskId: task.id,
      turn: turn.turn,
      attempt,
      parent: startSha,
      tree,
      pack,
      maxBytes: turn.limits.patchBytes,
      message: `${task.title}\n`,
      ...(redactor.isEmpty
        ? {}
        : { inspect: (found: AsyncIterable<NewContent>) => refuseSecrets(turn, attempt, redactor, found) }),
    });
    return { resultSha: await taken, ignored };
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
  if (ignored > 0 && files.some((file) => /(^|\/)\.gitignore$/.test(file.path.path))) {
    await turn.emit({
      code: 'warning',
      attempt,
      params: { code: 'ignoredFiles', params: { count: ignored } },
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

/** The door may break in the middle of a pack; through the next one the same is taken again. */
async function unlessCut<T>(take: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await take();
    } catch (error) {
      const isCut =
        error instanceof CodexError &&
        error.code === 'resultUnreadable' &&
        error.wire.params['reason'] === 'cut';
      if (!isCut || tries >= TAKES) throw error;
    }
  }
}

/** A secret can come into a result only from a file that may hold it; it must not go on from there. */
async function refuseSecrets(
  turn: TurnContext,
  attempt: number,
  redactor: Redactor,
  files: AsyncIterable<NewContent>,
): Promise<void> {
  const found: { name: string; path: string }[] = [];
  for await (const file of files) {
    const name = redactor.find(file.content) ?? redactor.find(file.name);
    if (name !== null) found.push({ name, path: redactor.text(file.path.path) });
    if (found.length >= SECRETS_TOLD) break;
  }
  const [first] = found;
  if (!first) return;
  await turn.emit(...found.map((params) => ({ code: 'secret.found', attempt, params }) as const));
  throw new CodexError('secretInPatch', first);
}
