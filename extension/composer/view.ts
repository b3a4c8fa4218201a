/** The composer in the side bar: tells its page what is true, and sends what the person wrote. */
import * as vscode from 'vscode';
import {
  ReviewTarget,
  type ComposerMethod,
  type ComposerState,
  type PageHandlers,
} from '../../protocol/pages.ts';
import { Mode } from '../../protocol/states.ts';
import type { Folders } from '../folders/folders.ts';
import type { Environments } from '../internet/environments.ts';
import { pageHtml, pageRoot } from '../pages/html.ts';
import { relayPage, type Page } from '../pages/relay.ts';
import type { Log } from '../platform/log.ts';
import { includeLocalChanges } from '../platform/settings.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { Submit } from '../submit.ts';
import { ComposerImages } from './images.ts';
import type { Models } from './models.ts';

export const COMPOSER_VIEW = 'codexTasks.composer';
const MODE = 'codexTasks.composer.mode';
const ATTEMPTS = 'codexTasks.composer.attempts';
const REVIEW = 'codexTasks.composer.review';

export interface ComposerOptions {
  extensionUri: vscode.Uri;
  folders: Folders;
  environments: Environments;
  models: Models;
  submit: Submit;
  state: vscode.Memento;
  log: Log;
  /** The view became visible. */
  onShown(): void;
  /** Which environment, and what it allows: asked natively. */
  pickEnvironment(): Promise<void>;
  onSubmitted(taskId: string): void;
}

export class Composer implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #options: ComposerOptions;
  readonly #disposables: vscode.Disposable[] = [];
  #page: Page | null = null;
  #view: vscode.WebviewView | null = null;
  readonly #images = new ComposerImages();
  #includeLocal: boolean | null = null;
  #focusWhenReady = false;

  constructor(options: ComposerOptions) {
    this.#options = options;
    this.#disposables.push(
      options.folders.onDidChange(() => void this.#tell()),
      options.environments.onDidChange(() => void this.#tell()),
      options.models.onDidChange(() => void this.#tell()),
      vscode.window.registerWebviewViewProvider(COMPOSER_VIEW, this),
    );
  }

  get mode(): Mode {
    const kept = Mode.safeParse(this.#options.state.get(MODE));
    return kept.success ? kept.data : 'code';
  }

  get #attempts(): number {
    const kept = this.#options.state.get<unknown>(ATTEMPTS);
    return kept === 2 || kept === 3 || kept === 4 ? kept : 1;
  }

  get #review(): ReviewTarget {
    const kept = ReviewTarget.safeParse(this.#options.state.get(REVIEW));
    return kept.success ? kept.data : 'local';
  }

  async focus(mode?: Mode, review?: ReviewTarget): Promise<void> {
    if (mode) await this.#options.state.update(MODE, mode);
    if (review) await this.#options.state.update(REVIEW, review);
    this.#focusWhenReady = true;
    await vscode.commands.executeCommand(`${COMPOSER_VIEW}.focus`);
    if (this.#page) {
      await this.#tell();
      this.#page.push('composer.focus', {});
    }
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const { extensionUri, log } = this.#options;
    view.webview.options = { enableScripts: true, localResourceRoots: [pageRoot(extensionUri)] };
    const page = relayPage({
      webview: view.webview,
      handlers: this.#handlers(),
      onReady: () => void this.#onReady(),
      log,
    });
    this.#page = page;
    this.#view = view;
    view.onDidChangeVisibility(() => {
      if (view.visible) this.#options.onShown();
    });
    view.onDidDispose(() => {
      page.dispose();
      // A view that was moved is resolved anew before the old one goes.
      if (this.#page === page) {
        this.#page = null;
        this.#view = null;
      }
    });
    view.webview.html = pageHtml(view.webview, extensionUri, 'composer', { title: t('New Task') });
    this.#options.onShown();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #handlers(): PageHandlers<ComposerMethod> {
    const { folders, models, submit, state } = this.#options;
    return {
      'composer.submit': async ({ requestId, prompt, mode, folder, includeLocal }) => {
        const from = folders.byId(folder);
        if (!from) throw new SentenceError(t('The folder is not open any more.'));
        const task = await submit({
          ...{ requestId, prompt, mode, includeLocal },
          folder: from,
          run: { attempts: this.#attempts, ...models.asked },
          images: this.#images.pictures,
          ...(mode === 'review' ? { review: this.#review } : {}),
        });
        // Each task is asked for anew: what costs several times as much is no habit.
        await state.update(ATTEMPTS, undefined);
        this.#images.clear();
        void this.#tell();
        this.#options.onSubmitted(task.id);
      },
      'composer.choose': async ({ mode, includeLocal, attempts, review, model, effort }) => {
        if (mode) await state.update(MODE, mode);
        if (includeLocal !== undefined) this.#includeLocal = includeLocal;
        if (attempts !== undefined) await state.update(ATTEMPTS, attempts);
        if (review) await state.update(REVIEW, review);
        if (model !== undefined || effort !== undefined)
          await models.choose({
            ...(model === undefined ? {} : { model }),
            ...(effort === undefined ? {} : { effort }),
          });
      },
      'composer.attach': async (image) => {
        this.#images.add(image);
        await this.#tell();
      },
      'composer.detach': async ({ id }) => {
        this.#images.remove(id);
        await this.#tell();
      },
      'composer.pickFolder': async () => {
        if (!folders.several) {
          folders.refresh();
          return;
        }
        this.#includeLocal = null;
        await folders.pick().catch((thrown: unknown) => {
          if (!(thrown instanceof Dismissed)) throw thrown;
        });
      },
      'composer.pickEnvironment': () => this.#options.pickEnvironment(),
      'composer.act': async ({ action }) => {
        const commands = {
          openFolder: ['workbench.action.files.openFolder'],
          trust: ['workbench.trust.manage'],
          trustRepository: ['git.manageUnsafeRepositories'],
          installGit: ['vscode.open', vscode.Uri.parse('https://git-scm.com/downloads')],
          showLogs: ['codexTasks.showLogs'],
        } as const satisfies Record<typeof action, readonly [string, ...unknown[]]>;
        const [command, ...args] = commands[action];
        await vscode.commands.executeCommand(command, ...args);
        folders.refresh();
      },
    };
  }

  async #onReady(): Promise<void> {
    await this.#tell();
    if (this.#focusWhenReady) this.#page?.push('composer.focus', {});
    this.#focusWhenReady = false;
  }

  async #tell(): Promise<void> {
    const page = this.#page;
    if (!page || this.#view?.visible === false) return;
    const { folders, environments, models } = this.#options;
    const folder = folders.current;
    const internet = environments.internet(environments.chosen);
    const base = {
      mode: this.mode,
      several: folders.several,
      attempts: this.#attempts,
      review: this.#review,
      ...models.offered,
      ...models.chosen,
      images: this.#images.shown,
      ...(internet ? { internet: { ...internet, several: environments.all.length > 1 } } : {}),
    };
    const state: ComposerState = folder
      ? {
          ...base,
          includeLocal: this.#includeLocal ?? includeLocalChanges(folder.uri),
          folder: await folders.describe(folder),
        }
      : {
          ...base,
          includeLocal: false,
          folder: null,
          problem: {
            sentence: t('Open the folder that the task is about.'),
            action: 'openFolder',
            label: t('Open Folder'),
          },
        };
    if (this.#page === page) page.push('composer.state', state);
  }
}
