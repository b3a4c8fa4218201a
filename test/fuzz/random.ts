/**
 * Randomness that can be had again: `CODEX_FUZZ_SEED` chooses it, `CODEX_FUZZ_INPUTS` how many inputs
 * all fuzzers together try. A failing test names its seed.
 */
export const SEED = Number(process.env.CODEX_FUZZ_SEED ?? 20_260_101);
export const INPUTS = Number(process.env.CODEX_FUZZ_INPUTS ?? 1_000_000);

export interface Random {
  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
}

/** mulberry32: 32 bits of state are plenty for choosing inputs. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (from) => from[below(from.length)] ?? from[0],
  };
}
