/**
 * From a command to every program that it starts: what wraps another command (`env`, `timeout`, `sudo`,
 * `xargs`, `find -exec`, `bash -c`, `npx` …) is followed to what it runs. Pure.
 *
 * `hidden` is set when something may run that was not seen: a name that is put together, a script that
 * could not be read. It is never left unset for want of a rule.
 */
import { programOf } from './program.ts';
import { isReserved, readScript } from './reader.ts';
import { DYNAMIC, simple, textOf, type Assignment, type SimpleCommand, type Word } from './words.ts';
import { wrapperOf } from './wrappers.ts';

export interface Step {
  command: SimpleCommand;
  /**
   * `wrapper`: only runs the next one. `inside`: runs because the one before it was told to, and is allowed
   * with that one; both can be denied.
   */
  role: 'plain' | 'wrapper' | 'inside';
}

export interface Steps {
  steps: Step[];
  hidden: string | null;
}

/** Wrappers in wrappers. */
const MAX_DEPTH = 12;
/** Their `-c` is read; what other shells make of a script is another language. */
const SHELLS = new Set(['bash', 'sh', 'dash', 'ash']);
const SHELL_FLAGS = /^(-[eufxlnvhbBCEHPTam]+|--norc|--noprofile|--login|--posix|\+[eufx]+)$/;
/** These change what later words mean. */
const CHANGES_MEANING = new Set(['alias', 'unalias', 'enable', 'hash', 'fc', 'bind', 'complete', 'compgen']);
/** They set variables; with an index, or a number, bash computes, which can run a command. */
const SETS = new Set([
  ...[
    'declare',
    'typeset',
    'local',
    'readonly',
    'export',
    'read',
    'mapfile',
    'readarray',
    'getopts',
    'unset',
  ],
]);
const TESTS = new Set(['printf', 'test', '[']);
const TAKES_INDEX = new Set([...SETS, ...TESTS, 'wait']);

export function stepsOf(argv: readonly string[]): Steps {
  const walk = new Walk();
  walk.command(simple(argv.map((text) => ({ kind: 'literal', text }))), 'plain', 0, true);
  return { steps: walk.steps, hidden: walk.hidden };
}

class Walk {
  readonly steps: Step[] = [];
  hidden: string | null = null;

  command(command: SimpleCommand, role: Step['role'], depth: number, isOurs = false): void {
    this.#assigned(command.assignments);
    const program = programOf(command.words[0]);
    if (command.words.length === 0) {
      this.#add(command, role);
      return;
    }
    if (program === null) {
      this.#add(command, role);
      this.#hide('the name of a program is not certain');
      return;
    }
    if (depth > MAX_DEPTH) {
      this.#hide('it is nested too deeply');
      return;
    }
    this.#builtin(program, command.words);
    if (SHELLS.has(program)) {
      if (!isOurs) this.#add(command, 'wrapper');
      this.#shell(command, depth);
      return;
    }
    const wrapped = wrapperOf(program, command.words);
    switch (wrapped.kind) {
      case 'none':
        this.#add(command, role);
        break;
      case 'unclear':
        this.#add(command, role);
        this.#hide(`what ${program} runs is not certain`);
        break;
      case 'script':
        this.#add(command, program === 'eval' || program === 'trap' ? 'wrapper' : role);
        this.#script(wrapped.text, depth);
        break;
      case 'transparent':
        this.#add(command, 'wrapper');
        this.#assigned(wrapped.assignments ?? []);
        this.command({ ...simple(wrapped.words), input: wrapped.input ?? command.input }, role, depth + 1);
        break;
      case 'told':
        this.#add(command, role);
        this.#assigned(wrapped.assignments ?? []);
        this.command({ ...simple(wrapped.words), input: command.input }, 'inside', depth + 1);
        break;
      case 'each':
        this.#add(command, role);
        for (const words of wrapped.all) this.command(simple(words), 'plain', depth + 1);
        break;
    }
  }

  #builtin(program: string, words: Word[]): void {
    if (CHANGES_MEANING.has(program)) this.#hide(`it has “${program}”`);
    const rest = words.slice(1);
    const strange = rest.some((word) => word.kind !== 'dynamic' && /\[.*[$`]/s.test(word.text));
    const texts = rest.map(textOf);
    if (program === 'let' || (TAKES_INDEX.has(program) && strange)) this.#hide('it computes');
    if (TESTS.has(program) && texts.includes('-v')) this.#hide('it computes');
    if (!SETS.has(program)) return;
    // A number, a list, another name for a variable: their values are computed.
    if (texts.some((text) => text !== null && /^-\w*[inaA]/.test(text))) this.#hide('it computes');
    if (texts.includes(null)) this.#hide(`what ${program} sets is not certain`);
    this.#assigned(texts.map((text) => ({ name: /^\w*/.exec(text ?? '')?.[0] ?? '', value: DYNAMIC })));
  }

  #assigned(assignments: readonly Assignment[]): void {
    const reserved = assignments.find(isReserved);
    if (reserved) this.#hide(`it sets ${reserved.name}`);
  }

  /** `bash -c script`, or a script on its standard input. A script in a file is not read. */
  #shell(command: SimpleCommand, depth: number): void {
    const words = command.words.slice(1);
    for (let at = 0; at < words.length; at++) {
      const text = textOf(words[at]);
      if (text === null) return this.#hide('the options of a shell are not certain');
      if (/^-[eufxlnvhbBCEHPTam]*c$/.test(text)) {
        const script = textOf(words[at + 1]);
        if (script === null) return this.#hide('a script is put together when it runs');
        return this.#script(script, depth);
      }
      if (/^(-[eufxlnvh]*o|\+o)$/.test(text)) at++;
      else if (text === '-s' || text === '-' || text === '--') continue;
      else if (!SHELL_FLAGS.test(text)) return this.#hide('a shell is given a script that is not shown');
    }
    if (command.input.kind === 'text') this.#script(command.input.text, depth);
    else this.#hide('a shell is given a script that is not shown');
  }

  #script(text: string, depth: number): void {
    if (depth > MAX_DEPTH) return this.#hide('it is nested too deeply');
    const reading = readScript(text);
    for (const command of reading.commands) this.command(command, 'plain', depth + 1);
    if (reading.unreadable !== null) this.#hide(reading.unreadable);
  }

  #add(command: SimpleCommand, role: Step['role']): void {
    this.steps.push({ command, role });
  }

  #hide(why: string): void {
    this.hidden ??= why;
  }
}
