/**
 * The rows of the log of internet access: pages put together by their cursor, filtered, and which of
 * them are in sight. Pure; memory is capped whatever a task asks for.
 */
import type { EgressEntry } from '../../../protocol/environment.ts';

/** All rows have this height: where a row is can be computed, not measured. */
export const ROW_PX = 24;
/** Rows drawn beyond what is in sight, so that scrolling shows no gap. */
const MARGIN_ROWS = 12;
/** Rows kept on the page; the file has all of them. */
export const MAX_ROWS = 10_000;

export interface LogModel {
  entries: readonly EgressEntry[];
  /** The cursor of the next page. */
  after: number;
  /** The backend has more than what came. */
  more: boolean;
  /** A first answer has come. */
  loaded: boolean;
}

export const EMPTY_LOG: LogModel = { entries: [], after: 0, more: false, loaded: false };

export function isFull(log: LogModel): boolean {
  return log.entries.length >= MAX_ROWS;
}

/** A page that does not go on where the rows end (asked for twice, or before a reset) changes nothing. */
export function addPage(
  log: LogModel,
  page: { after: number; entries: readonly EgressEntry[]; more: boolean },
): LogModel {
  if (page.after !== log.after) return log;
  const room = MAX_ROWS - log.entries.length;
  const entries = page.entries.length === 0 ? log.entries : [...log.entries, ...page.entries.slice(0, room)];
  return { entries, after: page.entries.at(-1)?.id ?? log.after, more: page.more, loaded: true };
}

export type Filter = 'all' | 'refused';

/** “Refused” also shows what failed: both kept the task from what it asked for. */
export function filtered(entries: readonly EgressEntry[], filter: Filter): readonly EgressEntry[] {
  return filter === 'all' ? entries : entries.filter(({ verdict }) => verdict !== 'allowed');
}

/** Which rows to draw: from `first` up to, not including, `last`. */
export function rowsInSight(
  count: number,
  scrollTop: number,
  height: number,
): { first: number; last: number } {
  const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - MARGIN_ROWS);
  const last = Math.min(count, Math.ceil((scrollTop + height) / ROW_PX) + MARGIN_ROWS);
  return { first: Math.min(first, last), last };
}
