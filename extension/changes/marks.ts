/** Hunks as an editor shows them: where they are, which one a line or a selection means. Pure. */
import type { LineEdit, LineRange, ReviewHunk, Selection } from '../../client/review/index.ts';
import type { FileReview } from './file-review.ts';

/** One hunk that is not decided. Lines count from 0; `end` is the line after it. */
export interface Mark {
  id: string;
  start: number;
  end: number;
  /** Its change is in the file; else it would come in here. */
  inFile: boolean;
  touched: boolean;
  added: number;
  removed: number;
}

/** What `scm/change/title` hands to a command: a change of the gutter, in lines counted from 1. */
export interface LineChange {
  originalStartLineNumber: number;
  /** 0: nothing was there before. */
  originalEndLineNumber: number;
  /** With an end of 0: the line after which something was removed. */
  modifiedStartLineNumber: number;
  modifiedEndLineNumber: number;
}

export function marksOf(file: FileReview): Mark[] {
  return file.places.flatMap(({ id, range, touched, inFile }) => {
    const hunk = file.hunk(id);
    if (!hunk || file.item(id)?.decision !== 'open') return [];
    const [added, removed] = [hunk.added.length, hunk.removed.length];
    return [{ id, start: range.start, end: range.start + range.count, inFile, touched, added, removed }];
  });
}

/** The mark at a line: one that covers it before one that only begins there. */
export function markAt(marks: readonly Mark[], line: number): Mark | undefined {
  return (
    marks.find(({ start, end }) => line >= start && line < end) ?? marks.find(({ start }) => line === start)
  );
}

/** The hunks that a change of the gutter shows; none when it is of something else by now. */
export function marksOfChange(marks: readonly Mark[], change: LineChange): Mark[] {
  const isEmpty = change.modifiedEndLineNumber === 0;
  const start = isEmpty ? change.modifiedStartLineNumber : change.modifiedStartLineNumber - 1;
  const end = isEmpty ? start : change.modifiedEndLineNumber;
  return marks.filter((mark) => {
    if (!mark.inFile || mark.touched) return false;
    if (start === end || mark.start === mark.end) return mark.start <= end && mark.end >= start;
    return mark.start < end && mark.end > start;
  });
}

export function nextMark(marks: readonly Mark[], line: number): Mark | undefined {
  return marks.find(({ start }) => start > line);
}

export function previousMark(marks: readonly Mark[], line: number): Mark | undefined {
  return marks.findLast(({ start, end }) => Math.max(start, end - 1) < line);
}

/**
 * Selected lines of the file as a part of a hunk; null when none of them is of it. The lines of the side that is
 * in the file are selected; of the other side go along the lines at the same place where both have as many, else
 * all of them with the first selected one.
 */
export function selectionOf(hunk: ReviewHunk, mark: Mark, from: number, to: number): Selection | null {
  const start = Math.max(from, mark.start) - mark.start;
  const end = Math.min(to, mark.end) - mark.start;
  if (end <= start) return null;
  const chosen: LineRange = { start, count: end - start };
  const [here, other] = mark.inFile ? [hunk.added, hunk.removed] : [hunk.removed, hunk.added];
  const along: LineRange =
    here.length === other.length
      ? chosen
      : start === 0
        ? { start: 0, count: other.length }
        : { start: 0, count: 0 };
  return mark.inFile ? { added: chosen, removed: along } : { removed: chosen, added: along };
}

/** A change of a document's text as edits of lines. */
export function lineEdit(change: {
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
  text: string;
}): LineEdit {
  const { start, end } = change.range;
  const removed = end.line - start.line;
  const inserted = change.text.split('\n').length - 1;
  // Whole lines put in or taken out touch no line beside them.
  const whole =
    start.character === 0 && end.character === 0 && (change.text === '' || change.text.endsWith('\n'));
  return whole
    ? { start: start.line, removed, inserted }
    : { start: start.line, removed: removed + 1, inserted: inserted + 1 };
}
