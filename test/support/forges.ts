/** Forges in memory: links of one host in a text, and what a test says that they lead to. */
import { CodexError } from '../../protocol/errors.ts';
import type { Comment, ForgeLink, ForgeRepo, Forges, Issue, PullRequest } from '../../server/forge/forge.ts';

export interface MemoryForges extends Pick<Forges, 'linksIn' | 'ofRemote'> {
  issues: Map<string, Issue>;
  pulls: Map<string, { pull: PullRequest; comments: Comment[]; diff?: Buffer }>;
  /** In the order of the requests. */
  asked: string[];
  /** Thrown by every request, while it is set. */
  fails: Error | null;
}

export const FORGE_HOST = 'github.test';
const LINK = /https:\/\/github\.test\/([\w.-]+\/[\w.-]+)\/(issues|pull)\/(\d+)(\.diff)?/g;

/** Keys are `owner/name#number`. */
export function memoryForges(token = 'ghs_MemoryForgesToken'): MemoryForges {
  const forges: MemoryForges = {
    issues: new Map(),
    pulls: new Map(),
    asked: [],
    fails: null,
    linksIn: async (text) =>
      [...text.matchAll(LINK)].map(([url, name = '', kind, number, diff]): ForgeLink => ({
        url,
        kind: diff ? 'diff' : kind === 'issues' ? 'issue' : 'pull',
        repo: repoOf(forges, name, token),
        number: Number(number),
      })),
    ofRemote: async (remote) => {
      const [, name] = /github\.test[/:]([\w.-]+\/[\w-]+)/.exec(remote) ?? [];
      return name === undefined ? null : repoOf(forges, name, token);
    },
  };
  return forges;
}

function repoOf(forges: MemoryForges, name: string, token: string): ForgeRepo {
  const found = <T>(what: string, map: Map<string, T>, number: number): T => {
    forges.asked.push(`${what} ${name}#${number}`);
    if (forges.fails) throw forges.fails;
    const one = map.get(`${name}#${number}`);
    if (one === undefined) throw new CodexError('forgeRepoUnknown', { host: FORGE_HOST, repo: name });
    return one;
  };
  const repo: Partial<ForgeRepo> = {
    forge: { host: FORGE_HOST, kind: 'github', loopback: false },
    name,
    gitUrl: `https://${FORGE_HOST}/${name}.git`,
    credential: async () => ({ username: 'x-access-token', password: token }),
    issue: async (number) => found('issue', forges.issues, number),
    pull: async (number) => found('pull', forges.pulls, number).pull,
    comments: async (number) => found('comments', forges.pulls, number).comments,
    pullDiff: async (number, maxBytes) => {
      const { diff = Buffer.from('diff --git a/a b/a\n') } = found('diff', forges.pulls, number);
      if (diff.length > maxBytes) throw new CodexError('forgeLinkTooLarge', { maxBytes });
      return diff;
    },
  };
  return repo as ForgeRepo;
}

export function anIssue(of: Partial<Issue> = {}): Issue {
  return {
    number: 7,
    title: 'The sum is wrong',
    body: 'With two items it says three.',
    author: 'alice',
    state: 'open',
    labels: ['bug'],
    comments: [],
    isPullRequest: false,
    ...of,
  };
}

export function aPull(of: Partial<PullRequest> = {}): PullRequest {
  return {
    number: 8,
    url: `https://${FORGE_HOST}/acme/shop/pull/8`,
    title: 'Mend the sum',
    body: 'It added one.',
    state: 'open',
    draft: false,
    head: { branch: 'mend', sha: 'b'.repeat(40), repo: 'acme/shop' },
    base: { branch: 'main', sha: 'a'.repeat(40) },
    author: 'bob',
    ...of,
  };
}

export function aComment(of: Partial<Comment> = {}): Comment {
  return {
    id: '1',
    author: 'carol',
    body: 'I see it too.',
    url: `https://${FORGE_HOST}/acme/shop/issues/7#1`,
    at: Date.UTC(2026, 0, 2, 3, 4),
    ...of,
  };
}
