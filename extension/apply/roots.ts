/** In which working tree a task's result goes: where it was sent from, else what the person picks. */
import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { TaskView } from '../../protocol/rpc.ts';
import type { Folders } from '../folders/folders.ts';
import { isSendable } from '../folders/repository.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { TaskRecords } from './records.ts';

export interface OpenRoot {
  root: string;
  name: string;
}

/** Of the folders of this window: the top of each working tree, once. */
export async function openRoots(folders: Folders): Promise<OpenRoot[]> {
  const open: OpenRoot[] = [];
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    if (folder.uri.scheme !== 'file') continue;
    const facts = await folders.facts(folder).catch(() => null);
    if (!facts || !isSendable(facts)) continue;
    if (!open.some(({ root }) => root === facts.root)) open.push({ root: facts.root, name: facts.name });
  }
  return open;
}

export function rootChooser(records: TaskRecords, folders: Folders): (task: TaskView) => Promise<string> {
  return async (task) => {
    const known = records.folder(task.id);
    if (known !== undefined && (await isFolder(known)) && isOpen(known)) return known;
    const open = await openRoots(folders);
    if (open.length === 0) {
      throw new SentenceError(
        t('Open the folder of “{name}” to apply this result.', { name: task.repo.name }),
        [{ label: t('Open Folder'), command: 'workbench.action.files.openFolder' }],
      );
    }
    // Never a silent guess: a patch in the wrong folder is the worst that could happen here.
    const picked = await vscode.window.showQuickPick(
      open.map(({ root, name }) => ({ label: name, detail: root, root, picked: name === task.repo.name })),
      { title: t('Apply the result of “{title}” to which folder?', { title: task.title }) },
    );
    if (!picked) throw new Dismissed();
    await records.setFolder(task.id, picked.root);
    return picked.root;
  };
}

/** A folder of this window, or the repository around one. */
export function isOpen(root: string): boolean {
  const wanted = vscode.Uri.file(root).path;
  return (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => {
    if (uri.scheme !== 'file') return false;
    return uri.path === wanted || uri.path.startsWith(`${wanted}/`) || wanted.startsWith(`${uri.path}/`);
  });
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
