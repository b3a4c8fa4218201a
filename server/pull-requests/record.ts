/** A pull request that the client made with the person's own git and session: the task only remembers it. */
import { isBranchName } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';
import { isPageOf, kindOf } from '../../protocol/forge-address.ts';
import type { ForgeKind } from '../../protocol/forge.ts';
import type { ParamsOf } from '../../protocol/rpc.ts';
import { taskRow } from '../tasks/turn-rows.ts';
import { isUnderWay } from './publish.ts';
import { pullRow, putRow, type PullRow } from './rows.ts';
import { resultOf } from './source.ts';
import type { PullDeps } from './types.ts';

/** Again is no harm. Throws `CodexError` pullRequestExists, badRequest, notFound, conflict. */
export async function record(
  deps: Pick<PullDeps, 'store' | 'hub' | 'limits' | 'forges'>,
  request: ParamsOf<'pullRequest.record'>,
  who: string,
): Promise<PullRow> {
  const { taskId, host, repo, number, url, title, draft, branch, base, turn, attempt } = request;
  // It becomes a link that people follow.
  if (!isPageOf(host, url)) throw new CodexError('badRequest', { field: 'url' });
  for (const name of [branch, base])
    if (!isBranchName(name)) throw new CodexError('branchNameInvalid', { branch: name });
  const was = await deps.store.read((db) => pullRow(db, taskId));
  const isSame = was?.host === host && was.repo === repo && was.number === number;
  if (was?.state === 'open' && !isSame) {
    throw new CodexError('pullRequestExists', was.url === null ? {} : { url: was.url });
  }
  if (was !== undefined && isUnderWay(was)) {
    throw new CodexError('conflict', { why: 'pullRequestBusy' });
  }
  if ((await resultOf(deps.store, { taskId, turn, attempt })) === null) {
    // Of no task at all that would be the wrong word.
    await deps.store.read((db) => taskRow(db, taskId));
    throw new CodexError('conflict', { why: 'noSuchResult', turn, attempt });
  }
  const now = Date.now();
  const kind: ForgeKind = await deps.forges.get(host).then(
    (forge) => forge.kind,
    () => kindOf(host),
  );
  const row: PullRow = {
    task_id: taskId,
    host,
    kind,
    repo,
    made_by: 'client',
    number,
    url,
    title,
    body: isSame ? was.body : '',
    draft,
    branch,
    base,
    state: request.state ?? 'open',
    turn,
    attempt,
    local_changes: 'include',
    author: null,
    pushed_sha: null,
    pushed_line: null,
    wanted_sha: null,
    wanted_line: null,
    seen: isSame ? was.seen : null,
    seen_at: isSame ? was.seen_at : null,
    error: null,
    created_by: isSame ? was.created_by : who,
    created_at: isSame ? was.created_at : now,
    updated_by: who,
    updated_at: now,
  };
  return putRow(deps, row, { was, published: true });
}
