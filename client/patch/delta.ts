/** Git's delta: two sizes, then copies from the base and insertions. Every length is checked. */

/** How large the result says that it is; 0 when that can't be read. */
export function deltaResultBytes(delta: Uint8Array): number {
  let at = 0;
  let value = 0;
  for (let sizes = 0; sizes < 2; sizes++) {
    value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = delta[at++];
      if (byte === undefined || scale > 2 ** 42) return 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
  }
  return value;
}

/** The result, or null when the delta is malformed, of another base, or over `maxBytes`. */
export function applyDelta(base: Uint8Array, delta: Uint8Array, maxBytes: number): Buffer | null {
  let at = 0;
  function size(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = delta[at++];
      if (byte === undefined || scale > 2 ** 42) return -1;
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) return value;
    }
  }
  if (size() !== base.length) return null;
  const resultSize = size();
  if (resultSize < 0 || resultSize > maxBytes) return null;

  const out = Buffer.allocUnsafe(resultSize);
  let length = 0;
  while (at < delta.length) {
    const op = delta[at++]!;
    if (op === 0) return null;
    if (op < 128) {
      if (at + op > delta.length || length + op > resultSize) return null;
      out.set(delta.subarray(at, at + op), length);
      at += op;
      length += op;
      continue;
    }
    let offset = 0;
    let count = 0;
    for (let bit = 0; bit < 4; bit++) if (op & (1 << bit)) offset += (delta[at++] ?? NaN) * 2 ** (8 * bit);
    for (let bit = 0; bit < 3; bit++) if (op & (16 << bit)) count += (delta[at++] ?? NaN) * 2 ** (8 * bit);
    if (count === 0) count = 0x10000;
    if (!(offset + count <= base.length && length + count <= resultSize)) return null;
    out.set(base.subarray(offset, offset + count), length);
    length += count;
  }
  return length === resultSize ? out : null;
}
