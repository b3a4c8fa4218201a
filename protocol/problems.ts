/**
 * What a schema finds wrong, as the two halves of a sentence: where, and what (“setup” “is longer than
 * 131072 characters”). The schema's own messages are written to stand there. Pure.
 */
import type { z } from 'zod';

export interface Problem {
  /** The place in the value: `variables.PATH`; empty for the whole of it. */
  where: string;
  path: readonly PropertyKey[];
  problem: string;
}

type Issue = z.core.$ZodIssue;

export function firstProblem(error: z.ZodError): Problem {
  const [issue] = error.issues;
  if (!issue) return { where: '', path: [], problem: 'is wrong' };
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path, ...unknown];
  return { where: path.map(String).join('.'), path, problem: problemOf(issue) };
}

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a list of names with values',
  record: 'a list of names with values',
};

function problemOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return `${issue.origin === 'number' ? 'is more than' : 'is longer than'} ${amount(issue, issue.maximum)}`;
    case 'too_small':
      return `${issue.origin === 'number' ? 'is less than' : 'is shorter than'} ${amount(issue, issue.minimum)}`;
    case 'invalid_value':
      return `is one of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return 'is not known here';
    case 'invalid_key': {
      // Of a record: what its names may be.
      const [inner] = issue.issues;
      return inner ? problemOf(inner) : 'is no name that can stand here';
    }
    case 'custom':
    case 'invalid_format':
    case 'invalid_union':
    case 'invalid_element':
    case 'not_multiple_of':
      return issue.message;
  }
}

const UNITS = { string: ' characters', array: ' entries', set: ' entries', map: ' entries' } as const;
const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

/** With the unit that the name of the field ends with. */
function amount(issue: Issue & { origin: string }, value: number | bigint): string {
  const field = String(issue.path.at(-1) ?? '');
  const number = Number(value);
  if (field.endsWith('Bytes')) return `${number / MIB} MiB`;
  if (field.endsWith('Ms'))
    return number % MINUTE_MS === 0 ? `${number / MINUTE_MS} min` : `${number / 1_000} s`;
  return `${number}${UNITS[issue.origin as keyof typeof UNITS] ?? ''}`;
}
