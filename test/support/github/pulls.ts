/** Pull requests follow their branches: what git says of each is looked up here, before anybody is told. */
import { git, headsOf, isAncestor, tryGit } from './git.ts';
import { fullName, isPull, type Account, type Issue, type Pull, type Repo, type World } from './state.ts';

export type PullIssue = Issue & { pull: Pull };

/** Brings all pull requests into this repository to what the branches are now. */
export async function followBranches(world: World, repo: Repo): Promise<void> {
  const open = repo.issues.filter(isPull).filter(({ state }) => state === 'open');
  if (open.length === 0) return;
  const heads = new Map<Repo, Map<string, string>>();
  for (const one of new Set([repo, ...open.map(({ pull }) => pull.headRepo)])) {
    if (one && world.repos.includes(one)) heads.set(one, await headsOf(one));
  }
  for (const issue of open) await followOne(world, repo, issue, heads);
}

async function followOne(
  world: World,
  repo: Repo,
  issue: PullIssue,
  heads: ReadonlyMap<Repo, Map<string, string>>,
): Promise<void> {
  const { pull } = issue;
  const base = heads.get(repo)?.get(pull.baseBranch);
  const head = pull.headRepo ? heads.get(pull.headRepo)?.get(pull.headBranch) : pull.headSha;
  if (pull.headRepo && !heads.has(pull.headRepo)) pull.headRepo = null;
  if (base === undefined || head === undefined) {
    close(world, issue);
    return;
  }
  const moved = head !== pull.headSha;
  if (moved) {
    pull.headSha = head;
    pull.baseSha = base;
    issue.updatedAt = world.now();
    await publishHead(repo, issue);
  }
  if (!moved && base === pull.baseNow) return;
  pull.baseNow = base;
  // Pushed to the base by hand: GitHub calls that merged.
  if (await isAncestor(repo, head, base)) {
    pull.merged = { at: world.now(), by: issue.author, commit: base };
    close(world, issue);
  }
}

export function close(world: World, issue: Issue): void {
  issue.state = 'closed';
  issue.closedAt = world.now();
  issue.updatedAt = world.now();
}

/** `refs/pull/<n>/head`, with the objects of a fork where it comes from one. */
export async function publishHead(repo: Repo, { number, pull }: PullIssue): Promise<void> {
  if (pull.headRepo && pull.headRepo !== repo) {
    await git(repo.dir, ['fetch', '--quiet', '--no-tags', pull.headRepo.dir, pull.headSha]);
  }
  await git(repo.dir, ['update-ref', `refs/pull/${number}/head`, pull.headSha]);
}

export interface NewPull {
  title: string;
  body: string | null;
  author: Account;
  draft: boolean;
  head: { repo: Repo; branch: string; sha: string };
  base: { branch: string; sha: string };
}

/** What was asked for is right already. */
export async function openPull(world: World, repo: Repo, asked: NewPull): Promise<PullIssue> {
  const { title, body, author, draft, head, base } = asked;
  const now = world.now();
  const issue: PullIssue = {
    id: world.nextId(),
    number: repo.issues.length + 1,
    ...{ title, body, author, state: 'open', labels: [], comments: [] },
    ...{ createdAt: now, updatedAt: now, closedAt: null },
    pull: {
      id: world.nextId(),
      draft,
      headRepo: head.repo,
      headOwner: head.repo.owner,
      headBranch: head.branch,
      headSha: head.sha,
      baseBranch: base.branch,
      baseSha: base.sha,
      baseNow: base.sha,
      merged: null,
      mergeableFor: null,
      mergeable: true,
      reviews: [],
      lineComments: [],
    },
  };
  repo.issues.push(issue);
  await publishHead(repo, issue);
  return issue;
}

export interface Size {
  commits: number;
  additions: number;
  deletions: number;
  changedFiles: number;
}

/** What a pull request adds to its base, since the two parted. */
export async function sizeOf(repo: Repo, pull: Pull): Promise<Size> {
  const base = pull.merged ? pull.baseSha : pull.baseNow;
  const [count, stat] = await Promise.all([
    git(repo.dir, ['rev-list', '--count', `${base}..${pull.headSha}`]),
    git(repo.dir, ['diff', '--shortstat', `${base}...${pull.headSha}`]),
  ]);
  const number = (pattern: RegExp) => Number(pattern.exec(stat)?.[1] ?? 0);
  return {
    commits: Number(count),
    additions: number(/(\d+) insertion/),
    deletions: number(/(\d+) deletion/),
    changedFiles: number(/(\d+) files? changed/),
  };
}

export async function diffOf(repo: Repo, pull: Pull): Promise<Buffer> {
  const base = pull.merged ? pull.baseSha : pull.baseNow;
  const range = `${base}...${pull.headSha}`;
  const run = await tryGit(repo.dir, ['diff', '--no-color', '--no-ext-diff', '--find-renames', range]);
  if (run.code !== 0) throw new Error(`git diff ended with ${run.code}: ${run.stderr}`);
  return run.stdout;
}

/** GitHub looks into it after the first answer, so that one says null. */
export async function lookIfMergeable(repo: Repo, pull: Pull): Promise<boolean | null> {
  const key = `${pull.headSha} ${pull.baseNow}`;
  if (pull.mergeableFor === key) return pull.mergeable;
  const first = pull.mergeableFor === null;
  pull.mergeableFor = key;
  pull.mergeable =
    (await tryGit(repo.dir, ['merge-tree', '--write-tree', pull.baseNow, pull.headSha])).code === 0;
  return first ? null : pull.mergeable;
}

/** A real merge commit on the base branch. */
export async function merge(world: World, repo: Repo, issue: PullIssue, by: Account): Promise<string> {
  await followBranches(world, repo);
  const { pull } = issue;
  if (issue.state !== 'open') throw new Error(`${fullName(repo)}#${issue.number} is not open.`);
  const merged = await tryGit(repo.dir, ['merge-tree', '--write-tree', pull.baseNow, pull.headSha]);
  if (merged.code !== 0) throw new Error(`${fullName(repo)}#${issue.number} has conflicts.`);
  const tree = merged.stdout.toString('utf8').split('\n')[0]!;
  const message = `Merge pull request #${issue.number} from ${pull.headOwner.login}/${pull.headBranch}\n`;
  const parents = ['-p', pull.baseNow, '-p', pull.headSha];
  const commit = await git(repo.dir, ['commit-tree', tree, ...parents], { input: message });
  await git(repo.dir, ['update-ref', `refs/heads/${pull.baseBranch}`, commit]);
  pull.baseSha = pull.baseNow;
  pull.baseNow = commit;
  pull.merged = { at: world.now(), by, commit };
  close(world, issue);
  return commit;
}
