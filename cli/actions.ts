/** The command line of a command whose first word says what to do, and that asks a backend for it: `forge list`, … */
import type { ParseArgsOptionsConfig } from 'node:util';
import { OWN_BACKEND_OPTIONS, ownBackendOptions, type OwnBackendOptions } from './backend.ts';
import { UsageError, oneOf, optionalValue, parse } from './usage.ts';

export interface Said<A, O extends ParseArgsOptionsConfig> {
  action: A;
  /** What stands behind the word. */
  rest: string[];
  values: ReturnType<typeof parse<O>>['values'];
  own: OwnBackendOptions;
}

/** `only`: the actions that an option belongs to; of one that is not named, all. Null: the help is wanted. */
export function saidAction<A extends string, O extends ParseArgsOptionsConfig>(
  command: string,
  args: string[],
  actions: readonly A[],
  options: O,
  only: Partial<Record<keyof O, readonly A[]>> = {},
): Said<A, O> | null {
  const always = { ...OWN_BACKEND_OPTIONS, help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parse(
    optionalValue(args, '--scripted-model'),
    { ...options, ...always },
    true,
  );
  // The parser's types can't tell an option of ours from one that is not known yet.
  const given = values as Said<A, O>['values'] & ReturnType<typeof parse<typeof always>>['values'];
  if (given.help) return null;
  const [word, ...rest] = positionals;
  if (word === undefined) throw new UsageError(`Say what to do: ${actions.join(', ')}.`);
  const action = oneOf(`The word after ${command}`, word, actions);
  for (const flag of Object.keys(given)) {
    const belongs = only[flag];
    if (belongs && !belongs.includes(action))
      throw new UsageError(
        `--${flag} belongs to ${belongs.map((one) => `${command} ${one}`).join(' and ')}.`,
      );
  }
  return { action, rest, values: given, own: ownBackendOptions(given) };
}
