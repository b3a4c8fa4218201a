/** In which repositories comments may start tasks, as rows and questions for a person. Pure: `t` translates. */
import { atForge, namedRepo } from '../../client/pull-request/forge-address.ts';
import { webhookProblem, webhookWords, type Translate } from '../../client/words/index.ts';
import { DEFAULT_ENVIRONMENT_NAME } from '../../protocol/environment.ts';
import type { ForgeRepoView, ForgeView, TriggerView } from '../../protocol/forge.ts';

export interface CommentRow {
  label: string;
  description: string;
  detail?: string;
  of: ForgeRepoView;
  isOn: boolean;
}

export interface KnownRepos {
  forges: readonly ForgeView[];
  triggers: readonly TriggerView[];
  /** Of the backend. */
  repos: readonly ForgeRepoView[];
  /** Of the folder that is open. */
  open: ForgeRepoView | null;
}

/** The open folder's first, then those where it is on; each once. */
export function commentRows({ forges, triggers, repos, open }: KnownRepos, t: Translate): CommentRow[] {
  const isConnected = ({ host }: ForgeRepoView) => forges.some((forge) => forge.host === host);
  const rows = new Map<string, CommentRow>();
  for (const of of [...(open ? [open] : []), ...triggers, ...repos]) {
    const trigger = triggers.find((one) => isSame(one, of));
    // What is on can be turned off, wherever it is.
    if (rows.has(keyOf(of)) || (!trigger && !isConnected(of))) continue;
    const forge = forges.find(({ host }) => host === of.host);
    rows.set(keyOf(of), trigger ? rowOfOn(trigger, forge, t) : rowOfOff(of, forge, t));
  }
  return [...rows.values()];
}

export const isSame = (one: ForgeRepoView, other: ForgeRepoView): boolean => keyOf(one) === keyOf(other);

function keyOf({ host, repo }: ForgeRepoView): string {
  return `${host}/${repo.toLowerCase()}`;
}

function rowOfOn(trigger: TriggerView, forge: ForgeView | undefined, t: Translate): CommentRow {
  const { host, repo, environment = DEFAULT_ENVIRONMENT_NAME } = trigger;
  const isHeard = forge !== undefined && webhookProblem(forge) === null;
  return {
    label: `$(${isHeard ? 'pass-filled' : 'warning'}) ${repo}`,
    description: t('on · environment {environment} · {host}', { environment, host }),
    ...(isHeard ? {} : { detail: t('No comment is heard there now. Enter turns it off.', {}) }),
    of: { host, repo },
    isOn: true,
  };
}

function rowOfOff({ host, repo }: ForgeRepoView, forge: ForgeView | undefined, t: Translate): CommentRow {
  const isPossible = forge !== undefined && webhookProblem(forge) === null;
  return {
    label: `$(circle-large-outline) ${repo}`,
    description: isPossible ? t('off · {host}', { host }) : t('off · {host} · no webhook', { host }),
    of: { host, repo },
    isOn: false,
  };
}

/** What a person is told before it holds. */
export function onQuestion(
  of: ForgeRepoView,
  forge: ForgeView,
  environment: string,
  t: Translate,
): { question: string; detail: string } {
  const { host, repo } = of;
  return {
    question: t('Let comments in {repo} start tasks?', { repo }),
    detail: [
      t(
        'A comment that begins with @codex, below an issue or a pull request, then starts a task; “@codex review” starts a review. Only for people who may write to {repo}: {host} is asked each time.',
        { repo, host },
      ),
      t(
        'Each task runs in the environment “{environment}” and costs what the backend’s model costs. Its answer is a comment in the same place, for everybody who can read there. Nothing is pushed.',
        { environment },
      ),
      forge.how === 'app'
        ? t('To answer below issues, the app needs the permission “Issues: Read and write”.', {})
        : t('To answer below issues, the token needs the permission “Issues: Read and write”.', {}),
      webhookWords(forge, t),
    ].join('\n\n'),
  };
}

/** What a person wrote: the address of any page there, `owner/name`, or `host/owner/name`. */
export function repositoryOf(written: string, forges: readonly ForgeView[]): ForgeRepoView | null {
  const text = written.trim();
  const found = /:\/\/|@/.test(text) ? atForge(text) : namedRepo(text, forges[0]?.host ?? '');
  const forge = forges.find(({ host }) => host === found?.host);
  if (!found || forge?.kind === 'gitlab') return found;
  // What follows is a page of the repository.
  return { host: found.host, repo: found.repo.split('/').slice(0, 2).join('/') };
}
