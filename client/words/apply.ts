/** Why a file of a result was not simply applied. */
import type { ApplyReason } from '../apply/types.ts';
import { english, type Translate } from './template.ts';

export const APPLY_REASON_WORDS: Record<ApplyReason, string> = {
  contextChanged: 'the lines that it changes are not there any more',
  contentChanged: 'the file is not the one that the result was made from',
  missing: 'the file is not there',
  exists: 'another file stands there',
  notAFile: 'a folder or a device stands there',
  unsavedChanges: 'it is open with unsaved changes; save it first',
  needsOther: 'it needs another change that is not applied',
  tooCostly: 'the lines that it changes could not be found in time',
  unsafePath: 'its path leads out of the folder',
  insideGit: 'its path leads into .git',
  beyondSymlink: 'its path leads through a symbolic link',
  nestedRepository: 'it lies inside another repository',
  caseCollision: 'another file differs only by upper and lower case',
  reservedName: 'its name is reserved on this system',
  nameNotUtf8: 'its name can’t be written on this system',
  duplicatePath: 'the patch names it twice',
  submodule: 'it is a submodule',
  corruptPatch: 'the patch is damaged there',
  tooLarge: 'it is larger than a result may be',
  noContent: 'the patch does not hold its bytes',
  runsByItself: 'an editor, shell or CI would run it by itself; apply it on its own',
  allOrNothing: 'another file can’t be applied, and a part of the result was not asked for',
  changedSince: 'it changed in the meantime',
  diskFull: 'the disk is full',
  noPermission: 'there is no permission to write it',
  inputOutput: 'reading or writing failed',
  rolledBack: 'another file failed, so it was put back',
  alreadyApplied: 'it is as the result wants it already',
};

export function applyReasonWords(reason: ApplyReason, t: Translate = english): string {
  return t(APPLY_REASON_WORDS[reason], {});
}
