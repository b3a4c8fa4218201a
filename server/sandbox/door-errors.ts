/** What can be wrong with a door. */
import type { DoorWelcome } from '../../protocol/door.ts';

/** The channel is gone or can't be trusted any more; nothing is said about the sandbox behind it. */
export class DoorBroken extends Error {
  override readonly name = 'DoorBroken';
}

/** Nobody listens behind the door: the runner has ended, and trying again does not help. */
export class RunnerGone extends DoorBroken {}

export class DoorRefused extends Error {
  override readonly name = 'DoorRefused';
  readonly reason: 'superseded' | 'version' | 'malformed';

  constructor(welcome: Extract<DoorWelcome, { ok: false }>) {
    super(`the door refused generation: ${welcome.reason}, it has seen ${welcome.generation}`);
    this.reason = welcome.reason;
  }
}
