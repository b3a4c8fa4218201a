/**
 * The door to forges and pull requests: the commands, what a task's page may ask for, and when to look how a pull
 * request stands. What is behind it is loaded with its first use.
 */
import * as vscode from 'vscode';
import { forgeRemote } from '../../client/pull-request/folder.ts';
import { errorText } from '../../protocol/errors.ts';
import type { PageHandlers, TaskPageMethod } from '../../protocol/pages.ts';
import { isOwnAlone } from '../../protocol/pull-request.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import type { CommandHandlers, PullRequestCommand } from '../platform/commands.ts';
import { t } from '../platform/words.ts';
import type { PullRequestsRoom, RoomOptions } from './room.ts';

/** A page that is shown again and again asks the forge no more often. */
const LOOK_AGAIN_MS = 60_000;

type PullRequestMethod = Extract<TaskPageMethod, `task.${string}PullRequest` | 'task.connectForge'>;

export interface DoorOptions extends RoomOptions {
  pickTask: (argument: unknown, title: string, fits: (task: TaskSummary) => boolean) => Promise<string>;
  openTask: (taskId: string) => void;
  /** What the page shows of a task has changed. */
  update: (taskId: string) => void;
}

export class PullRequestsDoor {
  readonly #options: DoorOptions;
  readonly #lookedAt = new Map<string, number>();
  /** By folder: whether its remote is at a forge. */
  readonly #atForge = new Map<string, boolean>();
  #room: Promise<PullRequestsRoom> | null = null;
  #opened: PullRequestsRoom | null = null;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  get commands(): Pick<CommandHandlers, PullRequestCommand> {
    const { pickTask, openTask } = this.#options;
    const has = ({ pullRequest }: TaskSummary) => pullRequest?.url !== undefined;
    return {
      connectForge: async () => (await this.#open()).connect(),
      answerComments: async () => (await this.#open()).answerComments(),
      createPullRequest: async (argument) => {
        const taskId = await pickTask(argument, t('Create Pull Request'), hasResult);
        openTask(taskId);
        const view = this.#options.store.get(taskId)?.pullRequest;
        const own = view?.state === 'open' && isOwnAlone(view);
        await (await this.#open()).desk(taskId).prepare({ own }, true);
      },
      openPullRequest: async (argument) =>
        (await this.#open()).open(await pickTask(argument, t('Open Pull Request'), has)),
      followUpPullRequest: async (argument) =>
        (await this.#open()).followUp(await pickTask(argument, t('Follow Up on Pull Request'), has)),
    };
  }

  handlers(taskId: string): PageHandlers<PullRequestMethod> {
    const desk = async () => (await this.#open()).desk(taskId);
    return {
      'task.preparePullRequest': async (asked) => (await desk()).prepare(asked),
      'task.leavePullRequest': async () => (await desk()).leave(),
      'task.keepPullRequest': async ({ kept }) => (await desk()).keep(kept),
      'task.publishPullRequest': async (written) => (await desk()).publish(written),
      'task.refreshPullRequest': async () => (await desk()).refresh(),
      'task.openPullRequest': async () => (await this.#open()).open(taskId),
      'task.followUpPullRequest': async () => (await this.#open()).followUp(taskId),
      'task.connectForge': async () => (await this.#open()).connect(taskId),
    };
  }

  /** A page of the task listens: what is true now, and soon how its pull request stands. */
  shown(taskId: string): void {
    const { log, show, store } = this.#options;
    show(taskId, this.#opened?.desk(taskId).state ?? { doing: 'nothing' });
    if (!this.#isDue(store.get(taskId))) return;
    this.#open()
      .then((room) => room.desk(taskId).look())
      .catch((thrown: unknown) => log.warn(`Pull request: ${errorText(thrown)}`));
  }

  /** Whether a task's result could become one; told again by `update` when that is known. */
  isPossible(taskId: string): boolean {
    const { records, log, update } = this.#options;
    const root = records.folder(taskId);
    // One from elsewhere: only the backend knows.
    if (root === undefined || !vscode.workspace.isTrusted) return true;
    const known = this.#atForge.get(root);
    if (known !== undefined) return known;
    this.#atForge.set(root, false);
    forgeRemote(root)
      .then((remote) => {
        this.#atForge.set(root, remote !== null);
        if (remote) update(taskId);
      })
      .catch((thrown: unknown) => log.warn(`Pull request: ${errorText(thrown)}`));
    return false;
  }

  /** Remotes may have changed. */
  forgetFolders(): void {
    this.#atForge.clear();
  }

  #isDue(task: TaskSummary | undefined): boolean {
    const view = task?.pullRequest;
    if (!task || !view || view.number === undefined || view.state === 'merged') return false;
    const last = Math.max(this.#lookedAt.get(task.id) ?? 0, view.seenAt ?? 0);
    if (Date.now() - last < LOOK_AGAIN_MS) return false;
    this.#lookedAt.set(task.id, Date.now());
    return true;
  }

  #open(): Promise<PullRequestsRoom> {
    return (this.#room ??= this.#load());
  }

  async #load(): Promise<PullRequestsRoom> {
    const { PullRequestsRoom } = await import('./room.ts');
    return (this.#opened = new PullRequestsRoom(this.#options));
  }
}

function hasResult({ patch }: TaskSummary): boolean {
  return (patch?.files ?? 0) > 0;
}
