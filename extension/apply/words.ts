/** What applying has to say to a person. Pure: `t` translates. */
import type { PathResult, PlanItem, UndoResult } from '../../client/apply/index.ts';
import { applyReasonWords, type Translate } from '../../client/words/index.ts';

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
  return one.reason === undefined ? one.path.path : `${one.path.path}: ${applyReasonWords(one.reason, t)}`;
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
