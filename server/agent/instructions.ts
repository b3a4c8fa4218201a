/**
 * What the model is told about its work: the files of `prompts/`, by mode and by what the sandbox can
 * reach. Pure, and the same text for the whole turn: no time, no chance, so that the cache holds.
 */
import type { Mode } from '../../protocol/states.ts';
import { PROMPTS } from './prompts/files.ts';

/** Goes up whenever a text of `prompts/` changes; a test holds to that. */
export const PROMPT_VERSION = 3;

/** What a review is of, unless the person names something else. */
export type ReviewedChange =
  | { kind: 'local'; base: string }
  | { kind: 'branch'; base: string; head: string }
  | { kind: 'commit'; head: string };

export interface InstructionsInput {
  mode: Mode;
  internet: 'off' | 'limited' | 'on';
  workdir: string;
  commandTimeoutMs: number;
  change?: ReviewedChange | undefined;
}

export function instructions(input: InstructionsInput): string {
  const { mode, internet, workdir, change } = input;
  return [
    prompt('role'),
    `Mode: ${mode}`,
    mode === 'review' ? prompt('mode-review', { change: changeText(change) }) : prompt(`mode-${mode}`),
    prompt('where', { workdir, internet: prompt(`internet-${internet}`) }),
    prompt('terminal', { timeoutSeconds: `${Math.round(input.commandTimeoutMs / 1000)}` }),
    ...(mode === 'code' ? [prompt('apply-patch')] : []),
    prompt('plan'),
    prompt('agents-md'),
    ...(mode === 'code' ? [prompt('agents-md-code')] : []),
    prompt('answer'),
    prompt(`answer-${mode}`),
  ].join('\n\n');
}

function changeText(change: ReviewedChange | undefined): string {
  switch (change?.kind) {
    case undefined:
      return prompt('change-unknown');
    case 'local':
      return prompt('change-local', { base: change.base });
    case 'branch':
      return prompt('change-branch', { base: change.base, head: change.head });
    case 'commit':
      return prompt('change-commit', { head: change.head });
  }
}

/** A file's text with its places filled. A place that is not filled, or a file that is not there, is a mistake of ours. */
export function prompt(name: string, values: Readonly<Record<string, string>> = {}): string {
  const text = PROMPTS[name];
  if (text === undefined) throw new Error(`There is no prompt ${name}.`);
  return text.trimEnd().replaceAll(/\{\{(\w+)\}\}/g, (_, place: string) => {
    const value = values[place];
    if (value === undefined) throw new Error(`The prompt ${name} has a place ${place} that nothing fills.`);
    return value;
  });
}
