/** One project at GitLab. Its merge requests and issues are numbered each by themselves. */
import { CodexError } from '../../../protocol/errors.ts';
import { byTime, newestThatFit, sizeOf } from '../comments.ts';
import type {
  Check,
  Comment,
  Forge,
  ForgeRepo,
  GitCredential,
  Issue,
  NewPull,
  PullRequest,
  RepoAbout,
  Verdict,
} from '../forge.ts';
import type { Auth, Call, ForgeApi } from '../http/api.ts';
import * as answers from './schemas.ts';

export interface RepoParts {
  forge: Pick<Forge, 'host' | 'kind' | 'loopback'>;
  name: string;
  webUrl: string;
  api: ForgeApi;
  auth: Auth;
  token: string;
}

type Noted = 'issues' | 'merge_requests';

export class GitLabRepo implements ForgeRepo {
  readonly forge: Pick<Forge, 'host' | 'kind' | 'loopback'>;
  readonly name: string;
  readonly gitUrl: string;
  readonly #parts: RepoParts;

  constructor(parts: RepoParts) {
    this.forge = parts.forge;
    this.name = parts.name;
    this.gitUrl = `${parts.webUrl}/${parts.name}.git`;
    this.#parts = parts;
  }

  async about(): Promise<RepoAbout> {
    const found = await this.#project();
    return {
      name: found.path_with_namespace,
      defaultBranch: found.default_branch ?? 'main',
      private: found.visibility !== 'public',
      archived: found.archived,
      mayPush: (found.permissions ?? 0) >= answers.LEVELS.developer,
      cloneUrl: `${this.#parts.webUrl}/${found.path_with_namespace}.git`,
    };
  }

  /** GitLab takes a token of any kind with this name. */
  async credential(): Promise<GitCredential> {
    return { username: 'oauth2', password: this.#parts.token };
  }

  async findPull(head: string, base?: string): Promise<PullRequest | null> {
    const query = new URLSearchParams({
      source_branch: head,
      state: 'all',
      order_by: 'created_at',
      sort: 'desc',
      ...(base === undefined ? {} : { target_branch: base }),
    });
    const call = this.#read(`/merge_requests?${query.toString()}`);
    const own = (await this.#parts.api.list(answers.MergeRequestsAnswer, call))
      .filter((one) => one.source_branch === head && one.source_project_id === one.target_project_id)
      .toSorted((one, other) => other.iid - one.iid);
    const found = own.find(({ state }) => answers.stateOf(state) === 'open') ?? own[0];
    return found ? this.pull(found.iid) : null;
  }

  async createPull({ title, body, head, base, draft }: NewPull): Promise<PullRequest> {
    const made = await this.#parts.api.json(
      answers.MergeRequestAnswer,
      this.#write('POST', '/merge_requests', {
        source_branch: head,
        target_branch: base,
        title: draft ? answers.withDraft(title) : title,
        description: answers.withoutActions(body),
      }),
    );
    return this.#pullOf(made);
  }

  async changePull(
    number: number,
    { title, body, base, state }: Parameters<ForgeRepo['changePull']>[1],
  ): Promise<PullRequest> {
    const isDraft = title !== undefined && (await this.pull(number)).draft;
    const changed = await this.#parts.api.json(
      answers.MergeRequestAnswer,
      this.#write(
        'PUT',
        `/merge_requests/${number}`,
        {
          ...(title === undefined ? {} : { title: isDraft ? answers.withDraft(title) : title }),
          ...(body === undefined ? {} : { description: answers.withoutActions(body) }),
          ...(base === undefined ? {} : { target_branch: base }),
          ...(state === undefined ? {} : { state_event: state === 'closed' ? 'close' : 'reopen' }),
        },
        `!${number}`,
      ),
    );
    return this.#pullOf(changed);
  }

  async pull(number: number): Promise<PullRequest> {
    const call = this.#read(`/merge_requests/${number}`, `!${number}`);
    return this.#pullOf(await this.#parts.api.json(answers.MergeRequestAnswer, call));
  }

  pullDiff(number: number, maxBytes: number): Promise<Buffer> {
    const call = this.#read(`/merge_requests/${number}/raw_diffs`, `!${number}`);
    return this.#parts.api.diff(call, maxBytes, `${this.#page('merge_requests', number)}.diff`);
  }

  async issue(number: number, maxBytes: number): Promise<Issue> {
    const call = this.#read(`/issues/${number}`, `#${number}`);
    const found = await this.#parts.api.json(answers.IssueAnswer, call);
    const left = maxBytes - sizeOf(found.title) - sizeOf(found.description);
    if (left < 0) throw new CodexError('forgeLinkTooLarge', { url: found.web_url, maxBytes });
    const all = await this.#notes('issues', number);
    const comments = newestThatFit(all, left);
    const leftOut = all.length - comments.length;
    return {
      number: found.iid,
      title: found.title,
      body: found.description,
      author: found.author,
      state: found.state === 'opened' ? 'open' : 'closed',
      labels: found.labels,
      comments,
      ...(leftOut > 0 ? { commentsLeftOut: leftOut } : {}),
      isPullRequest: false,
    };
  }

  checks(sha: string): Promise<Check[]> {
    const call = this.#read(`/repository/commits/${encodeURIComponent(sha)}/statuses`);
    return this.#parts.api.list(answers.StatusesAnswer, call);
  }

  comments(number: number): Promise<Comment[]> {
    return this.#notes('merge_requests', number);
  }

  commentsBelow(number: number): Promise<Comment[]> {
    return this.#notes('merge_requests', number);
  }

  async verdict(number: number): Promise<Verdict | null> {
    const { api } = this.#parts;
    const at = `/merge_requests/${number}`;
    const [approvals, reviewers] = await Promise.all([
      api.json(answers.ApprovalsAnswer, this.#read(`${at}/approvals`, `!${number}`)),
      api.list(answers.ReviewersAnswer, this.#read(`${at}/reviewers`, `!${number}`)),
    ]);
    return answers.verdictOf(approvals, reviewers);
  }

  async permissionOf(login: string): Promise<'none' | 'read' | 'write' | 'admin'> {
    const { api, auth } = this.#parts;
    const path = `users?username=${encodeURIComponent(login)}`;
    const users = await api.json(answers.UsersAnswer, { path, auth, why: WHY });
    const user = users.find(({ username }) => username.toLowerCase() === login.toLowerCase());
    if (!user) return 'none';
    const level = await this.#levelOf(user.id);
    if (level >= answers.LEVELS.maintainer) return 'admin';
    if (level >= answers.LEVELS.developer) return 'write';
    if (level >= answers.LEVELS.reporter) return 'read';
    // Guests see code only where everybody does.
    return (await this.#project()).visibility === 'private' ? 'none' : 'read';
  }

  async comment(number: number, body: string): Promise<{ id: string; url: string }> {
    const { id } = await this.#parts.api.json(
      answers.NewNoteAnswer,
      this.#write(
        'POST',
        `/merge_requests/${number}/notes`,
        { body: answers.withoutActions(body) },
        `!${number}`,
      ),
    );
    return { id: noteId(number, id), url: this.#page('merge_requests', number, id) };
  }

  async changeComment(id: string, body: string): Promise<void> {
    const [, number = '', note = ''] = NOTE_ID.exec(id) ?? [];
    const path = `/merge_requests/${number}/notes/${note}`;
    const call = this.#write('PUT', path, { body: answers.withoutActions(body) }, `!${number}`);
    await this.#parts.api.json(answers.NewNoteAnswer, call);
  }

  #project() {
    return this.#parts.api.json(answers.ProjectAnswer, this.#read(''));
  }

  /** Also of what comes from groups above. */
  async #levelOf(user: number): Promise<number> {
    try {
      const call = this.#read(`/members/all/${user}`);
      const { access_level, state } = await this.#parts.api.json(answers.MemberAnswer, call);
      return state === 'active' ? access_level : 0;
    } catch (error) {
      if (isUnknown(error)) return 0;
      throw error;
    }
  }

  async #pullOf(found: answers.MergeRequestAnswer): Promise<PullRequest> {
    const isOwn = found.source_project_id === found.target_project_id;
    const name = found.references.full.replace(/!\d+$/, '');
    const [repo, baseSha] = await Promise.all([
      isOwn ? name : this.#nameOf(found.source_project_id),
      found.diff_refs?.start_sha ?? this.#tipOf(found.target_branch),
    ]);
    return {
      number: found.iid,
      url: found.web_url,
      title: found.draft ? answers.withoutDraft(found.title) : found.title,
      body: found.description,
      state: answers.stateOf(found.state),
      draft: found.draft,
      head: { branch: found.source_branch, sha: found.sha, repo },
      base: { branch: found.target_branch, sha: baseSha },
      author: found.author,
    };
  }

  /** Null: the fork is gone, or the token may not see it. */
  async #nameOf(project: number | null | undefined): Promise<string | null> {
    if (project == null) return null;
    const { api, auth } = this.#parts;
    try {
      const call = { path: `projects/${project}`, auth, why: WHY, about: this.name };
      return (await api.json(answers.ProjectNameAnswer, call)).path_with_namespace;
    } catch (error) {
      if (isUnknown(error)) return null;
      throw error;
    }
  }

  async #tipOf(branch: string): Promise<string> {
    const call = this.#read(`/repository/branches/${encodeURIComponent(branch)}`);
    return (await this.#parts.api.json(answers.BranchAnswer, call)).commit.id;
  }

  /** Those of people, oldest first. */
  async #notes(of: Noted, number: number): Promise<Comment[]> {
    const about = of === 'issues' ? `#${number}` : `!${number}`;
    // Of very many the newest are read.
    const call = this.#read(`/${of}/${number}/notes?sort=desc&order_by=created_at`, about);
    const notes = await this.#parts.api.list(answers.NoteAnswer.array(), call);
    return notes
      .toReversed()
      .filter(({ system, internal }) => !system && !internal)
      .map((note) => this.#commentOf(of, number, note))
      .toSorted(byTime);
  }

  #commentOf(of: Noted, number: number, note: answers.NoteAnswer): Comment {
    const { id, author, body, position, created_at } = note;
    const path = position?.new_path ?? position?.old_path;
    const line = position?.new_line ?? position?.old_line;
    return {
      id: noteId(number, id),
      author,
      body,
      ...(path ? { path } : {}),
      ...(line ? { line } : {}),
      url: this.#page(of, number, id),
      at: created_at,
    };
  }

  #page(of: Noted, number: number, note?: number): string {
    const page = `${this.#parts.webUrl}/${this.name}/-/${of}/${number}`;
    return note === undefined ? page : `${page}#note_${note}`;
  }

  #read(below: string, which = ''): Call {
    const { auth, name } = this.#parts;
    const path = `projects/${encodeURIComponent(name)}${below}`;
    return { path, auth, why: WHY, about: `${name}${which}` };
  }

  #write(method: 'POST' | 'PUT', below: string, body: object, which = ''): Call {
    return { ...this.#read(below, which), method, body };
  }
}

/** What a token is given at GitLab. */
export const WHY = 'scopeOrRole' as const;

/** A note is changed below what it belongs to. */
const noteId = (number: number, note: number) => `note-${number}-${note}`;
const NOTE_ID = /^note-(\d+)-(\d+)$/;

const isUnknown = (error: unknown) => error instanceof CodexError && error.code === 'forgeRepoUnknown';
