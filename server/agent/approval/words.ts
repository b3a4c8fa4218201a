/**
 * One word of a shell script, as far as it is certain. Pure.
 *
 * A word is only `literal` when its text is what the program gets, to the letter. `glob` becomes names of
 * files that are there; `dynamic` can become anything, also several words or none.
 */
export type Word =
  | { kind: 'literal'; text: string }
  /** `text` as it was written, with its wildcards. */
  | { kind: 'glob'; text: string }
  | { kind: 'dynamic' };

export interface Redirect {
  kind: 'write' | 'read';
  target: Word;
}

/** What a command reads on its standard input, as far as that is known. */
export type Input =
  /** Nothing of the script's. */
  | { kind: 'none' }
  /** A here-document or here-string, to the letter. */
  | { kind: 'text'; text: string }
  /** From another command, a file, or text that is put together when it runs. */
  | { kind: 'unknown' };

/** `NAME=value` before a command, or alone. */
export interface Assignment {
  name: string;
  value: Word;
}

/** A simple command of a script. */
export interface SimpleCommand {
  words: Word[];
  assignments: Assignment[];
  redirects: Redirect[];
  input: Input;
}

/** All commands that a script can run, and why that is perhaps not all. */
export interface Reading {
  commands: SimpleCommand[];
  /** Null: everything was read. */
  unreadable: string | null;
}

export function literal(text: string): Word {
  return { kind: 'literal', text };
}

export const DYNAMIC: Word = { kind: 'dynamic' };

export function simple(words: Word[]): SimpleCommand {
  return { words, assignments: [], redirects: [], input: { kind: 'none' } };
}

/** The word's text when it is certain. */
export function textOf(word: Word | undefined): string | null {
  return word?.kind === 'literal' ? word.text : null;
}

/** An argument in which a placeholder stands for what is only known when it runs. */
export function withPlaceholder(words: readonly Word[], placeholder: string): Word[] {
  return words.map((word) => (word.kind !== 'dynamic' && word.text.includes(placeholder) ? DYNAMIC : word));
}
