/** How a pull request stands, as the forge says it now. */
import { CodexError, toWireError } from '../../protocol/errors.ts';
import type { ChecksSummary } from '../../protocol/pull-request.ts';
import type { Check, Comment, ForgeRepo, PullRequest } from '../forge/forge.ts';
import { hasMark } from './command.ts';
import { putRow, type PullRow, type Seen } from './rows.ts';
import type { PullDeps } from './types.ts';

type Deps = Pick<PullDeps, 'store' | 'hub' | 'limits' | 'forges'>;

export async function repoOfRow({ forges }: Pick<PullDeps, 'forges'>, row: PullRow): Promise<ForgeRepo> {
  return (await forges.get(row.host)).repo(row.repo);
}

/** Stores what changed; what it throws is stored as the row's error. */
export async function refreshRow(deps: Deps, row: PullRow): Promise<PullRow> {
  try {
    const repo = await repoOfRow(deps, row);
    const pull = await pullOf(repo, row);
    if (pull === null) return row;
    const seen = await lookAt(deps, repo, row, pull);
    return await putRow(deps, { ...seenRow(row, pull), seen: JSON.stringify(seen) }, { was: row });
  } catch (thrown) {
    const { code } = toWireError(thrown);
    // Another process is changing it: what it writes is newer.
    if (code === 'conflict' || code === 'notFound') throw thrown;
    await putRow(
      deps,
      { ...row, seen_at: Date.now(), error: JSON.stringify(toWireError(thrown)) },
      { was: row },
    ).catch(() => undefined);
    throw thrown;
  }
}

/** Of one that is being published: what an earlier try has made, if it came that far. */
async function pullOf(repo: ForgeRepo, row: PullRow): Promise<PullRequest | null> {
  if (row.number !== null) return repo.pull(row.number);
  const found = await repo.findPull(row.branch);
  const isOurs = found !== null && found.head.sha === (row.pushed_sha ?? row.wanted_sha);
  return isOurs ? found : null;
}

/** What the request itself says; an error of an earlier look is gone. */
export function seenRow(row: PullRow, pull: PullRequest): PullRow {
  return {
    ...row,
    // It may have another name, or another owner, than when it was made.
    repo: pull.base.repo ?? row.repo,
    number: pull.number,
    url: pull.url,
    title: pull.title,
    draft: pull.draft,
    base: pull.base.branch,
    state: pull.state,
    seen_at: Date.now(),
    error: null,
  };
}

async function lookAt(deps: Deps, repo: ForgeRepo, row: PullRow, pull: PullRequest): Promise<Seen> {
  const [checks, comments, verdict] = await Promise.all([
    maybe(() => repo.checks(pull.head.sha)),
    commentsOfOthers(deps, repo, pull.number),
    repo.verdict(pull.number),
  ]);
  const isOurs = pull.head.sha === row.pushed_sha || pull.head.sha === row.wanted_sha;
  return {
    ...(checks === null || checks.length === 0 ? {} : { checks: summaryOf(checks) }),
    comments: comments.length,
    ...(verdict === null ? {} : { verdict }),
    ...(row.made_by === 'backend' && pull.state === 'open' && !isOurs ? { othersPushed: true } : {}),
  };
}

/** All but what we have answered there ourselves (`answers.ts`). */
export async function commentsOfOthers(
  { forges }: Pick<PullDeps, 'forges'>,
  repo: ForgeRepo,
  number: number,
): Promise<Comment[]> {
  const comments = await repo.comments(number);
  if (!comments.some(({ body }) => hasMark(body))) return comments;
  const login = (await (await forges.get(repo.forge.host)).whoAmI()).login.toLowerCase();
  return comments.filter(({ author, body }) => author.toLowerCase() !== login || !hasMark(body));
}

/** A token may well be good for pull requests and not for checks. */
export async function maybe(checks: () => Promise<Check[]>): Promise<Check[] | null> {
  try {
    return await checks();
  } catch (error) {
    if (error instanceof CodexError && (error.code === 'forgeForbidden' || error.code === 'forgeRepoUnknown'))
      return null;
    throw error;
  }
}

function summaryOf(checks: readonly Check[]): ChecksSummary {
  const count = (outcome: Check['outcome']) => checks.filter((check) => check.outcome === outcome).length;
  return { passed: count('passed'), failed: count('failed'), running: count('running') };
}
