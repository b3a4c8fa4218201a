/** The name by which rules know a program. Pure. */
import { textOf, type Word } from './words.ts';

/**
 * `rm` for `/bin/rm`, `rm` and, since some file systems make no difference, `RM`. Null: not certain, or
 * written with letters that only look like others.
 */
export function programOf(word: Word | undefined): string | null {
  const text = textOf(word);
  if (text === null || !/^[\x21-\x7e]+$/.test(text)) return null;
  const name = text.slice(text.lastIndexOf('/') + 1).toLowerCase();
  return name === '' || name.startsWith('-') ? null : name.replace(/\.exe$/, '');
}

export interface Arguments {
  /** Options as they were written, long ones without their value. */
  options: string[];
  operands: Word[];
  /** Something could be an option or an operand. */
  uncertain: boolean;
}

export function argumentsOf(words: readonly Word[]): Arguments {
  const options: string[] = [];
  const operands: Word[] = [];
  let uncertain = false;
  let onlyOperands = false;
  for (const word of words.slice(1)) {
    const text = textOf(word);
    if (word.kind === 'dynamic') uncertain = true;
    if (onlyOperands || text === null || !text.startsWith('-') || text === '-') operands.push(word);
    else if (text === '--') onlyOperands = true;
    else options.push(text.startsWith('--') ? (text.split('=')[0] ?? text) : text);
  }
  return { options, operands, uncertain };
}

/** Whether a short option is there, alone or among others (`-rf`), or a long one, perhaps shortened. */
export function hasOption(
  options: readonly string[],
  letters: string,
  long: readonly string[] = [],
): boolean {
  return options.some((option) =>
    option.startsWith('--')
      ? option.length > 3 && long.some((name) => name.startsWith(option))
      : [...letters].some((letter) => option.slice(1).includes(letter)),
  );
}

/** What stands after an option: `-C dir`, `-Cdir`, `--directory=dir`. */
export function valuesOf(words: readonly Word[], short: string | null, long: string | null): Word[] {
  const values: Word[] = [];
  words.forEach((word, at) => {
    const text = textOf(word);
    const next = words[at + 1];
    if (text === null) return;
    if (text === short || text === long) {
      if (next !== undefined) values.push(next);
    } else if (short !== null && text.startsWith(short) && !text.startsWith('--')) {
      values.push({ kind: 'literal', text: text.slice(short.length) });
    } else if (long !== null && text.startsWith(`${long}=`)) {
      values.push({ kind: 'literal', text: text.slice(long.length + 1) });
    }
  });
  return values;
}
