/** `~.` at the beginning of a line leaves, as in ssh; `~~` there is one `~`. Pure. */

const TILDE = 0x7e;
const DOT = 0x2e;

export class Escape {
  #atLineStart = true;
  #tilde = false;

  /** What of these bytes is for the shell, and whether the person leaves. */
  take(bytes: Uint8Array): { bytes: Uint8Array; leave: boolean } {
    const out: number[] = [];
    for (const byte of bytes) {
      if (this.#tilde) {
        this.#tilde = false;
        if (byte === DOT) return { bytes: Uint8Array.from(out), leave: true };
        out.push(TILDE);
        if (byte === TILDE) {
          this.#atLineStart = false;
          continue;
        }
      } else if (this.#atLineStart && byte === TILDE) {
        this.#tilde = true;
        continue;
      }
      out.push(byte);
      this.#atLineStart = byte === 0x0d || byte === 0x0a;
    }
    return { bytes: Uint8Array.from(out), leave: false };
  }
}
