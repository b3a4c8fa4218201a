/**
 * `Codex: Environments…`: one tab that lists them and edits one. The page is told what the backend
 * has; what it wants is done here, and what it may not know (a secret's value) is asked here natively.
 * What was typed and not saved outlives the tab.
 */
import * as vscode from 'vscode';
import { accessLevel } from '../../protocol/egress.ts';
import type { EnvironmentPageMethod, OpenedEnvironment, PageHandlers } from '../../protocol/pages.ts';
import type { Backend } from '../connection/backend.ts';
import type { Folders } from '../folders/folders.ts';
import type { InternetAccess } from '../internet/access.ts';
import type { Environments } from '../internet/environments.ts';
import type { InternetWarning } from '../internet/warning.ts';
import { pageHtml, pageRoot } from '../pages/html.ts';
import { relayPage, type Page } from '../pages/relay.ts';
import type { Log } from '../platform/log.ts';
import { errorText, SentenceError, t } from '../platform/words.ts';
import type { TestEnvironment } from '../submit.ts';
import { readEnvironmentFile } from './file.ts';
import { SCRIPT_SCHEME, type ScriptFiles } from './script-files.ts';
import { deleteSecret, putSecret } from './secrets.ts';

export const ENVIRONMENTS_PANEL = 'codexTasks.environments';

export interface EnvironmentsPageOptions {
  extensionUri: vscode.Uri;
  backend: Backend;
  environments: Environments;
  internet: InternetAccess;
  warning: InternetWarning;
  folders: Folders;
  scripts: ScriptFiles;
  log: Log;
  test: TestEnvironment;
  onTested: (taskId: string) => void;
}

export class EnvironmentsPage implements vscode.Disposable {
  readonly #options: EnvironmentsPageOptions;
  readonly #disposables: vscode.Disposable[];
  #panel: vscode.WebviewPanel | null = null;
  #page: Page | null = null;
  #selected = '';
  #drafts = '';
  #models: OpenedEnvironment['models'] = [];

  constructor(options: EnvironmentsPageOptions) {
    this.#options = options;
    const { backend, environments, folders, scripts } = options;
    this.#disposables = [
      environments.onDidChange(() => void this.#tell()),
      folders.onDidChange(() => this.#tellList()),
      backend.onDidChange(() => this.#tellList()),
      vscode.workspace.registerFileSystemProvider(SCRIPT_SCHEME, scripts, { isCaseSensitive: true }),
      vscode.window.registerWebviewPanelSerializer(ENVIRONMENTS_PANEL, {
        deserializeWebviewPanel: async (panel) => {
          backend.openQuietly();
          this.#adopt(panel);
        },
      }),
    ];
  }

  /** Of this environment, or of the one that was looked at last, or that new tasks run in. */
  async open(name?: string): Promise<void> {
    await this.#options.environments.refresh();
    if (name !== undefined) this.#selected = name;
    if (this.#panel) {
      this.#panel.reveal();
      await this.#tell();
      return;
    }
    this.#adopt(
      vscode.window.createWebviewPanel(ENVIRONMENTS_PANEL, t('Environments'), vscode.ViewColumn.Active, {
        enableFindWidget: true,
      }),
    );
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#panel?.dispose();
  }

  #adopt(panel: vscode.WebviewPanel): void {
    const { extensionUri, log } = this.#options;
    this.#panel?.dispose();
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [pageRoot(extensionUri)] };
    panel.iconPath = {
      light: vscode.Uri.joinPath(extensionUri, 'media', 'codex-light.svg'),
      dark: vscode.Uri.joinPath(extensionUri, 'media', 'codex-dark.svg'),
    };
    const page = relayPage({
      webview,
      handlers: this.#handlers(),
      onReady: () => {
        if (this.#drafts !== '') page.push('environment.kept', { drafts: this.#drafts });
        void this.#tell();
      },
      log,
    });
    panel.onDidDispose(() => {
      page.dispose();
      if (this.#panel === panel) this.#panel = this.#page = null;
    });
    this.#panel = panel;
    this.#page = page;
    webview.html = pageHtml(webview, extensionUri, 'environment', { title: t('Environments') });
  }

  #handlers(): PageHandlers<EnvironmentPageMethod> {
    const { backend, environments, internet, warning, folders, scripts, test, onTested } = this.#options;
    const change = async (work: () => Promise<unknown>) => {
      try {
        await work();
      } finally {
        await this.#tell();
      }
    };
    const connection = async () => (await backend.ready()).connection;
    return {
      'environment.select': async ({ name }) => {
        this.#selected = name;
        await this.#tell();
      },
      'environment.make': ({ from }) =>
        change(async () => {
          this.#selected = await internet.make(from);
        }),
      'environment.delete': ({ name }) => change(() => internet.remove(name)),
      'environment.save': ({ name, edit, basis }) => change(() => environments.edit(name, edit, basis)),
      'environment.use': ({ name }) => environments.choose(name),
      'environment.resetCache': async ({ name }) => {
        const { removed } = await (await connection()).call('environment.resetCache', { name });
        void vscode.window.showInformationMessage(
          removed === 0
            ? t('Nothing was prepared for “{name}”.', { name })
            : t('The next task in “{name}” sets up anew.', { name }),
        );
      },
      'environment.test': async ({ name, requestId }) => {
        const folder = folders.current;
        if (!folder) throw new SentenceError(t('Open the folder that the task is about.'));
        onTested((await test({ requestId, name, folder })).id);
      },
      'environment.putSecret': ({ name, secret }) =>
        change(async () => putSecret(await connection(), name, secret)),
      'environment.deleteSecret': ({ name, secret }) =>
        change(async () => deleteSecret(await connection(), name, secret)),
      'environment.internet': ({ name, phase }) => change(() => internet.open(name, phase)),
      'environment.openScript': ({ name, script, text }) => scripts.open(name, script, text),
      'environment.keep': async ({ drafts }) => {
        this.#drafts = drafts;
      },
      'environment.learnMore': () => warning.learnMore(),
      'environment.refresh': async () => {
        backend.retryNow();
        await environments.refresh();
      },
    };
  }

  #tellList(): void {
    const { backend, environments, folders } = this.#options;
    const { kind } = backend.status;
    if (!environments.all.some(({ name }) => name === this.#selected)) this.#selected = environments.chosen;
    this.#page?.push('environment.list', {
      connection: kind === 'connected' ? kind : kind === 'connecting' ? kind : 'lost',
      environments: environments.all.map(({ name, image, internet }) => ({
        name,
        level: accessLevel(internet.agent),
        ...(image === undefined ? {} : { image }),
      })),
      selected: this.#selected,
      forTasks: environments.chosen,
      folder: folders.current?.name ?? null,
    });
  }

  async #tell(): Promise<void> {
    this.#tellList();
    const { backend, environments, folders, log } = this.#options;
    const page = this.#page;
    if (!page || backend.status.kind !== 'connected') return;
    try {
      const { connection } = await backend.ready();
      const name = this.#selected;
      const [{ secrets }, file] = await Promise.all([
        connection.call('secret.list', { environment: name }),
        readEnvironmentFile(folders.current),
      ]);
      const environment = environments.all.find((one) => one.name === name);
      if (!environment) return;
      page.push('environment.opened', { environment, secrets, file, models: this.#models });
      // It may wait for a server that does not answer: the page does not.
      const { models } = await connection.call('model.list', {});
      if (JSON.stringify(models) === JSON.stringify(this.#models)) return;
      this.#models = models;
      if (this.#selected === name) page.push('environment.opened', { environment, secrets, file, models });
    } catch (thrown) {
      log.warn(`Environments: ${errorText(thrown)}`);
    }
  }
}
