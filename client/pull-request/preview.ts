/** What a pull request would be when the person's own git makes it: the same shape as the backend's preview. */
import { branchOfTask } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';
import { kindOf } from '../../protocol/forge-address.ts';
import type { PullRequestPreview } from '../../protocol/pull-request.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import { parsePatch } from '../patch/index.ts';
import { delicateInPatch, delicateKeyOf } from './delicate.ts';
import { baseBranch, unpushedCommits, type ForgeRemote } from './folder.ts';
import { startOf } from './start.ts';
import { ownText, type OwnResult } from './text.ts';

/** `bytes`: the patch that would be pushed, since the list of files may be cut. */
export async function ownPreview(
  root: string,
  remote: ForgeRemote,
  task: TaskView,
  result: OwnResult,
  bytes: Uint8Array,
): Promise<PullRequestPreview> {
  const { turn, attempt } = result;
  const { patch, files } = attempt;
  if (!patch || patch.files === 0) throw new CodexError('forgeNothingToPublish');
  const delicate = delicateInPatch(parsePatch(bytes));
  const key = delicateKeyOf(bytes, delicate);
  const start = await startOf(root, task);
  const { title, body } = await ownText(root, start, task, result);
  return {
    host: remote.host,
    kind: kindOf(remote.host),
    repo: remote.repo,
    title,
    body,
    draft: false,
    branch: task.pullRequest?.branch ?? branchOfTask(title, task.id),
    base: task.pullRequest?.base ?? (await baseBranch(root, remote.name, task.repo.branch)),
    turn: turn.turn,
    attempt: attempt.attempt,
    files,
    filesCut: patch.files > files.length,
    delicate,
    ...(key === undefined ? {} : { delicateKey: key }),
    localChanges: task.repo.includesLocal,
    unpushedCommits: await unpushedCommits(root, remote.name, start),
    // Only the forge knows how far the base has gone on, and it says so on the pull request's page.
    behind: 0,
    conflicts: [],
    ...(remote.pushTo ? { from: remote.pushTo.repo } : {}),
    ...(task.pullRequest ? { existing: task.pullRequest } : {}),
  };
}
