/**
 * The tokens of a shell script. Pure. What stands in a substitution is handed to `nested` as a script of
 * its own; whatever is not known for certain throws `Unreadable`.
 */
import { DYNAMIC, type Assignment, type Input, type Redirect, type Word } from './words.ts';

export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

export type Token =
  | { kind: 'end' }
  | { kind: 'operator'; text: string }
  | { kind: 'redirect'; redirect: Redirect }
  | { kind: 'input'; input: Input }
  /** `plain`: its text when nothing of it is quoted, so that it can be a reserved word. */
  | { kind: 'word'; word: Word; plain: string | null; assigns: Assignment | null };

/** The longest first. */
const OPERATORS = ['&&', '||', ';;', ';&', '|&', ';', '&', '|', '(', ')', '\n'];
const REDIRECTS = ['&>>', '<<<', '<<-', '&>', '>>', '>|', '>&', '<>', '<<', '<&', '>', '<'];
/** No other blank separates words for a shell. */
const ENDS_WORD = /[ \t\n;&|()<>]/;
/** Substitutions in substitutions. */
const MAX_DEPTH = 20;
/** Shown as nothing, or as something else than it is. */
const DECEIVES =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const CONTINUED = 'a line goes on inside a word';
const ASSIGNS = /^([A-Za-z_][A-Za-z0-9_]*)\+?=/;

interface Part {
  dynamic: boolean;
  quoted: boolean;
  text: string;
}

const SUBSTITUTED: Part = { dynamic: true, quoted: true, text: '' };
const quotedPart = (text: string): Part => ({ dynamic: false, quoted: true, text });

export class Lexer {
  readonly #text: string;
  readonly #nested: (script: string) => void;
  readonly #depth: number;
  #at = 0;
  /** Here-documents whose text begins after the line. */
  #documents: { end: string; quoted: boolean; tabs: boolean; input: Input & { kind: 'text' | 'unknown' } }[] =
    [];

  constructor(text: string, nested: (script: string) => void, depth = 0) {
    if (depth > MAX_DEPTH) throw new Unreadable('it is nested too deeply');
    if (DECEIVES.test(text)) throw new Unreadable('it has characters that can not be seen');
    this.#text = text;
    this.#nested = nested;
    this.#depth = depth;
  }

  peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  next(): Token {
    this.#skipBlanks();
    if (this.#at >= this.#text.length) {
      if (this.#documents.length > 0) throw new Unreadable('a here-document is missing');
      return { kind: 'end' };
    }
    const redirect = this.#redirect();
    if (redirect !== null) return redirect;
    for (const text of OPERATORS) {
      if (!this.peek(text)) continue;
      this.#at += text.length;
      if (text === '\n') this.#readDocuments();
      return { kind: 'operator', text };
    }
    return this.#wordToken();
  }

  #skipBlanks(): void {
    for (;;) {
      if (this.peek('\\\n')) {
        // Anywhere else it could join the two halves of an operator.
        if (this.#at > 0 && !/[ \t\n]/.test(this.#text.charAt(this.#at - 1))) throw new Unreadable(CONTINUED);
        this.#at += 2;
      } else if (/[ \t]/.test(this.#char())) this.#at++;
      else break;
    }
    if (this.#char() === '#') {
      const end = this.#text.indexOf('\n', this.#at);
      this.#at = end < 0 ? this.#text.length : end;
    }
  }

  #redirect(): Token | null {
    const descriptor = /^(\d+|\{\w+\})(?=[<>])/.exec(this.#text.slice(this.#at, this.#at + 64))?.[0] ?? '';
    const from = this.#at + descriptor.length;
    const operator = REDIRECTS.find((text) => this.#text.startsWith(text, from));
    if (operator === undefined) return null;
    // `<( )` and `>( )` are words.
    if ((operator === '<' || operator === '>') && this.#text.charAt(from + 1) === '(') return null;
    this.#at = from + operator.length;
    const standardInput = descriptor === '' || descriptor === '0';
    if (operator === '<<' || operator === '<<-') return this.#document(operator === '<<-', standardInput);
    const { word, plain } = this.#target();
    if (operator === '<<<') {
      // Wildcards mean nothing there.
      const certain = word.kind !== 'dynamic' && descriptor === '';
      return {
        kind: 'input',
        input: certain ? { kind: 'text', text: `${word.text}\n` } : { kind: 'unknown' },
      };
    }
    // `2>&1`, `>&-`: another name for what is open.
    if ((operator === '>&' || operator === '<&') && plain !== null && /^(\d+-?|-)$/.test(plain)) {
      if (operator === '<&') return { kind: 'input', input: { kind: 'unknown' } };
      return {
        kind: 'redirect',
        redirect: { kind: 'write', target: { kind: 'literal', text: '/dev/stderr' } },
      };
    }
    return { kind: 'redirect', redirect: { kind: operator.includes('>') ? 'write' : 'read', target: word } };
  }

  #target(): Extract<Token, { kind: 'word' }> {
    this.#skipBlanks();
    if (this.#at >= this.#text.length || this.#char() === '\n')
      throw new Unreadable('a redirection has no target');
    if (ENDS_WORD.test(this.#char()) && !this.peek('<(') && !this.peek('>('))
      throw new Unreadable('a redirection has no target');
    return this.#wordToken();
  }

  #document(tabs: boolean, standardInput: boolean): Token {
    this.#skipBlanks();
    const from = this.#at;
    const { word } = this.#wordToken();
    if (word.kind === 'dynamic') throw new Unreadable('the end of a here-document is not certain');
    const source = this.#text.slice(from, this.#at);
    if (source.includes('$') || source.includes('`'))
      throw new Unreadable('the end of a here-document is not certain');
    const input = { kind: 'text' as const, text: '' };
    this.#documents.push({ end: word.text, quoted: /['"\\]/.test(source), tabs, input });
    return { kind: 'input', input: standardInput ? input : { kind: 'unknown' } };
  }

  #readDocuments(): void {
    for (const document of this.#documents.splice(0)) {
      const lines: string[] = [];
      for (;;) {
        if (this.#at >= this.#text.length) throw new Unreadable('a here-document has no end');
        const end = this.#text.indexOf('\n', this.#at);
        const raw = this.#text.slice(this.#at, end < 0 ? undefined : end);
        this.#at = end < 0 ? this.#text.length : end + 1;
        const line = document.tabs ? raw.replace(/^\t+/, '') : raw;
        if (line === document.end) break;
        lines.push(line);
      }
      const text = lines.map((line) => `${line}\n`).join('');
      if (document.quoted || !/[$`\\]/.test(text)) {
        Object.assign(document.input, { text });
        continue;
      }
      // Like in double quotes, where a quote is nothing special.
      const inner = new Lexer(text, this.#nested, this.#depth + 1);
      inner.#quoted('');
      Object.assign(document.input, { kind: 'unknown' });
    }
  }

  #wordToken(): Extract<Token, { kind: 'word' }> {
    const from = this.#at;
    const parts: Part[] = [];
    while (this.#at < this.#text.length) {
      const process = this.peek('<(') || this.peek('>(');
      if (!process && ENDS_WORD.test(this.#char())) break;
      if (this.peek('\\\n')) {
        if (!/[ \t]/.test(this.#text.charAt(this.#at + 2))) throw new Unreadable(CONTINUED);
        break;
      }
      parts.push(process ? this.#substitution(2) : this.#part());
    }
    const source = this.#text.slice(from, this.#at);
    if (this.#documents.length > 0 && source.includes('\n'))
      throw new Unreadable('a here-document is missing');
    const plain = /['"\\$`]/.test(source) ? null : source;
    return { kind: 'word', word: wordOf(parts), plain, assigns: this.#assignment(source, parts) };
  }

  #assignment(source: string, parts: Part[]): Assignment | null {
    const match = ASSIGNS.exec(source);
    if (!match) return null;
    const text = parts.map((part) => part.text).join('');
    const dynamic = parts.some((part) => part.dynamic);
    const value: Word = dynamic ? DYNAMIC : { kind: 'literal', text: text.slice(match[0].length) };
    return { name: match[1] ?? '', value };
  }

  /** A piece of a word: one character, or what is quoted or substituted. */
  #part(): Part {
    const char = this.#char();
    switch (char) {
      case '\\': {
        const next = this.#text.charAt(this.#at + 1);
        this.#at += 2;
        if (next === '') throw new Unreadable('it ends with a backslash');
        return quotedPart(next);
      }
      case "'": {
        const end = this.#text.indexOf("'", this.#at + 1);
        if (end < 0) throw new Unreadable('a quote is not closed');
        const text = this.#text.slice(this.#at + 1, end);
        this.#at = end + 1;
        return quotedPart(text);
      }
      case '"':
        this.#at++;
        return this.#quoted('"');
      case '`':
        return this.#backquoted();
      case '$':
        return this.#dollar(false);
      default:
        this.#at++;
        return { dynamic: false, quoted: false, text: char };
    }
  }

  /** After the opening quote, up to and with `end`; with none, up to the end of the text. */
  #quoted(end: '"' | ''): Part {
    let text = '';
    let dynamic = false;
    for (;;) {
      if (this.#at >= this.#text.length) {
        if (end === '') return { dynamic, quoted: true, text };
        throw new Unreadable('a quote is not closed');
      }
      const char = this.#char();
      if (char === end) {
        this.#at++;
        return { dynamic, quoted: true, text };
      }
      if (char === '\\') {
        const next = this.#text.charAt(this.#at + 1);
        this.#at += 2;
        if (next === '\n') throw new Unreadable(CONTINUED);
        text += /[$`"\\]/.test(next) ? next : `\\${next}`;
      } else if (char === '$' || char === '`') {
        const part = char === '$' ? this.#dollar(true) : this.#backquoted();
        dynamic ||= part.dynamic;
        text += part.text;
      } else {
        text += char;
        this.#at++;
      }
    }
  }

  #dollar(inQuotes: boolean): Part {
    if (this.peek('$((')) throw new Unreadable('it computes');
    if (this.peek('$[')) throw new Unreadable('it computes');
    if (this.peek('$(')) return this.#substitution(2);
    if (this.peek('${')) return this.#braces();
    if (!inQuotes && (this.peek("$'") || this.peek('$"'))) return this.#escapedQuote();
    const name = /^\$([A-Za-z_]\w*|[0-9@*#?$!-])/.exec(this.#text.slice(this.#at, this.#at + 256))?.[0];
    this.#at += name?.length ?? 1;
    return name === undefined ? quotedPart('$') : SUBSTITUTED;
  }

  /** `${…}`: what can run something in it is refused rather than read. */
  #braces(): Part {
    const match =
      /^\$\{(#?([A-Za-z_]\w*|\d+|[@*#?$!-])|([A-Za-z_]\w*|\d+)(:?[-?+]|%%?|##?|\^\^?|,,?|\/\/?)[^${}`\\'"[\]]*)\}/.exec(
        this.#text.slice(this.#at, this.#at + 1_000),
      )?.[0];
    if (match === undefined) throw new Unreadable('a variable is put together');
    this.#at += match.length;
    return SUBSTITUTED;
  }

  #escapedQuote(): Part {
    const quote = this.#text.charAt(this.#at + 1);
    if (quote === '"') {
      this.#at += 2;
      this.#quoted('"');
      return SUBSTITUTED;
    }
    for (let at = this.#at + 2; at < this.#text.length; at++) {
      if (this.#text.charAt(at) === '\\') at++;
      else if (this.#text.charAt(at) === "'") {
        const text = this.#text.slice(this.#at + 2, at);
        this.#at = at + 1;
        return text.includes('\\') ? SUBSTITUTED : quotedPart(text);
      }
    }
    throw new Unreadable('a quote is not closed');
  }

  #backquoted(): Part {
    let script = '';
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const char = this.#text.charAt(at);
      if (char === '`') {
        this.#at = at + 1;
        this.#nested(script);
        return SUBSTITUTED;
      }
      // What a backslash means in here depends on what is around.
      if (char === '\\') throw new Unreadable('it has a backslash in a substitution');
      script += char;
    }
    throw new Unreadable('a substitution is not closed');
  }

  /** `$( )`, `<( )`, `>( )`: its end is found by reading the script inside. */
  #substitution(opening: number): Part {
    if (this.#documents.length > 0) throw new Unreadable('a substitution comes after a here-document');
    const from = this.#at + opening;
    const inner = new Lexer(this.#text.slice(from), () => undefined, this.#depth + 1);
    let open = 1;
    while (open > 0) {
      const token = inner.next();
      if (token.kind === 'end') throw new Unreadable('a substitution is not closed');
      if (token.kind === 'word' && token.plain === 'case') throw new Unreadable('it has a “case”');
      if (token.kind === 'operator' && token.text === '(') open++;
      if (token.kind === 'operator' && token.text === ')') open--;
    }
    if (inner.#documents.length > 0) throw new Unreadable('a here-document is missing');
    this.#nested(this.#text.slice(from, from + inner.#at - 1));
    this.#at = from + inner.#at;
    return SUBSTITUTED;
  }

  #char(): string {
    return this.#text.charAt(this.#at);
  }
}

function wordOf(parts: Part[]): Word {
  if (parts.some((part) => part.dynamic)) return DYNAMIC;
  const text = parts.map((part) => part.text).join('');
  const bare = parts.map((part) => (part.quoted ? '\0' : part.text)).join('');
  // `{a,b}` becomes several words, `~name` somebody's home.
  if (/\{.*(,|\.\.).*\}/s.test(bare) || /^~[^/]/.test(bare)) return DYNAMIC;
  if (bare === '[' || bare === '[[') return { kind: 'literal', text };
  return { kind: /[*?[]/.test(bare) ? 'glob' : 'literal', text };
}
