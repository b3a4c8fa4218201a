/**
 * One request, or one tunnel that nobody looks into, from the first check to its entry in the log.
 * It exists before anything is resolved, so that a change of policy also ends what is on its way.
 */
import type { DenyReason } from '../../../protocol/egress.ts';
import type { RequestHead, Target } from '../policy/index.ts';
import type { EgressLogEntry, FailReason } from './types.ts';

/** A log line is for people; what a hostile client calls a host or a method is cut here. */
const SHOWN_CHARS = 255;

export class Flight {
  readonly kind: 'tunnel' | 'intercepted' | 'request';
  readonly target: Target | null;
  readonly head: RequestHead | null;
  readonly asked: { host: string; port: number | null; method: string };
  readonly #at = Date.now();
  readonly #started = performance.now();
  readonly #cut = new AbortController();
  readonly #end: (flight: Flight, entry: Measured) => void;
  #why: { verdict: 'denied' | 'failed'; reason: DenyReason | FailReason } | null = null;
  #ended = false;
  address: string | null = null;
  bytesIn = 0;
  bytesOut = 0;
  lastByteAt = Date.now();

  constructor(
    what: Pick<Flight, 'kind' | 'target' | 'head' | 'asked'>,
    end: (flight: Flight, entry: Measured) => void,
  ) {
    this.kind = what.kind;
    this.target = what.target;
    this.head = what.head;
    this.asked = what.asked;
    this.#end = end;
  }

  /** Aborted when it must stop: whoever forwards its bytes destroys both ends then. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** Why it was cut, or null. */
  get why(): DenyReason | FailReason | null {
    return this.#why?.reason ?? null;
  }

  cut(verdict: 'denied' | 'failed', reason: DenyReason | FailReason): void {
    if (this.#ended || this.#cut.signal.aborted) return;
    this.#why = { verdict, reason };
    this.#cut.abort(new Error(reason));
  }

  /** Writes the entry, once; what it was cut for outranks what came of that. */
  finish(verdict: EgressLogEntry['verdict'], reason: EgressLogEntry['reason'] = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#end(this, {
      at: this.#at,
      host: this.asked.host.slice(0, SHOWN_CHARS),
      port: this.asked.port,
      method: this.asked.method.slice(0, SHOWN_CHARS),
      ...(this.#why ?? { verdict, reason }),
      address: this.address,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      durationMs: Math.round(performance.now() - this.#started),
    });
  }

  /** Ends without an entry: what happened inside has entries of its own. */
  forget(): void {
    this.#ended = true;
  }
}

export type Measured = Omit<EgressLogEntry, 'taskId' | 'attempt' | 'phase'>;
