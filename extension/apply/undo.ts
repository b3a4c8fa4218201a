/**
 * Undoing one checkpoint. What was edited since is never touched without asking: the edits can be merged with the
 * state before, where they did not change the same lines, or be put aside into a checkpoint of their own.
 */
import * as vscode from 'vscode';
import { undoCheckpoint, type Checkpoints, type UndoResult } from '../../client/apply/index.ts';
import { mergeWhole } from '../../client/review/index.ts';
import { t } from '../platform/words.ts';
import { list } from './decide.ts';
import { openDocuments } from './documents.ts';
import { lineOf } from './words.ts';

export async function undoAsking(checkpoints: Checkpoints, id: string, root: string): Promise<UndoResult[]> {
  const documents = openDocuments(root);
  const { results } = await undoCheckpoint(checkpoints, id, { documents });
  const stale = results.filter(({ status }) => status === 'stale');
  if (stale.length === 0) return results;
  const merging = { documents, merge: mergeWhole };
  const tried = await undoCheckpoint(checkpoints, id, { ...merging, dryRun: true });
  const canMerge = tried.results.some(({ status }) => status === 'merged');
  const merge = t('Merge With My Edits');
  const restore = t('Restore Them Too');
  const detail = [
    list(stale.map((one) => lineOf(one, t))),
    ...(canMerge
      ? [
          t(
            'Your edits can be merged with the state before the apply. Where both changed the same lines, yours stay.',
          ),
        ]
      : []),
    t('Restoring them puts your later changes aside; they are kept in a checkpoint of their own.'),
  ].join('\n\n');
  const answer = await vscode.window.showWarningMessage(
    stale.length === 1
      ? t('1 file was changed since it was applied.')
      : t('{count} files were changed since they were applied.', { count: stale.length }),
    { modal: true, detail },
    ...(canMerge ? [merge] : []),
    restore,
  );
  if (answer === undefined) return results;
  const options = answer === merge ? merging : { documents, force: true };
  const again = await undoCheckpoint(checkpoints, id, options);
  return [
    ...results.filter(({ status }) => status !== 'stale'),
    ...again.results.filter(({ status }) => status !== 'unchanged'),
  ];
}
