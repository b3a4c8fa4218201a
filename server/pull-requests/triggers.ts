/**
 * Comments `@codex …` that start tasks: off until a person turns it on for a repository, and then only for
 * people who may write there, asked of the forge each time. What others wrote around the comment goes along as
 * what it is; a pull request from a fork makes the whole task an untrusted one.
 */
import { CodexError, toWireError, type ErrorCode } from '../../protocol/errors.ts';
import type { ForgeKind, ForgeRepoView, TriggerView } from '../../protocol/forge.ts';
import { FEEDBACK_PROMPT_BYTES, LIMITS } from '../../protocol/limits.ts';
import type { ParamsOf, RepoAtCommit } from '../../protocol/rpc.ts';
import type { ForgeRepo, PullRequest, RepoAbout } from '../forge/forge.ts';
import { remoteOf } from '../forge/remote.ts';
import type { Trigger } from '../tasks/trigger.ts';
import { notBegunText, requestIdOf, type Command } from './command.ts';
import { headRef, type PullDeps } from './types.ts';
import { cutBytes, untrustedBlock } from './untrusted.ts';

/** As many as a list for a person may have. */
const KNOWN_REPOS = 200;

export async function listTriggers({ store }: Pick<PullDeps, 'store'>): Promise<TriggerView[]> {
  const rows = await store.read((db) =>
    db.selectFrom('forge_triggers').selectAll().orderBy('host').orderBy('repo').execute(),
  );
  return rows.map(({ host, repo, environment, enabled_by, enabled_at }) => ({
    host,
    repo,
    ...(environment === null ? {} : { environment }),
    enabledBy: enabled_by,
    enabledAt: enabled_at,
  }));
}

/** Those that the backend has, the newest first, of forges that are connected. */
export async function knownRepos({ store, forges }: PullDeps): Promise<ForgeRepoView[]> {
  const rows = await store.read((db) =>
    db
      .selectFrom('repos')
      .select(['remote'])
      .where('remote', 'is not', null)
      .orderBy('created_at', 'desc')
      .execute(),
  );
  const remotes = [...new Set(rows.map(({ remote }) => remote ?? ''))].slice(0, KNOWN_REPOS);
  const found = new Map<string, ForgeRepoView>();
  for (const remote of remotes) {
    const repo = await forges.ofRemote(remote);
    if (repo === null) continue;
    const key = `${repo.forge.host}/${repo.name.toLowerCase()}`;
    if (!found.has(key)) found.set(key, { host: repo.forge.host, repo: repo.name });
  }
  return [...found.values()];
}

/**
 * Throws `CodexError` forgeUnknown, forgeRepoUnknown, environmentUnknown, forgeWebhookUnknown and
 * forgeWebhookUnsigned (no comment would be heard).
 */
export async function setTrigger(
  deps: PullDeps,
  { host, repo, on, environment }: ParamsOf<'forge.setTrigger'>,
  who: string,
): Promise<TriggerView[]> {
  if (!on) {
    await deps.store.write((tx) =>
      tx
        .deleteFrom('forge_triggers')
        .where('host', '=', host)
        .where((eb) => eb(eb.fn('lower', ['repo']), '=', repo.toLowerCase()))
        .execute(),
    );
    return listTriggers(deps);
  }
  if (environment !== undefined) await deps.environments.get(environment);
  const forge = await deps.forges.get(host);
  if (forge.kind === 'gitlab') throw new CodexError('forgeWebhookUnknown', { host });
  const { name } = await forge.repo(repo).about();
  if ((await deps.webhookSecret(host)) === null) throw new CodexError('forgeWebhookUnsigned', { host });
  const row = {
    host,
    repo: name,
    environment: environment ?? null,
    enabled_by: who,
    enabled_at: Date.now(),
  };
  await deps.store.write((tx) =>
    tx
      .insertInto('forge_triggers')
      .values(row)
      .onConflict((conflict) => conflict.columns(['host', 'repo']).doUpdateSet(row))
      .execute(),
  );
  return listTriggers(deps);
}

/** A comment that asks for something, as the forge told it. */
export interface Wish {
  host: string;
  repo: string;
  number: number;
  isPull: boolean;
  /** With its kind: two kinds of comments are counted apart. */
  commentId: string;
  author: string;
  command: Command;
  /** Of a comment on a line. */
  at?: { path: string; line?: number | undefined; diff?: string | undefined };
}

/** Returns the task's id; null: nobody turned it on, or its author may not. */
export async function startTask(deps: PullDeps, wish: Wish): Promise<string | null> {
  const enabled = await enabledFor(deps, wish);
  if (!enabled) return null;
  const repo = (await deps.forges.get(wish.host)).repo(enabled.repo);
  const permission = await repo.permissionOf(wish.author);
  if (permission !== 'write' && permission !== 'admin') return null;
  try {
    return await begin(deps, wish, enabled);
  } catch (error) {
    if (!mayPass(error) && !deps.signal.aborted) await sayNotBegun(deps, repo, wish, error);
    throw error;
  }
}

/** Whoever connects the forge again, or gives the app more, should find what was asked for meanwhile. */
const MENDED_BY_PERSONS: ReadonlySet<ErrorCode> = new Set([
  'forgeUnauthorized',
  'forgeForbidden',
  'forgeUnknown',
]);

/** Whether a wish that failed so may still be done later. */
export function mayPass(error: unknown): boolean {
  const { code, retryable } = toWireError(error);
  return retryable || MENDED_BY_PERSONS.has(code);
}

/** Who asked would wait for ever. */
async function sayNotBegun({ log }: PullDeps, repo: ForgeRepo, wish: Wish, error: unknown): Promise<void> {
  const text = notBegunText(requestIdOf({ ...wish, repo: repo.name }), toWireError(error).code);
  await repo.comment(wish.number, text).catch((thrown: unknown) => {
    log.warn('that a comment started nothing could not be said', { host: wish.host, error: thrown });
  });
}

async function begin(deps: PullDeps, wish: Wish, enabled: TriggerView): Promise<string> {
  const forge = await deps.forges.get(wish.host);
  const about = await forge.repo(enabled.repo).about();
  // Git follows no other name than the one that it has now.
  const repo = forge.repo(about.name);
  const pull = wish.isPull ? await repo.pull(wish.number) : null;
  const fork = pull !== null && pull.head.repo?.toLowerCase() !== about.name.toLowerCase();
  const trigger: Trigger = {
    host: wish.host,
    repo: about.name,
    number: wish.number,
    commentId: wish.commentId,
    author: wish.author,
    fork,
  };
  const who = `${wish.host}/${wish.author}`;
  const request: ParamsOf<'task.create'> = {
    requestId: requestIdOf({ ...wish, repo: enabled.repo }),
    prompt: await promptOf(repo, wish, deps.limits.promptBytes),
    mode: wish.command.review && wish.isPull ? 'review' : 'code',
    repo: await fetched(deps, { repo, about, pull, fork, who }),
    attempts: 1,
    ...(enabled.environment === undefined ? {} : { environment: enabled.environment }),
  };
  await deps.checkTask?.(request);
  return (await deps.tasks.create(request, who, { trigger })).id;
}

/** Of a repository that has another name since it was turned on the row gets that name. */
async function enabledFor(deps: PullDeps, { host, repo }: Wish): Promise<TriggerView | null> {
  const isSame = (name: string) => name.toLowerCase() === repo.toLowerCase();
  const there = (await listTriggers(deps)).filter((one) => one.host === host);
  const found = there.find((one) => isSame(one.repo));
  if (found) return found;
  for (const one of there) {
    const name = await nameNow(deps, one);
    if (name === null || !isSame(name)) continue;
    await deps.store.write((tx) =>
      tx
        .updateTable('forge_triggers')
        .set({ repo: name })
        .where('host', '=', host)
        .where('repo', '=', one.repo)
        .execute(),
    );
    return { ...one, repo: name };
  }
  return null;
}

/** Null: it is gone, or not to be seen any more. */
async function nameNow({ forges }: PullDeps, { host, repo }: TriggerView): Promise<string | null> {
  try {
    return (await (await forges.get(host)).repo(repo).about()).name;
  } catch (error) {
    const isGone =
      error instanceof CodexError && (error.code === 'forgeRepoUnknown' || error.code === 'forgeForbidden');
    if (isGone) return null;
    throw error;
  }
}

/** The commit that it is about, in the backend's own repository. */
async function fetched(
  { repos, store, signal }: PullDeps,
  of: { repo: ForgeRepo; about: RepoAbout; pull: PullRequest | null; fork: boolean; who: string },
): Promise<RepoAtCommit> {
  const { repo, about, pull, fork, who } = of;
  const name = about.name.slice(about.name.lastIndexOf('/') + 1);
  const remote = await remoteOf(repo, 'read');
  const main = headRef(about.defaultBranch);
  const wanted = pull === null ? main : pullRef(repo.forge.kind, pull.number);
  const repoId = await repos.resolve({
    name,
    remote: repo.gitUrl,
    folder: '',
    ...(pull === null ? {} : { sha: pull.head.sha }),
  });
  await store.write((tx) =>
    tx
      .insertInto('repos')
      .values({ id: repoId, name, remote: repo.gitUrl, created_by: who, created_at: Date.now() })
      .onConflict((on) => on.doNothing())
      .execute(),
  );
  const [sha, defaultSha] = await repos.fetchFrom(repoId, remote, [wanted, main], signal);
  if (sha === undefined || defaultSha === undefined)
    throw new CodexError('forgeGarbage', { host: remote.host });
  const branch = pull === null ? about.defaultBranch : pull.head.branch;
  return { repoId, name, sha, defaultSha, includesLocal: false, ...(fork ? {} : { branch }) };
}

function pullRef(kind: ForgeKind, number: number): string {
  switch (kind) {
    case 'github':
      return `refs/pull/${number}/head`;
    case 'gitlab':
      return `refs/merge-requests/${number}/head`;
  }
}

/** Of a thread, what can be read in a glance. */
const THREAD_COMMENTS = 20;

async function promptOf(
  repo: ForgeRepo,
  { number, isPull, command, at }: Wish,
  promptBytes: number,
): Promise<string> {
  const room = Math.min(FEEDBACK_PROMPT_BYTES, Math.floor(promptBytes / 4));
  // As long as it may be: what does not fit is cut below, with a mark.
  const issue = await repo.issue(number, LIMITS.forgeTextBytes.cap);
  const what = isPull ? `pull request #${number}` : `issue #${number}`;
  const asked =
    command.text !== ''
      ? cutBytes(command.text, Math.floor(promptBytes / 2))
      : command.review
        ? `Review the changes of ${what}.`
        : `Do what ${what} asks for.`;
  const quotes = [
    { label: `${what} by ${issue.author}: ${issue.title}`, text: issue.body },
    ...issue.comments
      .slice(-THREAD_COMMENTS)
      .map(({ author, body }) => ({ label: `Comment by ${author}`, text: body })),
    // The name of a file is a stranger's word, too.
    ...(at === undefined
      ? []
      : [
          {
            label: `What was commented on: ${at.path}${at.line === undefined ? '' : `, line ${at.line}`}`,
            text: at.diff ?? '',
          },
        ]),
  ];
  return [asked, `This was asked in a comment on ${what}.`, untrustedBlock(quotes, room)].join('\n\n');
}
