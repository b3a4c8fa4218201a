/** How long what failed is left alone: twice as long each time. In this process only. */
export interface PausesOptions {
  firstMs: number;
  mostMs: number;
  now?: () => number;
}

export class Pauses {
  readonly #options: PausesOptions;
  readonly #failed = new Map<string, { times: number; until: number }>();

  constructor(options: PausesOptions) {
    this.#options = options;
  }

  isDue(key: string): boolean {
    return (this.#failed.get(key)?.until ?? 0) <= this.#now();
  }

  /** Returns how many times it is by now, in a row. */
  failed(key: string): number {
    const { firstMs, mostMs } = this.#options;
    const times = (this.#failed.get(key)?.times ?? 0) + 1;
    this.#failed.set(key, { times, until: this.#now() + Math.min(mostMs, firstMs * 2 ** (times - 1)) });
    return times;
  }

  forget(key?: string): void {
    if (key === undefined) this.#failed.clear();
    else this.#failed.delete(key);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}
