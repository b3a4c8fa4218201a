/** A result, or a part of it, as something to take elsewhere: a command for a shell, text, a file. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { asCommand, MAX_COMMAND_BYTES } from '../../client/patch/command.ts';
import { writePatch } from '../../client/patch/index.ts';
import { subsetOf } from '../../client/review/index.ts';
import { bytesWords } from '../../client/words/index.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { Reviewed } from './result.ts';
import type { ChangeNode } from './tree.ts';

/** Of a row: the hunk, the file, or all. */
export function patchOf(node: ChangeNode): Uint8Array {
  const { result } = node.session;
  if (node.kind === 'result') return result.bytes;
  const ids = node.kind === 'item' ? [node.id] : node.file.items.map(({ id }) => id);
  const files = node.session.files.map(({ split }) => split);
  return writePatch(subsetOf(result.patch, files, ids).patch);
}

export async function copyCommand(bytes: Uint8Array): Promise<void> {
  const command = asCommand(bytes);
  if (Buffer.byteLength(command) > MAX_COMMAND_BYTES)
    throw new SentenceError(
      t('The patch is too large for a command ({size}). Save it as a file instead.', {
        size: bytesWords(bytes.length),
      }),
    );
  await vscode.env.clipboard.writeText(command);
  vscode.window.setStatusBarMessage(t('Copied a git apply command.'), SHOWN_MS);
}

export async function copyText(bytes: Uint8Array): Promise<void> {
  const text = Buffer.from(bytes).toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes))
    throw new SentenceError(
      t(
        'The patch holds bytes that are not UTF-8, which text can’t carry. Copy it as a command, or save it as a file.',
      ),
    );
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(t('Copied the patch.'), SHOWN_MS);
}

export async function saveAs(bytes: Uint8Array, result: Reviewed): Promise<void> {
  const name =
    result.title
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'codex';
  const folder = result.ref.root || vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const uri = await vscode.window.showSaveDialog({
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.file(join(folder, `${name}.patch`)) }),
    filters: { [t('Patches')]: ['patch', 'diff'] },
  });
  if (!uri) throw new Dismissed();
  await vscode.workspace.fs.writeFile(uri, bytes);
}

const SHOWN_MS = 5_000;
