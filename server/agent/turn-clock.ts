/** The time that a turn may take. It stands still while a person is asked: their time is not the turn's. */
export class TurnClock {
  readonly #over = new AbortController();
  readonly #limitMs: number;
  #leftMs: number;
  #runningSince = 0;
  #timer: NodeJS.Timeout | undefined;
  #pauses = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#leftMs = limitMs;
    this.#run();
  }

  /** Aborted when the time is up. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** What it has run, without its pauses. */
  get spentMs(): number {
    const running = this.#pauses === 0 ? performance.now() - this.#runningSince : 0;
    return this.#limitMs - this.#leftMs + running;
  }

  /** Several may pause it at once. */
  async paused<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#pauses++ === 0) {
      clearTimeout(this.#timer);
      this.#leftMs -= performance.now() - this.#runningSince;
    }
    try {
      return await wait();
    } finally {
      if (--this.#pauses === 0) this.#run();
    }
  }

  stop(): void {
    this.#pauses = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
  }

  #run(): void {
    this.#runningSince = performance.now();
    this.#timer = setTimeout(() => this.#over.abort(), Math.max(0, this.#leftMs));
    this.#timer.unref();
  }
}
