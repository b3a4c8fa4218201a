/** The two ways to a pull request: by the backend, and with the person's own git and VS Code's GitHub session. */
import * as vscode from 'vscode';
import {
  apiUrlOf,
  createPullRequest,
  forgeRemote,
  headOf,
  ownPreview,
  patchBetween,
  pullRequestNow,
  pushedFrom,
  pushResult,
  pushUpdate,
  type AtForge,
  type ForgeRemote,
  type GitHubSession,
  type MadePullRequest,
} from '../../client/pull-request/index.ts';
import type { BackendConnection } from '../../client/connection/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import { kindOf } from '../../protocol/forge-address.ts';
import type { PullRequestView } from '../../protocol/pull-request.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import { resultOf, type Result } from '../apply/attempts.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { apiUrls } from '../platform/settings.ts';
import { untrusted } from '../platform/trust.ts';
import { gitHubToken, quietGitHubToken } from './session.ts';
import type { Way } from './desk.ts';

export function backendWay(backend: Backend, taskId: string): Way {
  const connection = async () => (await backend.ready()).connection;
  return {
    preview: async ({ attempt, localChanges }, signal) => {
      const asked = { taskId, ...(attempt ? { attempt } : {}), ...(localChanges ? { localChanges } : {}) };
      return (await (await connection()).call('pullRequest.preview', asked, signal)).preview;
    },
    create: async ({ preview, author, localChanges }, { confirmed, ...written }, signal) => {
      const params = {
        ...{ ...written, taskId, attempt: preview.attempt, localChanges },
        ...(confirmed === undefined ? {} : { confirmed }),
        ...(author ? { author } : {}),
      };
      return (await (await connection()).call('pullRequest.create', params, signal)).pullRequest;
    },
    update: async ({ author }, { confirmed }, signal) => {
      const params = {
        taskId,
        ...(confirmed === undefined ? {} : { confirmed }),
        ...(author ? { author } : {}),
      };
      return (await (await connection()).call('pullRequest.update', params, signal)).pullRequest;
    },
  };
}

export interface OwnWayOptions {
  backend: Backend;
  taskId: string;
  rootFor: (task: TaskView) => Promise<string>;
  log: Log;
  report: (thrown: unknown) => void;
  /** How it stands, learnt on the way. */
  seen: (view: PullRequestView) => void;
}

interface Found extends Result {
  task: TaskView;
  root: string;
  remote: ForgeRemote;
}

export function ownWay({ backend, taskId, rootFor, log, report, seen }: OwnWayOptions): Way {
  const connection = async () => (await backend.ready()).connection;
  const find = async (attempt: number | undefined): Promise<Found> => {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const { task } = await (await connection()).call('task.get', { taskId });
    const root = await rootFor(task);
    const open = task.pullRequest?.state === 'open' ? task.pullRequest : undefined;
    const remote = (open && (await forgeRemote(root, open))) ?? (await forgeRemote(root));
    if (!remote) throw new CodexError('forgeUnknown');
    return { ...(await resultOf(task, attempt)), task, root, remote };
  };
  /** From what the branch of an open pull request has, else from the task's base: the bytes that are pushed. */
  const patchOf = async (
    { task, root }: Pick<Found, 'task' | 'root'>,
    { turn, attempt }: { turn: number; attempt: number },
    existing: PullRequestView | undefined,
    signal: AbortSignal,
  ): Promise<Uint8Array> => {
    const to = await connection();
    const patch: BackendConnection['patch'] = (...asked) => to.patch(...asked);
    if (existing?.state !== 'open') return patch(taskId, turn, attempt, { signal });
    if (existing.attempt === attempt) return patch(taskId, turn, attempt, { from: existing.turn, signal });
    // The backend knows the steps of one attempt; this branch has another one's.
    const before = await patch(taskId, existing.turn, existing.attempt, { signal });
    return patchBetween(root, task, before, await patch(taskId, turn, attempt, { signal }));
  };
  const sessionAt = async ({ host, repo }: AtForge, signal: AbortSignal): Promise<GitHubSession> => ({
    ...{ host, repo, apiUrl: apiUrlOf(host, apiUrls()), signal },
    token: await gitHubToken(host, log),
  });
  /** It exists by now, whatever the backend says to that. */
  const record = async (view: PullRequestView): Promise<PullRequestView> => {
    try {
      return await recorded(await connection(), taskId, view);
    } catch (thrown) {
      report(thrown);
      return view;
    }
  };

  return {
    preview: async ({ attempt: wanted }, signal) => {
      const found = await find(wanted);
      const { root, remote, task, turn, attempt } = found;
      const shown = { turn: turn.turn, attempt: attempt.attempt };
      return ownPreview(root, remote, task, found, await patchOf(found, shown, task.pullRequest, signal));
    },
    create: async ({ preview }, written, signal) => {
      const found = await find(preview.attempt);
      const { root, remote, task } = found;
      const session = await sessionAt(remote, signal);
      // A result that came since is not the one that was looked at.
      const { turn, attempt } = preview;
      const patch = await patchOf(found, preview, undefined, signal);
      const { title, body, draft, base } = written;
      const { branch } = await pushResult({
        ...{ root, remote, task, turn, title, patch, signal, branch: written.branch },
        confirmed: confirmedPaths(preview, written),
      });
      const made = await createPullRequest(session, { title, body, draft, base, ...headOf(remote, branch) });
      return record(viewOf(remote, { ...made, branch, turn, attempt }));
    },
    update: async ({ preview }, written, signal) => {
      const { existing } = preview;
      if (existing?.number === undefined) throw new CodexError('pullRequestMissing');
      const found = await find(preview.attempt);
      const { root, task } = found;
      // One that was merged takes nothing more, and its branch may still be there.
      const now = await pullRequestNow(await sessionAt(existing, signal), existing.number);
      const { title, draft, base, state, url } = now;
      const view = { ...existing, title, draft, base, state };
      if (state !== 'open') {
        seen(await record(view));
        throw new CodexError('pullRequestClosed', { url, state });
      }
      const remote = pushedFrom(found.remote, now.from);
      const patch = await patchOf(found, preview, existing, signal);
      await pushUpdate({
        ...{ root, remote, task, turn: preview.turn, title, patch, signal },
        ...{ branch: existing.branch, confirmed: confirmedPaths(preview, written) },
      });
      return record({ ...view, turn: preview.turn, attempt: preview.attempt });
    },
  };
}

/** Of one that a client made: how it stands, as the person's session says. Null: they are not signed in. */
export async function lookOwn(
  connection: BackendConnection,
  taskId: string,
  view: PullRequestView,
): Promise<PullRequestView | null> {
  const { host, repo, number } = view;
  if (number === undefined || kindOf(host) !== 'github') return null;
  const token = await quietGitHubToken(host);
  if (token === null) return null;
  const session = { host, repo, apiUrl: apiUrlOf(host, apiUrls()), token };
  const { title, draft, base, state } = await pullRequestNow(session, number);
  const now = { ...view, title, draft, base, state };
  const isNews = title !== view.title || draft !== view.draft || base !== view.base || state !== view.state;
  return isNews ? recorded(connection, taskId, now) : now;
}

async function recorded(
  connection: BackendConnection,
  taskId: string,
  view: PullRequestView,
): Promise<PullRequestView> {
  const { host, repo, number = 0, url = '', title, draft, branch, base, turn, attempt, state } = view;
  const params = { taskId, host, repo, number, url, title, draft, branch, base, turn, attempt };
  const stands = state === 'publishing' ? {} : { state };
  return (await connection.call('pullRequest.record', { ...params, ...stands })).pullRequest;
}

function confirmedPaths(
  { delicate, delicateKey }: Parameters<Way['create']>[0]['preview'],
  { confirmed }: { confirmed?: string | undefined },
): string[] {
  return delicateKey !== undefined && confirmed === delicateKey ? delicate.map(({ path }) => path) : [];
}

function viewOf(
  { host, repo }: ForgeRemote,
  made: MadePullRequest & Pick<PullRequestView, 'branch' | 'turn' | 'attempt'>,
): PullRequestView {
  const now = Date.now();
  return {
    ...{ host, kind: 'github', repo, state: 'open', by: 'client', createdBy: '' },
    ...{ ...made, createdAt: now, updatedAt: now },
  };
}

/** Whether the folder of a task could do without the backend's credentials. */
export async function mayOwn(root: string | undefined): Promise<boolean> {
  if (!vscode.workspace.isTrusted || root === undefined) return false;
  const remote = await forgeRemote(root);
  // VS Code has sessions at GitHub alone.
  return remote !== null && kindOf(remote.host) === 'github';
}
