/** One repository at GitHub: each method is a call or a few, with the least that it must be allowed. */
import { CodexError } from '../../../protocol/errors.ts';
import { FORGE_PAGES_MOST } from '../../../protocol/limits.ts';
import type {
  Check,
  Comment,
  Forge,
  ForgeRepo,
  GitCredential,
  Issue,
  NewPull,
  PullRequest,
  Purpose,
  RepoAbout,
  Verdict,
} from '../forge.ts';
import { byTime, newestThatFit, sizeOf } from '../comments.ts';
import { PAGE_ENTRIES, type Call } from '../http/api.ts';
import type { GitHubApi } from './api.ts';
import type { Credentials } from './credentials.ts';
import * as answers from './schemas.ts';

export interface RepoParts {
  forge: Pick<Forge, 'host' | 'kind' | 'loopback'>;
  name: string;
  webUrl: string;
  api: GitHubApi;
  credentials: Credentials;
}

export class GitHubRepo implements ForgeRepo {
  readonly forge: Pick<Forge, 'host' | 'kind' | 'loopback'>;
  readonly name: string;
  readonly gitUrl: string;
  readonly #parts: RepoParts;
  readonly #path: string;
  /** Comments and the verdict are both read off them: who asks for both at once gets one answer. */
  readonly #reviewsAsked = new Map<number, Promise<answers.ReviewAnswer[]>>();

  constructor(parts: RepoParts) {
    this.forge = parts.forge;
    this.name = parts.name;
    this.gitUrl = `${parts.webUrl}/${parts.name}.git`;
    this.#parts = parts;
    this.#path = `repos/${parts.name.split('/').map(encodeURIComponent).join('/')}`;
  }

  async about(): Promise<RepoAbout> {
    const { api, credentials, webUrl } = this.#parts;
    const found = await api.json(answers.RepoAnswer, this.#read('', 'metadata: read'));
    return {
      name: found.full_name,
      defaultBranch: found.default_branch,
      private: found.private,
      archived: found.archived,
      mayPush: await credentials.mayPush(this.name, found.permissions?.push),
      cloneUrl: `${webUrl}/${found.full_name}.git`,
    };
  }

  credential(purpose: Purpose, refused?: string): Promise<GitCredential> {
    return this.#parts.credentials.git(this.name, purpose, refused);
  }

  async findPull(head: string, base?: string): Promise<PullRequest | null> {
    const query = new URLSearchParams({
      head: `${this.name.split('/')[0] ?? ''}:${head}`,
      state: 'all',
      sort: 'created',
      direction: 'desc',
      ...(base === undefined ? {} : { base }),
    });
    const call = this.#read(`/pulls?${query.toString()}`, 'pull requests: read');
    const pulls = (await this.#parts.api.list(answers.OwnPullsAnswer, call))
      .filter((pull) => pull.head.branch === head)
      .toSorted((one, other) => other.number - one.number);
    return pulls.find(({ state }) => state === 'open') ?? pulls[0] ?? null;
  }

  createPull({ title, body, head, base, draft }: NewPull): Promise<PullRequest> {
    return this.#parts.api.json(
      answers.PullAnswer,
      this.#write('POST', '/pulls', { title, body, head, base, draft }),
    );
  }

  changePull(
    number: number,
    { title, body, base, state }: Parameters<ForgeRepo['changePull']>[1],
  ): Promise<PullRequest> {
    return this.#parts.api.json(
      answers.PullAnswer,
      this.#write('PATCH', `/pulls/${number}`, { title, body, base, state }, number),
    );
  }

  pull(number: number): Promise<PullRequest> {
    return this.#parts.api.json(
      answers.PullAnswer,
      this.#read(`/pulls/${number}`, 'pull requests: read', number),
    );
  }

  pullDiff(number: number, maxBytes: number): Promise<Buffer> {
    const call = this.#read(`/pulls/${number}`, 'pull requests: read', number);
    return this.#parts.api.diff(call, maxBytes, `${this.#parts.webUrl}/${this.name}/pull/${number}.diff`);
  }

  async issue(number: number, maxBytes: number): Promise<Issue> {
    const { api } = this.#parts;
    const need = 'issues: read';
    const found = await api.json(answers.IssueAnswer, this.#read(`/issues/${number}`, need, number));
    const left = maxBytes - sizeOf(found.title) - sizeOf(found.body);
    if (left < 0) throw new CodexError('forgeLinkTooLarge', { url: found.html_url, maxBytes });
    // The newest of very many: GitHub gives the oldest first.
    const unread = Math.max(0, Math.ceil(found.comments / PAGE_ENTRIES) - FORGE_PAGES_MOST);
    const from = unread === 0 ? '' : `?page=${unread + 1}`;
    const all = await api.list(
      answers.IssueCommentAnswer.array(),
      this.#read(`/issues/${number}/comments${from}`, need, number),
    );
    const comments = newestThatFit(all.toSorted(byTime), left);
    const leftOut = unread * PAGE_ENTRIES + all.length - comments.length;
    return {
      number: found.number,
      title: found.title,
      body: found.body,
      author: found.user,
      state: found.state,
      labels: found.labels,
      comments,
      ...(leftOut > 0 ? { commentsLeftOut: leftOut } : {}),
      isPullRequest: found.pull_request != null,
    };
  }

  async checks(sha: string): Promise<Check[]> {
    const { api } = this.#parts;
    const at = `/commits/${encodeURIComponent(sha)}`;
    const found = await Promise.all([
      api
        .list(answers.CheckRunsAnswer, this.#read(`${at}/check-runs`, 'checks: read'))
        .catch(noneIfForbidden),
      api.list(answers.StatusesAnswer, this.#read(`${at}/status`, 'statuses: read')).catch(noneIfForbidden),
    ]);
    return found.flat();
  }

  async comments(number: number): Promise<Comment[]> {
    const { api } = this.#parts;
    const need = 'pull requests: read';
    const [lines, reviews, below] = await Promise.all([
      api.list(answers.LineCommentAnswer.array(), this.#read(`/pulls/${number}/comments`, need, number)),
      this.#reviews(number),
      this.commentsBelow(number),
    ]);
    return [...lines, ...answers.reviewComments(reviews), ...below].toSorted(byTime);
  }

  async commentsBelow(number: number): Promise<Comment[]> {
    const call = this.#read(`/issues/${number}/comments`, 'pull requests: read', number);
    return (await this.#parts.api.list(answers.IssueCommentAnswer.array(), call)).toSorted(byTime);
  }

  async verdict(number: number): Promise<Verdict | null> {
    return answers.verdictOf(await this.#reviews(number));
  }

  async permissionOf(login: string): Promise<'none' | 'read' | 'write' | 'admin'> {
    const path = `/collaborators/${encodeURIComponent(login)}/permission`;
    try {
      const call = this.#read(path, 'metadata: read');
      const { permission } = await this.#parts.api.json(answers.PermissionAnswer, call);
      return PERMISSIONS.find((known) => known === permission) ?? 'none';
    } catch (error) {
      // Nobody of that name.
      if (error instanceof CodexError && error.code === 'forgeRepoUnknown') return 'none';
      throw error;
    }
  }

  async comment(number: number, body: string): Promise<{ id: string; url: string }> {
    const made = await this.#parts.api.json(
      answers.NewCommentAnswer,
      this.#write('POST', `/issues/${number}/comments`, { body }, number),
    );
    return { id: `comment-${made.id}`, url: made.html_url };
  }

  async changeComment(id: string, body: string): Promise<void> {
    const call = this.#write('PATCH', `/issues/comments/${id.replace(/^comment-/, '')}`, { body });
    await this.#parts.api.json(answers.NewCommentAnswer, call);
  }

  #reviews(number: number): Promise<answers.ReviewAnswer[]> {
    const there = this.#reviewsAsked.get(number);
    if (there) return there;
    const call = this.#read(`/pulls/${number}/reviews`, 'pull requests: read', number);
    const asked = this.#parts.api
      .list(answers.ReviewAnswer.array(), call)
      .finally(() => this.#reviewsAsked.delete(number));
    this.#reviewsAsked.set(number, asked);
    return asked;
  }

  #read(below: string, need: string, number?: number): Call {
    return { ...this.#call(below, number), need, auth: this.#parts.credentials.auth(this.name, 'read') };
  }

  #write(method: 'POST' | 'PATCH', below: string, body: object, number?: number): Call {
    return {
      ...this.#call(below, number),
      method,
      body,
      need: 'pull requests: write',
      auth: this.#parts.credentials.auth(this.name, 'write'),
    };
  }

  #call(below: string, number: number | undefined) {
    const about = number === undefined ? this.name : `${this.name}#${number}`;
    return { path: `${this.#path}${below}`, about };
  }
}

const PERMISSIONS = ['admin', 'write', 'read', 'none'] as const;

/** A token that may write code need not be let see checks; fine-grained ones never are. */
function noneIfForbidden(error: unknown): Check[] {
  if (error instanceof CodexError && error.code === 'forgeForbidden') return [];
  throw error;
}
