/** What applying has to say to a person. Pure: `t` translates. */
import type { ApplyReason, PathResult, PlanItem, UndoResult } from '../../client/apply/index.ts';
import type { Translate } from '../../client/words/index.ts';

export function reasonWords(reason: ApplyReason, t: Translate): string {
  switch (reason) {
    case 'contextChanged':
      return t('the lines around the change are different here', {});
    case 'contentChanged':
      return t('the file is not the one that the change was made from', {});
    case 'missing':
      return t('the file is not here', {});
    case 'exists':
      return t('a file of yours would be overwritten', {});
    case 'notAFile':
      return t('a folder or device stands in its place', {});
    case 'unsavedChanges':
      return t('save the file first', {});
    case 'needsOther':
      return t('it needs another change that is not applied', {});
    case 'tooCostly':
      return t('the file differs too much', {});
    case 'unsafePath':
      return t('its path leads out of the folder', {});
    case 'insideGit':
      return t('it lies inside the .git folder', {});
    case 'beyondSymlink':
      return t('its path leads through a symbolic link', {});
    case 'nestedRepository':
      return t('it lies inside another repository', {});
    case 'caseCollision':
      return t('another file has the same name in other letters', {});
    case 'reservedName':
      return t('this system does not allow its name', {});
    case 'nameNotUtf8':
      return t('its name is not UTF-8', {});
    case 'duplicatePath':
      return t('the patch names it twice', {});
    case 'submodule':
      return t('it is a submodule', {});
    case 'corruptPatch':
      return t('the patch is damaged there', {});
    case 'tooLarge':
      return t('it is larger than a result may be', {});
    case 'noContent':
      return t('the patch does not hold its bytes', {});
    case 'runsByItself':
      return t('it runs by itself and was left out', {});
    case 'allOrNothing':
      return t('another file can’t be applied', {});
    case 'changedSince':
      return t('it was changed meanwhile', {});
    case 'diskFull':
      return t('the disk is full', {});
    case 'noPermission':
      return t('no permission to write it', {});
    case 'inputOutput':
      return t('reading or writing failed', {});
    case 'rolledBack':
      return t('it was put back, because another file failed', {});
    case 'alreadyApplied':
      return t('it is as the result wants it already', {});
  }
}

export interface Summary {
  applied: number;
  unsaved: number;
  merged: number;
  /** With the reason. */
  left: string[];
  sentence: string;
}

export function summarize(results: readonly PathResult[], t: Translate): Summary {
  const is = (...statuses: PathResult['status'][]) => results.filter((one) => statuses.includes(one.status));
  const applied = is('applied', 'applied-modified', 'applied-unsaved').length;
  const unsaved = is('applied-unsaved').length;
  const merged = is('applied-modified').length;
  const left = is('stale', 'conflict', 'refused', 'failed').map((one) => lineOf(one, t));
  const parts = [applied === 1 ? t('Applied 1 file', {}) : t('Applied {count} files', { count: applied })];
  if (merged > 0) parts.push(t('{count} together with your own changes', { count: merged }));
  if (unsaved > 0) parts.push(t('{count} in unsaved editors', { count: unsaved }));
  if (left.length > 0) parts.push(t('{count} not applied', { count: left.length }));
  return { applied, unsaved, merged, left, sentence: `${parts.join(', ')}.` };
}

export function lineOf(one: PathResult | UndoResult | PlanItem, t: Translate): string {
  return one.reason === undefined ? one.path.path : `${one.path.path}: ${reasonWords(one.reason, t)}`;
}

export function summarizeUndo(results: readonly UndoResult[], t: Translate): string {
  const restored = results.filter((one) => one.status === 'restored').length;
  const merged = results.filter((one) => one.status === 'merged').length;
  const left = results.filter((one) => one.status === 'stale' || one.status === 'failed').length;
  const parts = [
    restored === 1 ? t('Restored 1 file', {}) : t('Restored {count} files', { count: restored }),
  ];
  if (merged > 0) parts.push(t('{count} merged with your edits', { count: merged }));
  if (left > 0) parts.push(t('{count} left as they are', { count: left }));
  return `${parts.join(', ')}.`;
}
