/** The two ways to a pull request: by the backend, and with the person's own git and VS Code's GitHub session. */
import * as vscode from 'vscode';
import {
  apiUrlOf,
  createPullRequest,
  forgeRemote,
  ownPreview,
  pushResult,
  pushUpdate,
  type ForgeRemote,
  type GitHubSession,
} from '../../client/pull-request/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { PullRequestView } from '../../protocol/pull-request.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import { resultOf, type Result } from '../apply/attempts.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { apiUrls } from '../platform/settings.ts';
import { untrusted } from '../platform/trust.ts';
import { gitHubToken } from './session.ts';
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
}

interface Found extends Result {
  task: TaskView;
  root: string;
  remote: ForgeRemote;
}

export function ownWay({ backend, taskId, rootFor, log, report }: OwnWayOptions): Way {
  const connection = async () => (await backend.ready()).connection;
  const find = async (attempt: number | undefined): Promise<Found> => {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const { task } = await (await connection()).call('task.get', { taskId });
    const root = await rootFor(task);
    const remote = await forgeRemote(root);
    if (!remote) throw new CodexError('forgeUnknown');
    return { ...(await resultOf(task, attempt)), task, root, remote };
  };
  const sessionAt = async ({ remote }: Found, signal: AbortSignal): Promise<GitHubSession> => ({
    ...{ host: remote.host, repo: remote.repo, apiUrl: apiUrlOf(remote.host, apiUrls()), signal },
    token: await gitHubToken(remote.host, log),
  });
  /** It exists by now, whatever the backend says to that. */
  const record = async (view: PullRequestView): Promise<PullRequestView> => {
    const { host, repo, number = 0, url = '', title, draft, branch, base, turn, attempt } = view;
    const params = { taskId, host, repo, number, url, title, draft, branch, base, turn, attempt };
    try {
      return (await (await connection()).call('pullRequest.record', params)).pullRequest;
    } catch (thrown) {
      report(thrown);
      return view;
    }
  };

  return {
    preview: async ({ attempt }) => {
      const found = await find(attempt);
      return ownPreview(found.root, found.remote, found.task, found);
    },
    create: async ({ preview }, written, signal) => {
      const found = await find(preview.attempt);
      const { root, remote, task, turn } = found;
      const session = await sessionAt(found, signal);
      const patch = await (await connection()).patch(taskId, preview.turn, preview.attempt, { signal });
      const { title, body, draft, base } = written;
      const { branch } = await pushResult({
        ...{ root, remote, task, turn: turn.turn, title, patch, signal, branch: written.branch },
        confirmed: confirmedPaths(preview, written),
      });
      const made = await createPullRequest(session, { title, body, draft, base, head: branch });
      return record(viewOf(found, { ...made, branch }));
    },
    update: async ({ preview }, written, signal) => {
      const { existing } = preview;
      if (!existing) throw new CodexError('pullRequestMissing');
      const found = await find(preview.attempt);
      const { root, remote, task, turn } = found;
      const from = { from: existing.turn, signal };
      const patch = await (await connection()).patch(taskId, preview.turn, preview.attempt, from);
      await pushUpdate({
        ...{ root, remote, task, turn: turn.turn, title: existing.title, patch, signal },
        ...{ branch: existing.branch, confirmed: confirmedPaths(preview, written) },
      });
      return record({ ...existing, turn: preview.turn, attempt: preview.attempt });
    },
  };
}

function confirmedPaths(
  { delicate, delicateKey }: Parameters<Way['create']>[0]['preview'],
  { confirmed }: { confirmed?: string | undefined },
): string[] {
  return delicateKey !== undefined && confirmed === delicateKey ? delicate.map(({ path }) => path) : [];
}

function viewOf(
  { remote, turn, attempt }: Found,
  made: { number: number; url: string; title: string; draft: boolean; base: string; branch: string },
): PullRequestView {
  const now = Date.now();
  return {
    ...{ host: remote.host, kind: 'github', repo: remote.repo, state: 'open', by: 'client', createdBy: '' },
    ...{ ...made, turn: turn.turn, attempt: attempt.attempt, createdAt: now, updatedAt: now },
  };
}

/** Whether the folder of a task could do without the backend's credentials. */
export async function mayOwn(root: string | undefined): Promise<boolean> {
  return vscode.workspace.isTrusted && root !== undefined && (await forgeRemote(root)) !== null;
}
