/** Whether a command is one that an environment allows or denies. Pure. */
import { withoutGlobals } from './git.ts';
import { programOf } from './program.ts';
import { textOf, type Word } from './words.ts';

/** Stands for what is not certain: only a `*` is sure to match it. */
const UNCERTAIN = '\u0001';

function textsOf(words: readonly Word[]): string[] {
  return words.map((word) => textOf(word) ?? UNCERTAIN);
}

/** Every word to the letter: `npm test` allows `npm test --watch`, but neither `npm` nor `./npm test`. */
export function allows(pattern: string, words: readonly Word[]): boolean {
  const texts = textsOf(words);
  if (texts[0] === UNCERTAIN) return false;
  if (pattern.includes('*')) return matcher(pattern).test(texts.join(' '));
  return pattern.split(/\s+/).every((word, at) => word === texts[at]);
}

/**
 * However it is written: the program by its name alone, options in any order and between other words.
 * `maybe`: something that is only known when it runs could make it a denied one.
 */
export function denies(pattern: string, words: readonly Word[]): 'yes' | 'no' | 'maybe' {
  const program = programOf(words[0]);
  if (program === null) return 'maybe';
  const plain = program === 'git' ? withoutGlobals(words) : [...words];
  if (pattern.includes('*')) return deniesByStar(pattern, program, words, plain);
  const [first = '', ...rest] = pattern.split(/\s+/);
  if (programOf({ kind: 'literal', text: first }) !== program) return 'no';

  const texts = textsOf(plain.slice(1));
  const operands = texts.filter((text) => !text.startsWith('-'));
  const wanted = rest.filter((text) => !text.startsWith('-'));
  const uncertain = texts.includes(UNCERTAIN);
  for (const [at, text] of wanted.entries()) {
    const there = operands[at];
    if (there === UNCERTAIN) return 'maybe';
    if (there !== text) return 'no';
  }
  const options = new Set(texts.flatMap(lettersOf));
  const missing = rest
    .filter((text) => text.startsWith('-'))
    .flatMap(lettersOf)
    .some((option) => !options.has(option));
  if (!missing) return 'yes';
  return uncertain ? 'maybe' : 'no';
}

function deniesByStar(
  pattern: string,
  program: string,
  words: readonly Word[],
  plain: Word[],
): 'yes' | 'no' | 'maybe' {
  const match = matcher(pattern);
  const spellings = [words, plain].flatMap((some) => {
    const [first = '', ...texts] = textsOf(some);
    const operands = texts.filter((text) => !text.startsWith('-'));
    return [
      [first, ...texts],
      [program, ...texts],
      [program, ...operands],
    ].map((all) => all.join(' '));
  });
  if (spellings.some((text) => match.test(text))) return 'yes';
  if (!spellings.some((text) => text.includes(UNCERTAIN))) return 'no';
  const first = pattern.split(/\s+/)[0] ?? '';
  return matcher(first).test(program) ? 'maybe' : 'no';
}

/** `-rf` as `-r` and `-f`. */
function lettersOf(text: string): string[] {
  if (text.startsWith('--')) return [text];
  return text.startsWith('-') && text.length > 1 ? [...text.slice(1)].map((letter) => `-${letter}`) : [];
}

interface Matcher {
  test(text: string): boolean;
}

/** `*` stands for anything, also for nothing after a blank. In linear time: the text is the model's. */
function matcher(pattern: string): Matcher {
  const plain = pattern.trim().split(/\s+/).join(' ');
  const parts = plain.split(/\*+/);
  const [first = '', ...middle] = parts;
  const last = middle.pop();
  if (last === undefined) return { test: (text) => text === plain };
  return {
    test(text) {
      if (plain.endsWith(' *') && middle.length === 0 && text === plain.slice(0, -2)) return true;
      if (!text.startsWith(first)) return false;
      let at = first.length;
      for (const part of middle) {
        const found = text.indexOf(part, at);
        if (found < 0) return false;
        at = found + part.length;
      }
      return text.length - last.length >= at && text.endsWith(last);
    },
  };
}
