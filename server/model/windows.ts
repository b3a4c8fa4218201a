/** How much a model holds, where its server does not say: by the start of its name. */

const WINDOWS: readonly (readonly [prefix: string, tokens: number])[] = [
  ['gpt-5', 272_000],
  ['codex-mini', 200_000],
  ['o3', 200_000],
  ['o4', 200_000],
];

/** Absent for a model that nobody told us about: a wrong window is worse than none. */
export function knownWindowTokens(modelName: string): number | undefined {
  // A gateway puts the maker before the name: `openai/gpt-5`.
  const name = modelName.slice(modelName.lastIndexOf('/') + 1);
  return WINDOWS.find(([prefix]) => name.startsWith(prefix))?.[1];
}
