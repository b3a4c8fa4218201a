/**
 * Which folder a task is about: the one of the active editor, unless the person chose another. Says
 * of it what the composer shows, and why nothing can be sent from it. In an untrusted workspace no
 * git is run at all; a folder is looked at again when a person looks at the composer.
 */
import * as vscode from 'vscode';
import type { ComposerFolder } from '../../protocol/pages.ts';
import type { Log } from '../platform/log.ts';
import { Dismissed, errorText, SentenceError, t } from '../platform/words.ts';
import {
  hintWords,
  inspect,
  problemWords,
  isSendable,
  type FolderFacts,
  type Sendable,
} from './repository.ts';

/** Facts this old are asked for anew before a task is sent; typing must not run git each time. */
const FRESH_MS = 2_000;

export class Folders implements vscode.Disposable {
  readonly #log: Log;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables: vscode.Disposable[];
  readonly #facts = new Map<string, { facts: FolderFacts; at: number }>();
  #chosen: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  readonly onDidChange = this.#changed.event;

  constructor(log: Log) {
    this.#log = log;
    const soon = () => this.#refreshSoon();
    this.#disposables = [
      this.#changed,
      vscode.workspace.onDidChangeWorkspaceFolders(soon),
      vscode.workspace.onDidGrantWorkspaceTrust(soon),
      vscode.workspace.onDidSaveTextDocument(soon),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (editor && this.#list().length > 1) soon();
      }),
      vscode.window.onDidChangeWindowState((state) => {
        if (state.focused) soon();
      }),
    ];
  }

  get several(): boolean {
    return this.#list().length > 1;
  }

  /** Null when no folder is open. */
  get current(): vscode.WorkspaceFolder | null {
    const all = this.#list();
    const chosen = all.find((folder) => folder.uri.toString() === this.#chosen);
    if (chosen) return chosen;
    const active = vscode.window.activeTextEditor?.document.uri;
    const own = active ? vscode.workspace.getWorkspaceFolder(active) : undefined;
    return own && all.includes(own) ? own : (all[0] ?? null);
  }

  byId(id: string): vscode.WorkspaceFolder | undefined {
    return this.#list().find((folder) => folder.uri.toString() === id);
  }

  async pick(): Promise<void> {
    const items = this.#list().map((folder) => ({
      label: folder.name,
      description: vscode.workspace.asRelativePath(folder.uri, false),
      detail: folder.uri.fsPath,
      id: folder.uri.toString(),
    }));
    const picked = await vscode.window.showQuickPick(items, { title: t('Which folder is the task about?') });
    if (!picked) throw new Dismissed();
    this.#chosen = picked.id;
    this.#changed.fire();
  }

  /** What the composer shows. Never throws. */
  async describe(folder: vscode.WorkspaceFolder): Promise<ComposerFolder> {
    const id = folder.uri.toString();
    const plain = { id, name: folder.name, dirty: false };
    if (!vscode.workspace.isTrusted) {
      return {
        ...plain,
        problem: {
          sentence: t('This folder is not trusted; no git is run in it.'),
          action: 'trust',
          label: t('Manage Workspace Trust'),
        },
      };
    }
    if (folder.uri.scheme !== 'file') {
      return {
        ...plain,
        problem: { sentence: t('This folder is not on a disk, so it has no git to send from.') },
      };
    }
    try {
      const facts = await this.facts(folder);
      const problem = problemWords(facts);
      return {
        ...plain,
        ...('branch' in facts && facts.branch !== null ? { branch: facts.branch } : {}),
        ...(facts.kind === 'repository' ? { sha: facts.headSha.slice(0, 7), dirty: facts.dirty } : {}),
        ...(problem ? { problem } : {}),
        hint: hintWords(facts),
      };
    } catch (thrown) {
      this.#log.warn(`The folder could not be inspected: ${errorText(thrown)}`);
      return {
        ...plain,
        problem: {
          sentence: t('Git failed in this folder. The log says more.'),
          action: 'showLogs',
          label: t('Show Logs'),
        },
      };
    }
  }

  /** Facts for sending: fresh, and without a problem; otherwise an error whose sentence says why. */
  async sendable(folder: vscode.WorkspaceFolder): Promise<Sendable> {
    const facts = await this.facts(folder);
    if (isSendable(facts)) return facts;
    throw new SentenceError(problemWords(facts)?.sentence ?? '');
  }

  async facts(folder: vscode.WorkspaceFolder): Promise<FolderFacts> {
    const id = folder.uri.toString();
    const known = this.#facts.get(id);
    if (known && Date.now() - known.at < FRESH_MS) return known.facts;
    const facts = await inspect(folder.uri.fsPath);
    this.#facts.set(id, { facts, at: Date.now() });
    return facts;
  }

  refresh(): void {
    this.#facts.clear();
    this.#changed.fire();
  }

  dispose(): void {
    if (this.#timer) clearTimeout(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #refreshSoon(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.refresh();
    }, 300);
  }

  #list(): readonly vscode.WorkspaceFolder[] {
    return vscode.workspace.workspaceFolders ?? [];
  }
}
