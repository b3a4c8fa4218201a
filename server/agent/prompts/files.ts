/**
 * The texts that the model is given, one Markdown file each. Read once, from beside this module; in what
 * ships, the bundler has put the texts in this module's place (`scripts/prompts-plugin.mjs`).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROMPTS: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => [name.slice(0, -'.md'.length), readFileSync(join(import.meta.dirname, name), 'utf8')]),
);
