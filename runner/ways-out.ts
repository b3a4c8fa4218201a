/** The two ways out of a sandbox, both through the door: `origin` and the internet proxy. */
import type { WayOut } from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';
import { Handover } from './handover.ts';
import { PLACES } from './places.ts';

/** Longer than a backend needs to come back after a restart. */
const ORIGIN_WAIT_MS = 30_000;
/** A program that asks for the internet would rather have a clear answer soon. */
const EGRESS_WAIT_MS = 5_000;
const NO_DOOR =
  'HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-type: text/plain\r\nx-proxy-error: no-door\r\n' +
  'content-length: 47\r\n\r\nThe backend that carries traffic is not there.\n';

export class WaysOut {
  readonly #origin = new Handover({
    host: '127.0.0.1',
    port: PLACES.originPort,
    waitMs: ORIGIN_WAIT_MS,
  });
  readonly #egress = new Handover({
    ...PLACES.egress,
    waitMs: EGRESS_WAIT_MS,
    refusal: NO_DOOR,
    // A port of the machine's own loopback must not fall to another program meanwhile.
    held: PLACES.pgrep !== undefined,
  });

  constructor() {
    // Another program has the port: `origin` does not work then, everything else does.
    this.#origin.listen().catch((error: unknown) => failed('origin', error));
    this.#egress.hold().catch((error: unknown) => failed('egress', error));
  }

  of(way: WayOut): Handover {
    return way === 'origin' ? this.#origin : this.#egress;
  }

  async setEgress(on: boolean): Promise<void> {
    if (!on) return this.#egress.close();
    try {
      await this.#egress.listen();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new DoorRefusal('busy', `another program has port ${PLACES.egress.port}: ${why}`);
    }
  }
}

/** On loopback of the machine's own, the other program would be one that the rules let the sandbox reach. */
function failed(way: WayOut, error: unknown): void {
  process.stderr.write(`${way}: ${error instanceof Error ? error.message : String(error)}\n`);
  if (PLACES.pgrep !== undefined) process.exit(1);
}
