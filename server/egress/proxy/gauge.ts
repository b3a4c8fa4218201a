/**
 * What one task may use: bytes in all, and bytes in a second. Counts what goes over its connections,
 * in both directions, and tells once when a limit was reached.
 */
import type { EgressCaps, EgressLimit } from './types.ts';

/** A full second may go out at once; below this a rest is not worth a timer. */
const MIN_REST_MS = 5;

export class Gauge {
  readonly #caps: EgressCaps;
  readonly #onLimit: (limit: EgressLimit, value: number) => void;
  readonly #told = new Set<EgressLimit>();
  #total = 0;
  /** When the bytes taken so far are paid for, in ms of the monotonic clock. */
  #paidUntil = 0;

  constructor(caps: EgressCaps, onLimit: (limit: EgressLimit, value: number) => void) {
    this.#caps = caps;
    this.#onLimit = onLimit;
  }

  get exhausted(): boolean {
    return this.#total > this.#caps.bytes;
  }

  /** For how many ms whoever moved these bytes must rest. */
  take(bytes: number): number {
    this.#total += bytes;
    if (this.exhausted) this.tell('egressBytes', this.#caps.bytes);
    const now = performance.now();
    this.#paidUntil = Math.max(this.#paidUntil, now - 1_000) + (bytes / this.#caps.bytesPerSecond) * 1_000;
    const ahead = this.#paidUntil - now;
    if (ahead < MIN_REST_MS) return 0;
    this.tell('egressBytesPerSecond', this.#caps.bytesPerSecond);
    return ahead;
  }

  /** Once per limit until the next phase. */
  tell(limit: EgressLimit, value: number): void {
    if (this.#told.has(limit)) return;
    this.#told.add(limit);
    this.#onLimit(limit, value);
  }

  nextPhase(): void {
    this.#told.clear();
  }
}
