/**
 * What a person says while a turn runs: taken into the history before the next request, in order, once,
 * whatever restarts between. How far it was taken is read off the history itself.
 */
import type { NewEvent } from '../../protocol/events.ts';
import type { ResponseItem } from '../model/model.ts';
import { fitText } from './truncate.ts';

export interface Steer {
  /** Of its item and of the event that told of it. */
  id: string;
  /** Counts from 1 within the turn. */
  position: number;
  text: string;
}

export interface Steering {
  /** What was said after this position. */
  after(position: number): Promise<Steer[]>;
  /**
   * The agent is about to end: what was said after this position, else from now on nothing more is taken
   * for it, and who says something is told so.
   */
  close(position: number): Promise<Steer[]>;
}

/** A steer in the history remembers its position. The field is for us: it never leaves. */
type StoredSteer = ResponseItem & { codexSteer: number };

/** As an event shows it. */
const MAX_SHOWN_BYTES = 48 * 1024;

/** The position up to which this turn's are in the history; `since` is where its prompt stands. */
export function takenUpTo(items: readonly ResponseItem[], since: number): number {
  let position = 0;
  for (const item of items.slice(since)) if (isSteer(item)) position = Math.max(position, item.codexSteer);
  return position;
}

export function isSteer(item: ResponseItem): item is StoredSteer & { content: string } {
  return 'codexSteer' in item && typeof item.codexSteer === 'number';
}

export function steerItem({ text, position }: Steer): StoredSteer {
  return { type: 'message', role: 'user', content: text, codexSteer: position };
}

export function steerTold({ id, text }: Steer): NewEvent[] {
  const item = { type: 'message' as const, id, role: 'user' as const, text: fitText(text, MAX_SHOWN_BYTES) };
  return [
    { code: 'item.started', params: { item } },
    { code: 'item.completed', params: { item } },
  ];
}
