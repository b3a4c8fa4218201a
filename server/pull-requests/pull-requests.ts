/**
 * Pull requests: what a task's result would be as one, making it, bringing follow-ups to it, how it stands, and
 * what others say. They are made by the backend, from its own trusted repository, by real pushes.
 *
 * Nothing is ever written to a forge but for a person who asked: `create` and `update` are the only ways, and
 * comments only answer a comment that asked, where that was turned on. One thing at a time happens to a task.
 */
import { CodexError } from '../../protocol/errors.ts';
import { KeyedLock } from '../repos/keyed-lock.ts';
import { create } from './create.ts';
import { feedback, followUp } from './feedback.ts';
import { neededRefs } from './needed-refs.ts';
import { startPolling, type Polling } from './polling.ts';
import { preview } from './preview.ts';
import { record } from './record.ts';
import { refreshRow } from './refresh.ts';
import { resume } from './resume.ts';
import { pullRow, viewOf, type PullRow } from './rows.ts';
import { TriggeredTasks } from './answers.ts';
import { knownRepos, listTriggers, setTrigger } from './triggers.ts';
import type { PullDeps, PullRoom } from './types.ts';
import { update } from './update.ts';
import { openWebhooks, type Webhooks } from './webhooks.ts';

export interface PullRequests {
  room: PullRoom;
  webhooks: Webhooks;
  polling: Polling;
  /** When nothing is under way here with this task's pull request: repositories are this process's alone. */
  after(taskId: string, work: () => Promise<void>): Promise<void>;
  /** What a backend that ended left: answers that it did not give, refs that nobody needs. */
  start(): Promise<void>;
  /** Resolves when what it broke off has stored how far it came. */
  close(): Promise<void>;
}

export function openPullRequests(parts: Omit<PullDeps, 'signal'>): PullRequests {
  const closing = new AbortController();
  const deps: PullDeps = { ...parts, signal: closing.signal };
  const lock = new KeyedLock();
  const running = new Set<Promise<unknown>>();
  const whileOpen = (mine: Promise<unknown>): void => {
    running.add(mine);
    const ended = () => void running.delete(mine);
    mine.then(ended, ended);
  };
  const aloneHere = <T>(taskId: string, work: () => Promise<T>): Promise<T> => {
    const mine = lock.run(taskId, work);
    whileOpen(mine);
    return mine;
  };
  /** Those of this process wait here, and one of them at the database. */
  const alone = <T>(taskId: string, work: () => Promise<T>): Promise<T> =>
    aloneHere(taskId, () => deps.store.alone(`pull request ${taskId}`, work));
  const rowOf = (taskId: string) => deps.store.read((db) => pullRow(db, taskId));
  const refresh = async (taskId: string): Promise<PullRow> => {
    const row = await rowOf(taskId);
    if (!row) throw new CodexError('pullRequestMissing');
    return refreshRow(deps, row);
  };
  const answers = new TriggeredTasks(deps);
  const webhooks = openWebhooks(deps, {
    refresh: (taskId) => alone(taskId, () => refresh(taskId)),
    started: (taskId) => answers.started(taskId),
  });
  const polling = startPolling({
    ...deps,
    refresh: async ({ task_id }) => void (await alone(task_id, () => refresh(task_id))),
    resume: ({ task_id }) => alone(task_id, () => resume(deps, task_id)),
    answer: () => answers.again(),
  });
  return {
    webhooks,
    polling,
    room: {
      'pullRequest.preview': async (params) => ({ preview: await preview(deps, params) }),
      'pullRequest.create': async (params, who) => ({
        pullRequest: viewOf(await alone(params.taskId, () => create(deps, params, who))),
      }),
      'pullRequest.update': async (params, who) => ({
        pullRequest: viewOf(await alone(params.taskId, () => update(deps, params, who))),
      }),
      'pullRequest.refresh': async ({ taskId }) => {
        polling.forgetTask(taskId);
        return { pullRequest: viewOf(await alone(taskId, () => refresh(taskId))) };
      },
      'pullRequest.feedback': async ({ taskId }) => ({ feedback: await feedback(deps, taskId) }),
      'pullRequest.followUp': async (params, who) => ({ turn: await followUp(deps, params, who) }),
      'pullRequest.record': async (params, who) => ({
        pullRequest: viewOf(await alone(params.taskId, () => record(deps, params, who))),
      }),
      'forge.listTriggers': async () => ({
        triggers: await listTriggers(deps),
        repos: await knownRepos(deps),
      }),
      'forge.setTrigger': async (params, who) => ({ triggers: await setTrigger(deps, params, who) }),
    },
    after: aloneHere,
    async start() {
      // Nobody waits for it.
      whileOpen(
        deps.repos.sweepRefs(neededRefs(deps.store)).catch((error: unknown) => {
          deps.log.warn('refs that nobody needs could not be swept', { error });
        }),
      );
      await answers.start();
    },
    async close() {
      closing.abort();
      polling.stop();
      answers.stop();
      await webhooks.close();
      await Promise.allSettled(running);
    },
  };
}
