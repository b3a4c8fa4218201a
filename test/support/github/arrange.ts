/** What a test sets up and changes behind everybody's back: accounts, repositories, tokens, words, checks. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { commitFiles, git, makeBareRepository, type Change } from './git.ts';
import { followBranches, merge } from './pulls.ts';
import {
  issueNumbered,
  ownerAndName,
  pullNumbered,
  repoNamed,
  type Account,
  type CheckRun,
  type Comment,
  type Issue,
  type LineComment,
  type Permissions,
  type Protection,
  type Repo,
  type Review,
  type ReviewState,
  type Role,
  type Status,
  type Token,
  type World,
} from './state.ts';

/** What a token of a person usually has here; a test gives less where that is its subject. */
const USUAL: Permissions = {
  metadata: 'read',
  contents: 'write',
  pull_requests: 'write',
  issues: 'write',
  checks: 'read',
  statuses: 'read',
};

export interface NewRepo {
  private?: boolean;
  defaultBranch?: string;
  /** A repository on this machine, all of whose branches are taken. */
  from?: string;
  /** The first commit, where there is no `from`. */
  files?: Change;
  /** Who may do what, by login. */
  roles?: Record<string, Role>;
}

export interface NewToken {
  kind?: 'classic' | 'fineGrained';
  scopes?: string[];
  /** Names of repositories; absent: all that the account may see. */
  repos?: string[];
  permissions?: Permissions;
  expiresAt?: number;
  /** Of a test's own shape. */
  value?: string;
}

export function arrange(world: World) {
  const accountOf = (login: string) => world.accounts.get(login.toLowerCase()) ?? addAccount(login);

  function addAccount(
    login: string,
    more: { type?: Account['type']; name?: string | null; email?: string | null } = {},
  ): Account {
    const { type = 'User', name = login, email = null } = more;
    const account: Account = { id: world.nextId(), login, type, name, email };
    world.accounts.set(login.toLowerCase(), account);
    return account;
  }

  async function makeRepo(name: string, parent: Repo | null, options: NewRepo): Promise<Repo> {
    const [owner, rest] = ownerAndName(name);
    const id = world.nextId();
    const repo: Repo = {
      id,
      owner: accountOf(owner),
      name: rest,
      private: options.private ?? false,
      archived: false,
      defaultBranch: options.defaultBranch ?? 'main',
      createdAt: world.now(),
      dir: join(world.folder, `${id}.git`),
      parent,
      roles: new Map(),
      protection: new Map(),
      draftsSupported: true,
      issues: [],
      checkRuns: [],
      statuses: [],
    };
    for (const [login, role] of Object.entries(options.roles ?? {})) setRole(repo, login, role);
    await makeBareRepository(repo.dir, repo.defaultBranch);
    if (options.from !== undefined) {
      await git(repo.dir, ['fetch', '--quiet', '--no-tags', options.from, '+refs/heads/*:refs/heads/*']);
    } else if (parent === null) {
      await commitFiles(repo, repo.defaultBranch, options.files ?? { 'README.md': '# A project\n' });
    }
    world.repos.push(repo);
    return repo;
  }

  function setRole(repo: Repo, login: string, role: Role): void {
    accountOf(login);
    repo.roles.set(login.toLowerCase(), role);
  }

  function comment(login: string, body: string): Comment {
    const now = world.now();
    return { id: world.nextId(), author: accountOf(login), body, createdAt: now, updatedAt: now };
  }

  return {
    /** An account that is not named before it is used comes by itself. */
    addAccount,
    account: accountOf,
    repo: (name: string) => repoNamed(world, name),

    addRepo: (name: string, options: NewRepo = {}) => makeRepo(name, null, options),

    fork: (of: string, owner: string) => {
      const parent = repoNamed(world, of);
      const { private: isPrivate, defaultBranch } = parent;
      return makeRepo(`${owner}/${parent.name}`, parent, {
        private: isPrivate,
        defaultBranch,
        from: parent.dir,
      });
    },

    removeRepo(name: string): void {
      world.repos.splice(world.repos.indexOf(repoNamed(world, name)), 1);
    },

    /** Also of its owner: `old/name` → `new/name`. The old name leads to the new one. */
    rename(from: string, to: string): void {
      const repo = repoNamed(world, from);
      const [owner, name] = ownerAndName(to);
      world.renamed.set(from.toLowerCase(), repo);
      world.renamed.delete(to.toLowerCase());
      repo.owner = accountOf(owner);
      repo.name = name;
    },

    archive(name: string, archived = true): void {
      repoNamed(world, name).archived = archived;
    },

    allow: (name: string, login: string, role: Role) => setRole(repoNamed(world, name), login, role),

    /** `branch`: `*` for all; null: no longer. */
    protect(name: string, branch: string, rule: Partial<Protection> | null = {}): void {
      const { protection } = repoNamed(world, name);
      const because = 'Changes must be made through a pull request.';
      if (rule === null) protection.delete(branch);
      else protection.set(branch, { how: 'protected', because, ...rule });
    },

    /** The token of a person; a classic one with all of `repo`, unless said. */
    addToken(login: string, options: NewToken = {}): Token {
      const kind = options.kind ?? 'classic';
      const secret = randomBytes(30).toString('hex');
      const token: Token = {
        value: options.value ?? (kind === 'classic' ? `ghp_${secret.slice(0, 36)}` : `github_pat_${secret}`),
        kind,
        account: accountOf(login),
        scopes: kind === 'classic' ? (options.scopes ?? ['repo']) : [],
        repos: options.repos ? new Set(options.repos.map((name) => repoNamed(world, name))) : null,
        permissions: options.permissions ?? USUAL,
        installation: null,
        expiresAt: options.expiresAt ?? null,
        used: 0,
      };
      world.tokens.set(token.value, token);
      return token;
    },

    /** At once, also for a push that is under way and asks again. Without a value: every token. */
    expireTokens(value?: string): void {
      for (const token of world.tokens.values()) {
        if (value === undefined || token.value === value) token.expiresAt = 0;
      }
    },

    /** Somebody else's commit on a branch; a new branch starts at the default one. */
    commit: (name: string, branch: string, files: Change, options?: Parameters<typeof commitFiles>[3]) =>
      commitFiles(repoNamed(world, name), branch, files, options),

    moveBranch: (name: string, branch: string, to: string) =>
      git(repoNamed(world, name).dir, ['update-ref', `refs/heads/${branch}`, to]),

    deleteBranch: (name: string, branch: string) =>
      git(repoNamed(world, name).dir, ['update-ref', '-d', `refs/heads/${branch}`]),

    addIssue(
      name: string,
      issue: { title: string; body?: string | null; by: string; labels?: string[] },
    ): Issue {
      const repo = repoNamed(world, name);
      const now = world.now();
      const made: Issue = {
        id: world.nextId(),
        number: repo.issues.length + 1,
        title: issue.title,
        body: issue.body ?? null,
        author: accountOf(issue.by),
        state: 'open',
        labels: (issue.labels ?? []).map((label) => ({ id: world.nextId(), name: label })),
        comments: [],
        createdAt: now,
        updatedAt: now,
        closedAt: null,
        pull: null,
      };
      repo.issues.push(made);
      return made;
    },

    comment(name: string, number: number, login: string, body: string): Comment {
      const made = comment(login, body);
      issueNumbered(repoNamed(world, name), number).comments.push(made);
      return made;
    },

    review(name: string, number: number, login: string, state: ReviewState, body = ''): Review {
      const { pull } = pullNumbered(repoNamed(world, name), number);
      const commit = pull.headSha;
      const review = {
        id: world.nextId(),
        author: accountOf(login),
        body,
        state,
        commit,
        submittedAt: world.now(),
      };
      pull.reviews.push(review);
      return review;
    },

    commentOnLine(
      name: string,
      number: number,
      login: string,
      said: {
        body: string;
        path: string;
        line?: number | null;
        startLine?: number;
        /** The line of what has none any more. */
        wasLine?: number;
        inReplyTo?: number;
        review?: number;
      },
    ): LineComment {
      const { pull } = pullNumbered(repoNamed(world, name), number);
      const made: LineComment = {
        ...comment(login, said.body),
        path: said.path,
        line: said.line ?? null,
        startLine: said.startLine ?? null,
        originalLine: said.line ?? said.wasLine ?? null,
        side: 'RIGHT',
        commit: pull.headSha,
        review: said.review ?? null,
        inReplyTo: said.inReplyTo ?? null,
        diffHunk: '@@ -1 +1 @@',
      };
      pull.lineComments.push(made);
      return made;
    },

    addCheckRun(
      name: string,
      sha: string,
      run: Partial<Omit<CheckRun, 'id' | 'sha'>> & { name: string },
    ): CheckRun {
      const status = run.status ?? 'completed';
      const done = status === 'completed';
      const made: CheckRun = {
        id: world.nextId(),
        sha,
        status,
        conclusion: done ? 'success' : null,
        title: null,
        summary: null,
        text: null,
        detailsUrl: `${world.url}/${name}/actions/runs/1`,
        startedAt: world.now(),
        completedAt: done ? world.now() : null,
        ...run,
      };
      repoNamed(world, name).checkRuns.push(made);
      return made;
    },

    addStatus(
      name: string,
      sha: string,
      state: Status['state'],
      context = 'ci',
      description: string | null = null,
    ): void {
      const status = {
        id: world.nextId(),
        sha,
        context,
        state,
        description,
        targetUrl: null,
        at: world.now(),
      };
      repoNamed(world, name).statuses.push(status);
    },

    /** A merge commit on its base, as the button makes it. Answers with that commit. */
    merge(name: string, number: number, by?: string): Promise<string> {
      const repo = repoNamed(world, name);
      return merge(world, repo, pullNumbered(repo, number), accountOf(by ?? repo.owner.login));
    },

    /** The pull request as it stands, looked up anew. */
    async pull(name: string, number: number) {
      const repo = repoNamed(world, name);
      await followBranches(world, repo);
      return pullNumbered(repo, number);
    },

    pulls: (name: string) => repoNamed(world, name).issues.filter(({ pull }) => pull !== null),
  };
}

export type Arrangement = ReturnType<typeof arrange>;
