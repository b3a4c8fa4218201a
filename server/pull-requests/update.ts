/**
 * The newest result on the pull request's branch: one commit on top of what is there. Where others have pushed,
 * our change is merged with theirs; nothing of theirs is overwritten, and what conflicts is not pushed.
 *
 * What our side of that merge changed is known from a line of our own: the commit whose tree is what we put in
 * last. It differs from what was pushed wherever others' changes are in between.
 */
import { delicateOf } from '../../protocol/delicate.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { FileChange } from '../../protocol/events.ts';
import type { Author } from '../../protocol/pull-request.ts';
import type { ParamsOf } from '../../protocol/rpc.ts';
import type { PullRequest } from '../forge/forge.ts';
import { remoteOf } from '../forge/remote.ts';
import type { RemoteRepo } from '../repos/remote-types.ts';
import { checkConfirmed } from './delicate.ts';
import { accountAuthor, Steps, tipOf } from './publish.ts';
import { repoOfRow, seenRow } from './refresh.ts';
import { authorOfRow, pullRow, putRow, type PullRow, type Seen } from './rows.ts';
import { resultOf, sourceOf, type Source } from './source.ts';
import { merged, publishedTree } from './trees.ts';
import { headRef, type PullDeps } from './types.ts';
import { cleanAuthor, commitMessage, titleOfPull } from './wording.ts';

type Request = ParamsOf<'pullRequest.update'>;

/** Somebody who pushes each time we look does so on purpose. */
const TRIES = 4;

/** Throws `CodexError` pullRequestMissing, pullRequestClosed, choiceNeeded, forgeBranchGone, forgeConflicts, forgeNotConfirmed, … */
export async function update(deps: PullDeps, request: Request, who: string): Promise<PullRow> {
  const { store, repos } = deps;
  const row = await store.read((db) => pullRow(db, request.taskId));
  if (row?.number == null) throw new CodexError('pullRequestMissing');
  const step = new Steps(deps, row, row);
  const pull = await openPull(deps, step);
  const repo = await repoOfRow(deps, step.row);
  const source = await sourceOf(store, request.taskId, { shown: row.attempt });
  const base = await oldTree(deps, source, row);
  const tree = await publishedTree(repos, source, row.local_changes);
  if (tree !== base) {
    checkConfirmed(delicateOf(await newFiles(deps, source, row)), tree, request.confirmed);
  }
  try {
    const asked = request.author ? cleanAuthor(request.author) : undefined;
    await step.to({ updated_by: who, ...(asked ? { author: JSON.stringify(asked) } : {}) });
    if (tree !== base) {
      const author = asked ?? authorOfRow(row) ?? (await accountAuthor(deps, repo));
      const message = commitMessage(request.title ?? titleOfPull(source.said), author);
      const remote = await remoteOf(repo, 'write');
      await bring(deps, { source, remote, base, tree, step, author, message });
    }
    const { title, body } = request;
    const changed =
      (title !== undefined && title !== pull.title) || (body !== undefined && body !== pull.body)
        ? await repo.changePull(pull.number, {
            ...(title === undefined ? {} : { title }),
            ...(body === undefined ? {} : { body }),
          })
        : pull;
    return await step.to(
      {
        title: changed.title,
        body: changed.body,
        draft: changed.draft,
        turn: source.turn,
        attempt: source.attempt,
        error: null,
      },
      true,
    );
  } catch (thrown) {
    await step.failed(thrown);
    throw thrown;
  }
}

/** Throws `CodexError` pullRequestClosed; the task shows it then. */
async function openPull(deps: PullDeps, step: Steps): Promise<PullRequest> {
  const { row } = step;
  const pull = await lookUp(deps, step);
  if (pull.state !== 'open') {
    await putRow(deps, seenRow(row, pull), { was: row });
    throw new CodexError('pullRequestClosed', { url: pull.url, state: pull.state });
  }
  // Git follows no other name than the one that it has now. It may be open again, and ask into another branch.
  step.note({ repo: pull.base.repo ?? row.repo, state: pull.state, base: pull.base.branch });
  if (pull.head.repo !== null && pull.head.repo.toLowerCase() !== step.row.repo.toLowerCase()) {
    throw new CodexError('forgeRefused', { host: row.host, why: 'headElsewhere', repo: pull.head.repo });
  }
  return pull;
}

/** What goes wrong with it is shown by the task. */
async function lookUp(deps: PullDeps, step: Steps): Promise<PullRequest> {
  try {
    return await (await repoOfRow(deps, step.row)).pull(step.row.number ?? 0);
  } catch (thrown) {
    await step.failed(thrown);
    throw thrown;
  }
}

/** The tree that we put in last. Of one that the client made: the result that it was made from. */
async function oldTree({ repos, store }: PullDeps, source: Source, row: PullRow): Promise<string> {
  const { repoId } = source.repo;
  if (row.pushed_line !== null) return repos.treeOf(repoId, row.pushed_line);
  const { turn, attempt } = row;
  const sha = await resultOf(store, { taskId: row.task_id, turn, attempt });
  return publishedTree(repos, { ...source, sha: sha ?? source.repo.sha }, row.local_changes);
}

/** What is new since the last time: for the rest there was a yes. */
export async function newFiles(
  { repos, store, limits }: Pick<PullDeps, 'repos' | 'store' | 'limits'>,
  source: Source,
  row: PullRow,
): Promise<FileChange[]> {
  const { turn, attempt } = row;
  const before = await resultOf(store, { taskId: row.task_id, turn, attempt });
  if (before === null) return source.files;
  return (await repos.patch(source.repo.repoId, before, source.sha, limits.patchBytes)).files;
}

interface Bringing {
  source: Source;
  remote: RemoteRepo;
  base: string;
  tree: string;
  step: Steps;
  author: Author;
  message: string;
}

async function bring(deps: PullDeps, of: Bringing): Promise<void> {
  const { repos, signal } = deps;
  const { source, remote, tree, step, author, message } = of;
  const { repoId } = source.repo;
  const { branch } = step.row;
  const commit = (content: string, parent: string) =>
    repos.makeCommit(repoId, source.task.id, {
      tree: content,
      parents: [parent],
      author,
      at: source.at,
      message,
    });
  for (let tries = 1; ; tries++) {
    const tip = await tipOf(deps, remote, branch);
    if (tip === null) throw new CodexError('forgeBranchGone', { branch });
    let { base } = of;
    const { wanted_sha, wanted_line, pushed_sha } = step.row;
    if (tip === wanted_sha && wanted_line !== null && tip !== pushed_sha) {
      // An earlier try came that far, and its answer was lost.
      base = await repos.treeOf(repoId, wanted_line);
      await step.to({ pushed_sha: wanted_sha, pushed_line: wanted_line });
    } else if (step.row.pushed_line !== null) base = await repos.treeOf(repoId, step.row.pushed_line);
    if (base === tree) return;
    if (tip !== step.row.pushed_sha)
      await repos.fetchFrom(repoId, remote, [headRef(branch)], signal, source.task.id);
    const ours = await repos.treeOf(repoId, tip);
    const content = await merged(repos, repoId, { base, ours, theirs: tree }, branch);
    const sha = content === ours ? tip : await commit(content, tip);
    const line = content === tree && sha !== tip ? sha : await commit(tree, source.parent);
    if (sha !== tip) {
      await step.to({ wanted_sha: sha, wanted_line: line });
      try {
        await repos.pushTo(repoId, remote, { branch, sha, expected: tip }, signal);
      } catch (thrown) {
        if (!(thrown instanceof CodexError) || thrown.code !== 'forgeBranchMoved' || tries >= TRIES)
          throw thrown;
        continue;
      }
    }
    await step.to({
      pushed_sha: sha,
      pushed_line: line,
      wanted_sha: sha,
      wanted_line: line,
      seen: withoutOthers(step.row),
    });
    return;
  }
}

/** What others pushed is below ours now. */
function withoutOthers({ seen }: PullRow): string | null {
  if (seen === null) return null;
  return JSON.stringify({ ...(JSON.parse(seen) as Seen), othersPushed: undefined });
}
