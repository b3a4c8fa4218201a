/**
 * `Codex: Checkpoints…`: what applying changed in this window's folders and made beside them, newest first, with when,
 * what and how large. Each can be undone, or deleted after a question. It decides nothing by itself.
 */
import * as vscode from 'vscode';
import type { CheckpointSummary, Checkpoints } from '../../client/apply/index.ts';
import type { Deliveries, Delivery } from '../../client/apply-to/index.ts';
import { bytesWords } from '../../client/words/index.ts';
import { untrusted } from '../platform/trust.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { Applier } from './applier.ts';
import { openingStep, type Elsewhere } from './elsewhere.ts';
import type { OpenRoot } from './roots.ts';
import { madeWords } from './where-words.ts';

export interface CheckpointListOptions {
  checkpoints: () => Checkpoints;
  deliveries: () => Deliveries;
  /** Of the folders that are open in this window. */
  roots(): Promise<readonly OpenRoot[]>;
  applier: Pick<Applier, 'undoCheckpoint' | 'forget'>;
  elsewhere: Pick<Elsewhere, 'undo'>;
}

interface Row extends vscode.QuickPickItem {
  at: number;
  undo(): Promise<void>;
  /** What is lost with it. */
  lost: string;
  remove(): Promise<void>;
  /** Of a worktree. */
  folder: string | null;
}

const DAY_MS = 24 * 60 * 60_000;

export class CheckpointList {
  readonly #options: CheckpointListOptions;

  constructor(options: CheckpointListOptions) {
    this.#options = options;
  }

  /** After a deletion the list is there again. */
  async show(): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const roots = await this.#options.roots();
    while (await this.#once(roots)) continue;
  }

  async #once(roots: readonly OpenRoot[]): Promise<boolean> {
    const rows = this.#rows(roots);
    if (rows.length === 0)
      throw new SentenceError(t('Nothing was applied in this window’s folders that could be undone.'));
    const { count, bytes, maxBytes, maxAgeMs } = this.#options.checkpoints().usage();
    const picked = await vscode.window.showQuickPick(rows, {
      title:
        count === 1
          ? t('1 checkpoint, {bytes}', { bytes: bytesWords(bytes) })
          : t('{count} checkpoints, {bytes}', { count, bytes: bytesWords(bytes) }),
      placeHolder: t('Each is kept {days} days, all together up to {most}', {
        days: Math.round(maxAgeMs / DAY_MS),
        most: bytesWords(maxBytes),
      }),
      matchOnDescription: true,
      matchOnDetail: true,
    });
    if (!picked) throw new Dismissed();
    return this.#act(picked);
  }

  /** Whether the list is to be shown again. */
  async #act(row: Row): Promise<boolean> {
    const { folder } = row;
    const actions = [
      { label: `$(discard) ${t('Undo')}`, run: async () => (await row.undo(), false) },
      ...(folder === null
        ? []
        : [
            {
              label: `$(folder-opened) ${t('Open Worktree')}`,
              run: async () => (await openingStep(folder).run(), false),
            },
          ]),
      { label: `$(trash) ${t('Delete')}`, run: () => remove(row) },
    ];
    const picked = await vscode.window.showQuickPick(actions, {
      title: `${row.label} · ${row.description ?? ''}`,
    });
    return picked ? picked.run() : true;
  }

  #rows(roots: readonly OpenRoot[]): Row[] {
    const { checkpoints, deliveries } = this.#options;
    const nameOf = new Map(roots.map(({ root, name }) => [root, name]));
    const several = roots.length > 1;
    return [
      ...checkpoints()
        .summaries()
        .filter(({ root }) => nameOf.has(root))
        .map((one) => this.#ofCheckpoint(one, several ? (nameOf.get(one.root) ?? '') : '')),
      ...deliveries()
        .list()
        .filter(({ made }) => nameOf.has(made.root))
        .map((one) => this.#ofDelivery(one, several ? (nameOf.get(one.made.root) ?? '') : '')),
    ].sort((one, two) => two.at - one.at);
  }

  #ofCheckpoint(one: CheckpointSummary, place: string): Row {
    const { applier } = this.#options;
    const state =
      one.undoneAt !== null ? t('undone') : one.finished ? '' : t('not finished: undo it to be safe');
    return {
      ...rowOf(one, [
        one.files === 1 ? t('1 file') : t('{count} files', { count: one.files }),
        bytesWords(one.size),
        ...[one.keptFrom === undefined ? '' : t('your edits before an undo'), state, place],
      ]),
      iconPath: new vscode.ThemeIcon(one.undoneAt === null ? 'history' : 'discard'),
      folder: null,
      undo: () => applier.undoCheckpoint(one.id),
      lost: t('What it changed stays as it is, and can’t be undone any more.'),
      remove: () => applier.forget(one.id),
    };
  }

  #ofDelivery(one: Delivery, place: string): Row {
    const { deliveries, elsewhere } = this.#options;
    const { made, undoneAt } = one;
    return {
      ...rowOf(one, [undoneAt === null ? '' : t('undone'), place]),
      detail: madeWords(made, t),
      iconPath: new vscode.ThemeIcon(made.what === 'worktreeMade' ? 'folder-library' : 'git-branch'),
      folder: made.what === 'worktreeMade' && undoneAt === null ? made.folder : null,
      undo: () => elsewhere.undo(one.id),
      lost: t('The branch or worktree stays as it is, and can’t be taken away from here any more.'),
      remove: async () => deliveries().remove(one.id),
    };
  }
}

function rowOf({ label, at }: { label: string; at: number }, facts: readonly string[]) {
  return { label, at, description: [whenWords(at), ...facts].filter(Boolean).join(' · ') };
}

/** Whether the list is to be shown again. */
async function remove(row: Row): Promise<boolean> {
  const yes = t('Delete');
  const answer = await vscode.window.showWarningMessage(
    t('Delete the checkpoint of “{title}”?', { title: row.label }),
    { modal: true, detail: row.lost },
    yes,
  );
  if (answer === yes) await row.remove();
  return true;
}

/** In the person's own time and language. */
function whenWords(at: number): string {
  return new Date(at).toLocaleString(vscode.env.language, { dateStyle: 'medium', timeStyle: 'short' });
}
