/** `protocol/states.ts` without its schemas: a page carries no validator, its holder has checked. */
import type { TurnState } from '../protocol/states.ts';

export function hasEnded(state: TurnState): boolean {
  switch (state) {
    case 'completed':
    case 'failed':
    case 'cancelled':
      return true;
    case 'queued':
    case 'preparing':
    case 'running':
    case 'waiting':
      return false;
  }
}
