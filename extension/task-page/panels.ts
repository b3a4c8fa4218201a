/**
 * One panel per task, beside the code. It follows the task's events from the backend's log while it
 * is in sight, from the first one after each (re)load of the page: nothing is kept twice. It comes
 * back after a reload of the window.
 */
import * as vscode from 'vscode';
import type { BackendConnection } from '../../client/connection/index.ts';
import { knownEvent, type WireEvent } from '../../protocol/events.ts';
import type {
  PageEvent,
  PageHandlers,
  PagePush,
  PagePushes,
  TaskHostState,
  TaskPageMethod,
} from '../../protocol/pages.ts';
import type { Backend } from '../connection/backend.ts';
import { pageHtml, pageRoot } from '../pages/html.ts';
import { relayPage, type Page } from '../pages/relay.ts';
import type { Log } from '../platform/log.ts';
import { t } from '../platform/words.ts';
import type { TaskStore } from '../tasks/store.ts';

export const TASK_PANEL = 'codexTasks.task';

export interface PanelsOptions {
  extensionUri: vscode.Uri;
  backend: Backend;
  store: TaskStore;
  log: Log;
  handlers(taskId: string): PageHandlers<TaskPageMethod>;
  /** Events of any task that is in sight, also those of the past. */
  onEvents(events: readonly WireEvent[]): void;
  /** Its page listens, again after each reload. */
  onShown(taskId: string): void;
  /** What of the page's state is this window's own. */
  hostState(taskId: string): Omit<TaskHostState, 'connection'>;
}

export class TaskPanels implements vscode.Disposable {
  readonly #options: PanelsOptions;
  readonly #panels = new Map<string, TaskPanel>();
  readonly #disposables: vscode.Disposable[] = [];

  constructor(options: PanelsOptions) {
    this.#options = options;
    const { store, backend } = options;
    this.#disposables.push(
      {
        dispose: store.onChange((changes) => {
          // A new task may be one that the answer of another suggested, whose page says that it was started.
          if (changes.some(({ before }) => !before)) this.update();
          else for (const { after } of changes) this.#panels.get(after.id)?.update();
        }),
      },
      backend.onDidChange(() => this.update()),
      vscode.window.registerWebviewPanelSerializer(TASK_PANEL, {
        deserializeWebviewPanel: async (panel, state: unknown) => {
          const taskId = (state as { taskId?: unknown } | undefined)?.taskId;
          if (typeof taskId !== 'string' || !/^[a-z0-9]{8,40}$/.test(taskId)) {
            panel.dispose();
            return;
          }
          backend.openQuietly();
          this.#adopt(taskId, panel);
        },
      }),
    );
  }

  open(taskId: string, options: { preserveFocus: boolean; followUp?: boolean }): void {
    const known = this.#panels.get(taskId);
    if (known) {
      known.reveal(options.preserveFocus);
      if (options.followUp) known.focusFollowUp();
      return;
    }
    const title = this.#options.store.get(taskId)?.title ?? t('Task');
    const panel = vscode.window.createWebviewPanel(
      TASK_PANEL,
      title,
      { viewColumn: vscode.ViewColumn.Active, preserveFocus: options.preserveFocus },
      {
        enableScripts: true,
        localResourceRoots: [pageRoot(this.#options.extensionUri)],
        enableFindWidget: true,
      },
    );
    const opened = this.#adopt(taskId, panel);
    if (options.followUp) opened.focusFollowUp();
  }

  isInSight(taskId: string): boolean {
    return this.#panels.get(taskId)?.visible === true && vscode.window.state.focused;
  }

  push<P extends PagePush>(taskId: string, name: P, data: PagePushes[P]): void {
    this.#panels.get(taskId)?.push(name, data);
  }

  update(taskId?: string): void {
    for (const [id, panel] of this.#panels) if (taskId === undefined || taskId === id) panel.update();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    for (const panel of [...this.#panels.values()]) panel.dispose();
  }

  #adopt(taskId: string, panel: vscode.WebviewPanel): TaskPanel {
    panel.onDidDispose(() => {
      if (this.#panels.get(taskId)?.panel === panel) this.#panels.delete(taskId);
    });
    const opened = new TaskPanel(taskId, panel, this.#options);
    this.#panels.set(taskId, opened);
    return opened;
  }
}

class TaskPanel {
  readonly panel: vscode.WebviewPanel;
  readonly #taskId: string;
  readonly #options: PanelsOptions;
  readonly #page: Page;
  #following: (() => void) | null = null;
  #focusWhenReady = false;
  #ready = false;

  constructor(taskId: string, panel: vscode.WebviewPanel, options: PanelsOptions) {
    this.panel = panel;
    this.#taskId = taskId;
    this.#options = options;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [pageRoot(options.extensionUri)] };
    panel.iconPath = {
      light: vscode.Uri.joinPath(options.extensionUri, 'media', 'codex-light.svg'),
      dark: vscode.Uri.joinPath(options.extensionUri, 'media', 'codex-dark.svg'),
    };
    this.#page = relayPage({
      webview,
      handlers: options.handlers(taskId),
      onReady: () => this.#onReady(),
      log: options.log,
    });
    panel.onDidDispose(() => this.#end());
    panel.onDidChangeViewState(() => {
      // A hidden page is gone; it says `ready` again when it is shown.
      if (!panel.visible) this.#pause();
    });
    webview.html = pageHtml(webview, options.extensionUri, 'task', { title: t('Task'), taskId });
    this.update();
  }

  get visible(): boolean {
    return this.panel.visible;
  }

  reveal(preserveFocus: boolean): void {
    this.panel.reveal(undefined, preserveFocus);
  }

  focusFollowUp(): void {
    if (this.#ready) this.#page.push('task.focus', {});
    else this.#focusWhenReady = true;
  }

  push<P extends PagePush>(name: P, data: PagePushes[P]): void {
    if (this.#ready) this.#page.push(name, data);
  }

  update(): void {
    const task = this.#options.store.get(this.#taskId);
    if (task) {
      this.panel.title = task.title;
      if (this.#ready) this.#page.push('task.summary', task);
    }
    if (this.#ready) this.#page.push('task.host', this.#hostState());
  }

  dispose(): void {
    this.panel.dispose();
  }

  #hostState(): TaskHostState {
    const { kind } = this.#options.backend.status;
    return {
      connection: kind === 'connected' ? 'connected' : kind === 'connecting' ? 'connecting' : 'lost',
      ...this.#options.hostState(this.#taskId),
    };
  }

  #onReady(): void {
    this.#ready = true;
    this.#following?.();
    this.#following = this.#options.backend.use((connection) => this.#follow(connection));
    this.update();
    this.#options.onShown(this.#taskId);
    if (this.#focusWhenReady) {
      this.#focusWhenReady = false;
      this.#page.push('task.focus', {});
    }
  }

  #follow(connection: BackendConnection): () => void {
    this.#page.push('task.reset', {});
    if (!this.#options.store.get(this.#taskId)) {
      connection
        .call('task.get', { taskId: this.#taskId })
        .then(({ task }) => this.#page.push('task.summary', task))
        .catch(() => undefined);
    }
    return connection.follow(this.#taskId, 0, {
      onEvents: (events) => {
        this.#page.push('task.events', events.map(pageEvent));
        this.#options.onEvents(events);
      },
      onDelta: (delta) => this.#page.push('task.delta', delta),
      onHead: (head) => this.#page.push('task.head', { head }),
      onError: (error) => this.#page.push('task.gone', { error }),
    });
  }

  #pause(): void {
    this.#ready = false;
    this.#following?.();
    this.#following = null;
  }

  #end(): void {
    this.#pause();
    this.#page.dispose();
  }
}

function pageEvent(event: WireEvent): PageEvent {
  const known = knownEvent(event);
  if (known) return known;
  const { taskId, turn, attempt, seq, at } = event;
  return { code: 'unknown', name: event.code, taskId, turn, attempt, seq, at };
}
