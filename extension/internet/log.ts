/** What a task asked the internet for: by pages for its table, and as a file. */
import * as vscode from 'vscode';
import type { PagePushes } from '../../protocol/pages.ts';
import type { Backend } from '../connection/backend.ts';
import { Dismissed, t } from '../platform/words.ts';

/** Well below what one RPC frame holds. */
const PAGE_ENTRIES = 500;

export async function egressPage(
  backend: Backend,
  taskId: string,
  after: number,
): Promise<PagePushes['task.egress']> {
  const { connection } = await backend.ready();
  return { after, ...(await connection.call('task.egress', { taskId, after, limit: PAGE_ENTRIES })) };
}

/** One JSON object a line, all of it, straight from the backend. */
export async function exportEgress(backend: Backend, taskId: string, title: string): Promise<void> {
  const name = title.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|-+$/g, '');
  const file = `${name.slice(0, 60) || 'task'}.egress.jsonl`;
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const target = await vscode.window.showSaveDialog({
    title: t('Export What the Task Asked the Internet For'),
    filters: { [t('JSON lines')]: ['jsonl'] },
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder.uri, file) } : {}),
  });
  if (!target) throw new Dismissed();
  const { connection } = await backend.ready();
  await vscode.workspace.fs.writeFile(target, await connection.egress(taskId));
}
