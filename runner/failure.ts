/** What the runner refuses or fails to do, with a reason that crosses the door. */
import type { DoorFailure } from '../protocol/door.ts';

export class DoorRefusal extends Error {
  readonly reason: DoorFailure['reason'];

  constructor(reason: DoorFailure['reason'], detail: string) {
    super(detail);
    this.name = 'DoorRefusal';
    this.reason = reason;
  }
}

const STATUS: Record<DoorFailure['reason'], number> = {
  badRequest: 400,
  notFound: 404,
  busy: 409,
  gitFailed: 500,
  unreadable: 500,
  noTerminal: 501,
  io: 500,
};

export function refusalStatus(reason: DoorFailure['reason']): number {
  return STATUS[reason];
}
