/** Reading a command line. What is wrong with it is one sentence on standard error and exit code 2. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** `parseArgs`, strict, with its complaints as `UsageError`. */
export function parse<O extends ParseArgsOptionsConfig>(
  args: string[],
  options: O,
  allowPositionals: boolean,
) {
  try {
    return parseArgs({ args, options, allowPositionals, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) {
    throw new UsageError(`${flag} is one of ${allowed.join(', ')}, not “${value}”.`);
  }
  return found;
}

export function wholeNumber(flag: string, value: string, least: number, most: number): number {
  const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new UsageError(`${flag} is a whole number from ${least} to ${most}, not “${value}”.`);
  }
  return number;
}

/** `parseArgs` knows no option whose value may be absent: a bare one becomes an empty value here. */
export function optionalValue(args: string[], flag: string): string[] {
  return args.map((arg) => (arg === flag ? `${flag}=` : arg));
}
