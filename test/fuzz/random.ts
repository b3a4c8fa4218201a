/**
 * Randomness that can be had again: `CODEX_FUZZ_SEED` chooses it, `CODEX_FUZZ_INPUTS` how many inputs
 * all fuzzers together try. A failing test names its seed.
 */
export const SEED = Number(process.env.CODEX_FUZZ_SEED ?? 20_260_101);
export const INPUTS = Number(process.env.CODEX_FUZZ_INPUTS ?? 1_000_000);

export { seeded, type Random } from '../support/random.ts';
