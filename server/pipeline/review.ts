/**
 * A review's change: which one it is when the person names nothing else, and whether what was found lies in
 * it. The backend looks for itself; what lies outside is not lost, it is told in the text.
 */
import type { Finding, Report } from '../../protocol/report.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { AgentOutcome } from '../agent/agent.ts';
import type { ReviewedChange } from '../agent/instructions.ts';
import { findingText, joined } from '../agent/report.ts';
import type { Repos } from '../repos/repos.ts';
import type { LineRange } from '../repos/review.ts';

type Reading = Pick<Repos, 'findCommit' | 'mergeBase' | 'changedLines'>;

/**
 * `startSha` is what lies in the working tree: on the person's own commit, so that what is not committed
 * there is the difference. In order: that; the branch; the newest commit.
 */
export async function changeOf(
  repos: Reading,
  repo: RepoAtCommit,
  startSha: string,
): Promise<ReviewedChange> {
  const head = repo.headSha ?? repo.sha;
  if (head !== startSha) return { kind: 'local', base: head };
  if (repo.defaultSha !== undefined) {
    const base = await repos.mergeBase(repo.repoId, repo.defaultSha, head);
    if (base !== null && base !== head) return { kind: 'branch', base, head };
  }
  return { kind: 'commit', head };
}

/** The answer with only those findings as such that lie in the change. */
export async function inTheChange<O extends Pick<AgentOutcome, 'answer' | 'report'>>(
  repos: Reading,
  of: { repo: RepoAtCommit; startSha: string; change: ReviewedChange },
  outcome: O,
): Promise<O> {
  const { report } = outcome;
  if (!report || report.findings.length === 0) return outcome;
  const { repoId } = of.repo;
  const range = await rangeOf(repos, of, report);
  const files = new Map<string, LineRange[] | null>();
  const outside: Finding[] = [];
  for (const finding of report.findings) {
    const { path } = finding;
    if (!files.has(path)) files.set(path, await linesOf(repos, repoId, range, path));
    if (!overlaps(finding, files.get(path) ?? null)) outside.push(finding);
  }
  if (outside.length === 0) return outcome;
  return {
    ...outcome,
    answer: joined(outcome.answer, `## Outside of the change\n\n${outside.map(findingText).join('\n')}`),
    report: { ...report, findings: report.findings.filter((finding) => !outside.includes(finding)) },
  };
}

/** What can't be looked at is left as the model says it: the answer is there, and worth more than the check. */
async function linesOf(
  repos: Reading,
  repoId: string,
  { from, to }: { from: string | null; to: string },
  path: string,
): Promise<LineRange[] | null> {
  try {
    return await repos.changedLines(repoId, from, to, path);
  } catch {
    return [{ start: 1, end: Number.MAX_SAFE_INTEGER }];
  }
}

/** What the model says that it reviewed, where that names commits that are there; else what it was given. */
async function rangeOf(
  repos: Reading,
  { repo, startSha, change }: { repo: RepoAtCommit; startSha: string; change: ReviewedChange },
  { reviewed }: Report,
): Promise<{ from: string | null; to: string }> {
  if (reviewed) {
    const local = /^(worktree|working tree|local)$/i.test(reviewed.head);
    const from = await repos.findCommit(repo.repoId, reviewed.base);
    const to = local ? startSha : await repos.findCommit(repo.repoId, reviewed.head);
    if (from !== null && to !== null && from !== to) return { from, to };
  }
  switch (change.kind) {
    case 'local':
      return { from: change.base, to: startSha };
    case 'branch':
      return { from: change.base, to: change.head };
    case 'commit':
      return { from: await repos.findCommit(repo.repoId, `${change.head}^`), to: change.head };
  }
}

function overlaps({ startLine, endLine }: Finding, lines: readonly LineRange[] | null): boolean {
  return lines?.some(({ start, end }) => startLine <= end && endLine >= start) ?? false;
}
