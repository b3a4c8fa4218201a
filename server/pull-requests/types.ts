/** What the room of pull requests is given, and what it offers. */
import type { LimitValues } from '../../protocol/limits.ts';
import type { ParamsOf, ResultOf } from '../../protocol/rpc.ts';
import type { Forge, ForgeRepo, Forges } from '../forge/forge.ts';
import type { Log } from '../log.ts';
import type { Repos } from '../repos/repos.ts';
import type { Store } from '../store/store.ts';
import type { Hub } from '../tasks/hub.ts';
import type { Tasks } from '../tasks/tasks.ts';

export interface PullDeps {
  store: Store;
  hub: Hub;
  tasks: Tasks;
  repos: Repos;
  forges: Forges;
  limits: LimitValues;
  log: Log;
  /** Breaks off what is under way at a forge: the backend ends. What broke off goes on from its row. */
  signal: AbortSignal;
  /** Under which others reach this backend's pages; absent: nobody does. */
  publicUrl?: string;
  /** What a webhook of this host is signed with; null: none was agreed on. */
  webhookSecret: (host: string) => Promise<string | null>;
  environments: { get(name: string): Promise<unknown> };
  /** Whether such a task can be run here; throws a `CodexError` that says why not. */
  checkTask?: (request: ParamsOf<'task.create'>) => Promise<void>;
}

export type PullMethod =
  | 'forge.listTriggers'
  | 'forge.setTrigger'
  | 'pullRequest.preview'
  | 'pullRequest.create'
  | 'pullRequest.update'
  | 'pullRequest.refresh'
  | 'pullRequest.feedback'
  | 'pullRequest.followUp'
  | 'pullRequest.record';

export type PullRoom = {
  [M in PullMethod]: (params: ParamsOf<M>, who: string) => Promise<ResultOf<M>>;
};

export const headRef = (branch: string): string => `refs/heads/${branch}`;

/** For the task's page. */
export function taskUrl(publicUrl: string | undefined, taskId: string): string | null {
  return publicUrl === undefined ? null : `${publicUrl.replace(/\/+$/, '')}/tasks/${taskId}`;
}

export type { Forge, ForgeRepo };
