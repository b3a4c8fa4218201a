/**
 * What is behind the door, in a bundle that is loaded with its first use: connecting forges, where comments start
 * tasks, the desks at which pull requests are made, follow-ups from what others said. Nothing is pushed or asked for
 * unless a person said so.
 */
import * as vscode from 'vscode';
import { authorOf } from '../../client/git/author.ts';
import { forgeRemote, type ForgeRemote } from '../../client/pull-request/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import { isPageOf } from '../../protocol/forge-address.ts';
import type { PullRequestDesk } from '../../protocol/pages.ts';
import type { PullRequestView } from '../../protocol/pull-request.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import type { TaskRecords } from '../apply/records.ts';
import type { OpenRoot } from '../apply/roots.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { draftsFirst } from '../platform/settings.ts';
import { Dismissed, errorText, SentenceError, sentenceOf, t } from '../platform/words.ts';
import type { TaskStore } from '../tasks/store.ts';
import { answerComments } from './answer-comments.ts';
import { connectForge } from './connect.ts';
import { Desk } from './desk.ts';
import { followUpFeedback } from './feedback.ts';
import { backendWay, lookOwn, mayOwn, ownWay } from './ways.ts';

export interface RoomOptions {
  backend: Backend;
  store: TaskStore;
  records: TaskRecords;
  log: Log;
  report: (thrown: unknown) => void;
  /** Of the workspace: what was typed outlives a reload. */
  state: vscode.Memento;
  rootFor: (task: TaskView) => Promise<string>;
  /** Of the folders that are open in this window; for whoever connects without a task. */
  roots: () => Promise<readonly OpenRoot[]>;
  show: (taskId: string, desk: PullRequestDesk) => void;
}

/** In `state`, by task. */
const KEPT = 'codexTasks.pullRequests';
/** Forms that were begun and not finished. */
const KEPT_MOST = 20;

export class PullRequestsRoom {
  readonly #options: RoomOptions;
  readonly #desks = new Map<string, Desk>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  desk(taskId: string): Desk {
    const known = this.#desks.get(taskId);
    if (known) return known;
    const { backend, log, records, report, rootFor, show } = this.#options;
    const root = () => records.folder(taskId);
    const desk = new Desk({
      ways: {
        backend: backendWay(backend, taskId),
        own: ownWay({ backend, taskId, rootFor, log, report, seen: (view) => this.#changed(taskId, view) }),
      },
      mayOwn: () => mayOwn(root()),
      author: async () => {
        const folder = root();
        if (folder === undefined || !vscode.workspace.isTrusted) return null;
        return authorOf(folder).catch(() => null);
      },
      refresh: () => this.#look(taskId),
      draftsFirst,
      kept: { get: () => this.#kept()[taskId] ?? '', set: (kept) => this.#keep(taskId, kept) },
      sentence: (thrown) => {
        log.warn(`Pull request: ${errorText(thrown)}`);
        return sentenceOf(thrown);
      },
      show: (state) => show(taskId, state),
      changed: (view) => this.#changed(taskId, view),
      isDismissal: (thrown) => thrown instanceof Dismissed,
    });
    this.#desks.set(taskId, desk);
    return desk;
  }

  /** In the browser, and only where it is said to be. */
  async open(taskId: string): Promise<void> {
    const view = await this.#view(taskId);
    if (view?.url === undefined) throw new SentenceError(t('The task has no pull request yet.'));
    if (!isPageOf(view.host, view.url)) {
      throw new SentenceError(
        t('The address of the pull request does not lead to {host}.', { host: view.host }),
      );
    }
    await vscode.env.openExternal(vscode.Uri.parse(view.url, true));
  }

  async followUp(taskId: string): Promise<void> {
    const { connection } = await this.#options.backend.ready();
    await followUpFeedback(connection, taskId);
  }

  async connect(taskId?: string): Promise<void> {
    const { backend, log } = this.#options;
    const { connection } = await backend.ready();
    const host = (await this.#remote(taskId))?.host ?? null;
    await connectForge({ connection, place: backend.place, host, log });
    if (taskId === undefined) return;
    const desk = this.desk(taskId);
    if (desk.state.problem?.offers.includes('connect')) await desk.again();
    else if ((await this.#view(taskId))?.number !== undefined) await desk.refresh();
  }

  async answerComments(): Promise<void> {
    const { backend, log } = this.#options;
    const { connection } = await backend.ready();
    await answerComments({ connection, place: backend.place, open: await this.#remote(), log });
  }

  async #remote(taskId?: string): Promise<ForgeRemote | null> {
    if (!vscode.workspace.isTrusted) return null;
    const { records, roots } = this.#options;
    const known = taskId === undefined ? undefined : records.folder(taskId);
    const root = known ?? (await roots())[0]?.root;
    return root === undefined ? null : forgeRemote(root).catch(() => null);
  }

  /** By the backend; where it has no access, one that a client made by the person's session. */
  async #look(taskId: string): Promise<PullRequestView> {
    const { connection } = await this.#options.backend.ready();
    try {
      return (await connection.call('pullRequest.refresh', { taskId })).pullRequest;
    } catch (thrown) {
      const view = await this.#view(taskId);
      if (!(thrown instanceof CodexError) || thrown.code !== 'forgeUnknown' || view?.by !== 'client')
        throw thrown;
      const seen = await lookOwn(connection, taskId, view);
      if (seen === null) throw thrown;
      return seen;
    }
  }

  async #view(taskId: string): Promise<PullRequestView | undefined> {
    const known = this.#options.store.get(taskId);
    if (known) return known.pullRequest;
    const { connection } = await this.#options.backend.ready();
    return (await connection.call('task.get', { taskId })).task.pullRequest;
  }

  #changed(taskId: string, pullRequest: PullRequestView): void {
    const task = this.#options.store.get(taskId);
    if (task) this.#options.store.changed({ ...task, pullRequest });
  }

  #kept(): Record<string, string> {
    return this.#options.state.get<Record<string, string>>(KEPT) ?? {};
  }

  #keep(taskId: string, kept: string): void {
    const others = Object.entries(this.#kept()).filter(([id]) => id !== taskId);
    const entries = others.slice(-(KEPT_MOST - 1));
    if (kept !== '') entries.push([taskId, kept]);
    void this.#options.state.update(KEPT, Object.fromEntries(entries));
  }
}
