/** Bytes of the backend's, kept as long as there is room: an image is read by its viewer more than once. No VS Code. */

const KEPT_BYTES = 128 * 1024 * 1024;

export class Blobs {
  readonly #kept = new Map<string, Promise<Uint8Array>>();
  readonly #sizes = new Map<string, number>();

  get(key: string, fetch: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#kept.get(key);
    if (known) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const reading = fetch().then(
      (bytes) => {
        this.#sizes.set(key, bytes.length);
        this.#shrink(key);
        return bytes;
      },
      (error: unknown) => {
        this.#kept.delete(key);
        throw error;
      },
    );
    this.#kept.set(key, reading);
    return reading;
  }

  #shrink(newest: string): void {
    let total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    for (const key of [...this.#kept.keys()]) {
      if (total <= KEPT_BYTES) return;
      const size = this.#sizes.get(key);
      if (key === newest || size === undefined) continue;
      this.#kept.delete(key);
      this.#sizes.delete(key);
      total -= size;
    }
  }
}
