/**
 * Where the owner's keys are. One never stands in `config.yaml`: it is in a variable, or in a file that only the
 * owner can read. What is wrong is said with its place, and never repeats a value.
 */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { errorText } from '../protocol/errors.ts';

export const KEY_PLACE = 'write { env: NAME } or { file: PATH }';
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** A file that holds more holds no key. */
const KEY_MAX_BYTES = 8_192;

export const Place = z.union([
  z.strictObject({ env: z.string().regex(VARIABLE, 'is no name of a variable') }),
  /** Relative to the data folder. */
  z.strictObject({ file: z.string().min(1) }),
]);
export type Place = z.infer<typeof Place>;

/** What a header's value may be: printable, as HTTP takes it. */
export const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

export interface KeySources {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  /** `wrong(place, reason)` is thrown for a file that can't be used. */
  wrong: (place: string, reason: string) => Error;
}

/** The variables among places. */
export function placesVariables(places: readonly unknown[]): string[] {
  return places.flatMap((place) => {
    const found = Place.safeParse(place);
    return found.success && 'env' in found.data ? [found.data.env] : [];
  });
}

/** A token is one line; a private key in PEM has several, in a variable also with `\n` for their ends. */
export type KeyShape = 'line' | 'pem';

/** Null for a variable that is not set. */
export async function valueAt(
  of: Place,
  place: string,
  { dataDir, env, wrong }: KeySources,
  shape: KeyShape = 'line',
): Promise<string | null> {
  if ('env' in of) {
    const value = env[of.env]?.trim();
    if (!value) return null;
    const text = shape === 'pem' ? value.replaceAll('\\n', '\n').trim() : value;
    if (!isValue(text, shape)) throw wrong(place, `what stands in ${of.env} is no key: ${PROBLEMS[shape]}`);
    return text;
  }
  const path = resolve(dataDir, of.file);
  const problem = await fileProblem(path);
  if (problem !== null) throw wrong(place, problem);
  const value = (await readFile(path, 'utf8')).trim();
  if (isValue(value, shape)) return value;
  throw wrong(place, value === '' ? `${path} is empty` : `${path} holds no key: ${PROBLEMS[shape]}`);
}

const SHAPES: Record<KeyShape, RegExp> = {
  line: HEADER_VALUE,
  pem: /^-----BEGIN [A-Z ]*PRIVATE KEY-----\s[A-Za-z0-9+/=\s]+-----END [A-Z ]*PRIVATE KEY-----$/,
};
const PROBLEMS: Record<KeyShape, string> = {
  line: 'it has more than one line',
  pem: 'it is no private key in PEM format',
};

const isValue = (text: string, shape: KeyShape) => SHAPES[shape].test(text) && text.length <= KEY_MAX_BYTES;

const OTHERS = 0o077;
const MODE = 0o777;

async function fileProblem(path: string): Promise<string | null> {
  try {
    const { mode, uid, size } = await stat(path);
    if (size > KEY_MAX_BYTES) return `${path} is larger than any key`;
    // Windows has no such bits: there the folder of the person's account is what protects it.
    if (process.platform === 'win32') return null;
    if ((mode & OTHERS) !== 0)
      return `others can read ${path} (mode ${(mode & MODE).toString(8).padStart(4, '0')}): run “chmod 600 ${path}”`;
    return uid === process.getuid?.() || uid === 0 ? null : `${path} belongs to another user`;
  } catch (error) {
    return `${path} can’t be read: ${errorText(error)}`;
  }
}
