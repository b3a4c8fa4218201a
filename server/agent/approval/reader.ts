/**
 * A small, conservative reader of shell scripts: which simple commands can this script run? Pure.
 *
 * It must never leave a command out in silence. What it does not know for certain ends the reading with a
 * reason, and what was found until then is kept. It follows `;`, `&&`, `||`, `|`, `&`, line breaks, `( )`,
 * `{ }`, `if`, `while`, `until`, `for … in`, `[[ ]]`, command and process substitution, here-documents and
 * here-strings. It does not follow `case`, functions, `select`, `coproc`, `(( ))`: these are unreadable.
 */
import { Lexer, Unreadable } from './lexer.ts';
import { DYNAMIC, textOf, type Assignment, type Reading, type SimpleCommand, type Word } from './words.ts';

/** A longer script is nothing that a person would look at before they say yes. */
const MAX_SCRIPT_CHARS = 256 * 1024;

/** At the place of a command: the command comes after them. */
const LEADING = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '{', '!', 'time']);
/** At the place of a command: what comes after them are redirections, or the next separator. */
const CLOSING = new Set(['fi', 'done', '}']);
const UNREAD = new Set(['case', 'esac', 'select', 'function', 'coproc', 'in']);

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** In bash these compute with what stands in a variable, which can run a command in turn. */
const COMPUTING_TESTS = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge', '-v', '-R']);

export function readScript(script: string, depth = 0): Reading {
  const commands: SimpleCommand[] = [];
  try {
    if (script.length > MAX_SCRIPT_CHARS) throw new Unreadable('it is too long');
    const nested = (inner: string) => {
      const reading = readScript(inner, depth + 1);
      commands.push(...reading.commands);
      if (reading.unreadable !== null) throw new Unreadable(reading.unreadable);
    };
    readList(new Lexer(script, nested, depth), commands);
    return { commands, unreadable: null };
  } catch (error) {
    if (error instanceof Unreadable) return { commands, unreadable: error.message };
    throw error;
  }
}

function readList(lexer: Lexer, commands: SimpleCommand[]): void {
  let parentheses = 0;
  for (;;) {
    const { command, end } = readCommand(lexer);
    if (command !== null) commands.push(command);
    if (end === '(') parentheses++;
    if (end === ')' && --parentheses < 0) throw new Unreadable('a parenthesis has no begin');
    if (end === 'end') {
      if (parentheses > 0) throw new Unreadable('a parenthesis is not closed');
      return;
    }
  }
}

type CommandEnd = 'end' | '(' | ')' | '|' | '|&' | ';' | '&' | '&&' | '||' | '\n';

/** Up to and with the next operator that ends a command. */
function readCommand(lexer: Lexer): { command: SimpleCommand | null; end: CommandEnd } {
  const command: SimpleCommand = { words: [], assignments: [], redirects: [], input: { kind: 'none' } };
  /** After `fi` and the like no word may come. */
  let closed = false;
  let afterTime = false;
  const done = (end: CommandEnd) => {
    const { words, assignments, redirects } = command;
    const isThere = words.length + assignments.length + redirects.length > 0;
    return { command: isThere ? command : null, end };
  };
  for (;;) {
    const token = lexer.next();
    switch (token.kind) {
      case 'end':
        return done('end');
      case 'redirect':
        command.redirects.push(token.redirect);
        if (token.redirect.kind === 'read') command.input = { kind: 'unknown' };
        break;
      case 'input':
        command.input = token.input;
        break;
      case 'operator':
        if (token.text === '(') {
          if (command.words.length + command.assignments.length > 0 || closed) {
            throw new Unreadable('it defines a function or a list');
          }
          if (lexer.peek('(')) throw new Unreadable('it computes');
        }
        if (token.text === ';;' || token.text === ';&') throw new Unreadable('it has a case');
        return done(token.text as CommandEnd);
      case 'word': {
        if (closed) throw new Unreadable('a word comes where none may come');
        const { word, plain } = token;
        if (command.words.length === 0 && plain !== null && command.assignments.length === 0) {
          if (CLOSING.has(plain)) {
            closed = true;
            break;
          }
          if (LEADING.has(plain)) {
            afterTime = plain === 'time';
            break;
          }
          // Its only options: they come before the command.
          if (afterTime && (plain === '-p' || plain === '--')) break;
          if (UNREAD.has(plain)) throw new Unreadable(`it has a “${plain}”`);
          if (plain === 'for') {
            readFor(lexer);
            break;
          }
          if (plain === '[[') {
            readTest(lexer);
            closed = true;
            break;
          }
        }
        if (token.assigns !== null && declares(command.words)) command.assignments.push(token.assigns);
        else command.words.push(word);
        break;
      }
    }
  }
}

/** `NAME in words` up to the separator before `do`; what the words substitute has been read by the lexer. */
function readFor(lexer: Lexer): void {
  const name = lexer.next();
  if (name.kind !== 'word' || name.plain === null || !NAME.test(name.plain))
    throw new Unreadable('its “for”');
  if (isReserved({ name: name.plain, value: DYNAMIC })) throw new Unreadable(`it sets ${name.plain}`);
  const next = lexer.next();
  if (next.kind !== 'word' || next.plain !== 'in') {
    if (next.kind === 'operator' && (next.text === ';' || next.text === '\n')) return;
    throw new Unreadable('its “for”');
  }
  for (;;) {
    const token = lexer.next();
    if (token.kind === 'operator' && (token.text === ';' || token.text === '\n')) return;
    if (token.kind !== 'word') throw new Unreadable('its “for”');
  }
}

/** `[[ … ]]`: runs nothing by itself, unless it computes with what a variable holds. */
function readTest(lexer: Lexer): void {
  const words: Word[] = [];
  for (;;) {
    const token = lexer.next();
    if (token.kind === 'end') throw new Unreadable('a “[[” is not closed');
    if (token.kind === 'redirect' || token.kind === 'input') throw new Unreadable('its “[[”');
    if (token.kind === 'operator') {
      if (['&&', '||', '(', ')', '\n'].includes(token.text)) continue;
      throw new Unreadable('its “[[”');
    }
    if (token.plain === ']]') break;
    words.push(token.word);
  }
  if (words.some((word) => COMPUTING_TESTS.has(textOf(word) ?? ''))) throw new Unreadable('it computes');
}

/** Whether `NAME=value` in the next place sets a variable. */
function declares(before: readonly Word[]): boolean {
  const first = textOf(before[0]);
  return before.length === 0 || (first !== null && DECLARES.has(first));
}
const DECLARES = new Set(['export', 'readonly', 'local', 'declare', 'typeset']);

/** Variables that decide what runs when another command is named. */
export function isReserved({ name, value }: Assignment): boolean {
  if (/^GIT_(AUTHOR|COMMITTER)_|^GIT_TERMINAL_PROMPT$/.test(name)) return false;
  if (/PAGER$|EDITOR$/.test(name)) return !['cat', 'true', ':', ''].includes(textOf(value) ?? '?');
  return RESERVED.has(name) || /^(LD_|DYLD_|BASH_|GIT_|npm_config_|NPM_CONFIG_)/.test(name);
}

const RESERVED = new Set([
  ...[
    'PATH',
    'ENV',
    'CDPATH',
    'SHELL',
    'SHELLOPTS',
    'BASHOPTS',
    'PS4',
    'PROMPT_COMMAND',
    'HOME',
    'PWD',
    'OLDPWD',
  ],
  ...[
    'VISUAL',
    'BROWSER',
    'LESSOPEN',
    'LESSCLOSE',
    'GLOBIGNORE',
    'TAR_OPTIONS',
    'RIPGREP_CONFIG_PATH',
    'MAKEFLAGS',
  ],
]);
