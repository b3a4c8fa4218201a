/**
 * A forge as the rest of the backend sees it: GitHub (or a server of one's own), and whatever else is shaped
 * like it. It reads, it makes and changes pull requests; git itself goes through `server/repos`.
 *
 * Everything throws `CodexError`s of the `forge…` family, with `host` and what else the sentence needs; no error
 * repeats a token. What comes back is a stranger's: checked by schema and capped in size.
 */
import type { ForgeKind } from '../../protocol/forge.ts';

/** For git over HTTPS; an app's is good for an hour. */
export interface GitCredential {
  username: string;
  password: string;
}

export interface RepoAbout {
  /** As the forge spells it now: a renamed repository answers with its new name. */
  name: string;
  defaultBranch: string;
  private: boolean;
  archived: boolean;
  /** Whether the credential may push. */
  mayPush: boolean;
  cloneUrl: string;
}

export interface PullRequest {
  number: number;
  url: string;
  title: string;
  body: string;
  state: 'open' | 'merged' | 'closed';
  draft: boolean;
  head: { branch: string; sha: string; /** Null: the fork is gone. */ repo: string | null };
  base: {
    branch: string;
    sha: string;
    /** As it is called now; absent where the forge does not say. */ repo?: string;
  };
  author: string;
}

export interface Check {
  id: string;
  name: string;
  outcome: 'passed' | 'failed' | 'running';
  summary?: string;
  url?: string;
}

export interface Comment {
  id: string;
  author: string;
  body: string;
  path?: string;
  /** The last one, where there are several. */
  line?: number;
  startLine?: number;
  /** The lines have been changed since. */
  outdated?: boolean;
  url: string;
  at: number;
}

/** The newest word of each reviewer that counts. */
export type Verdict = 'approved' | 'changesRequested';

export interface Issue {
  number: number;
  title: string;
  body: string;
  author: string;
  state: 'open' | 'closed';
  labels: string[];
  /** Oldest first; where not all fit, the newest. */
  comments: Comment[];
  /** How many older ones did not fit. */
  commentsLeftOut?: number;
  isPullRequest: boolean;
}

export interface NewPull {
  title: string;
  body: string;
  /** In the same repository. */
  head: string;
  base: string;
  draft: boolean;
}

/** `read`: contents and metadata. `write`: contents and pull requests. Never more than is needed. */
export type Purpose = 'read' | 'write';

export interface Forge {
  readonly host: string;
  readonly kind: ForgeKind;
  /** Whether it may be on this machine. */
  readonly loopback: boolean;
  /** Who the credential is; throws when it does not work. */
  whoAmI(): Promise<{
    account: string;
    /** As the author of what it writes. */ login: string;
    name?: string;
    email?: string;
  }>;
  /** `name`: `owner/name`. */
  repo(name: string): ForgeRepo;
}

export interface ForgeRepo {
  readonly forge: Pick<Forge, 'host' | 'kind' | 'loopback'>;
  readonly name: string;
  /** Where git goes; without a credential in it. */
  readonly gitUrl: string;
  about(): Promise<RepoAbout>;
  /** `refused`: a password that was just not accepted; an app's is made anew then. */
  credential(purpose: Purpose, refused?: string): Promise<GitCredential>;
  /** The newest one, open first, from this branch of the repository itself; null when there is none. */
  findPull(head: string, base?: string): Promise<PullRequest | null>;
  createPull(pull: NewPull): Promise<PullRequest>;
  changePull(
    number: number,
    change: { title?: string; body?: string; base?: string; state?: 'open' | 'closed' },
  ): Promise<PullRequest>;
  pull(number: number): Promise<PullRequest>;
  /** `git diff` text of a pull request; throws forgeLinkTooLarge beyond `maxBytes`. */
  pullDiff(number: number, maxBytes: number): Promise<Buffer>;
  issue(number: number, maxBytes: number): Promise<Issue>;
  checks(sha: string): Promise<Check[]>;
  /** Comments on lines, reviews that have a text, and comments below; oldest first. */
  comments(number: number): Promise<Comment[]>;
  /** Of those where `comment` puts its own, below an issue or pull request; oldest first. */
  commentsBelow(number: number): Promise<Comment[]>;
  verdict(number: number): Promise<Verdict | null>;
  /** What a person may do here, asked of the forge each time. */
  permissionOf(login: string): Promise<'none' | 'read' | 'write' | 'admin'>;
  comment(number: number, body: string): Promise<{ id: string; url: string }>;
  changeComment(id: string, body: string): Promise<void>;
}

/** The forges of this backend: the owner's configuration, then what was connected by a client. */
export interface Forges {
  /** The forge and repository that this remote's address leads to; null: to none that is connected. */
  ofRemote(remote: string): Promise<ForgeRepo | null>;
  /** Throws forgeUnknown. */
  get(host: string): Promise<Forge>;
  /** Everything secret that is held for forges now, for redaction. */
  secrets(): string[];
  /** Links in a text that lead to an issue, a pull request or its `.diff` at a forge that is connected. */
  linksIn(text: string): Promise<ForgeLink[]>;
}

export interface ForgeLink {
  /** As it stands in the text. */
  url: string;
  kind: 'issue' | 'pull' | 'diff';
  repo: ForgeRepo;
  number: number;
}
