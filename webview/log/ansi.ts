/**
 * The output of a command as lines of coloured runs. Colours and weights of SGR are kept, a carriage
 * return starts its line anew (progress bars), every other control sequence is dropped: nothing of
 * it can move outside its own line. Pure; what is unfinished at the end of a chunk waits for the next.
 */

export interface Style {
  /** `0`–`15`: the theme's terminal colours; `#rrggbb` otherwise. */
  fg?: string;
  bg?: string;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
  strike?: true;
  inverse?: true;
}

export interface Run {
  text: string;
  style: Style | null;
}

export interface Line {
  /** Counts from 0 over the whole output, also over dropped lines. */
  index: number;
  runs: Run[];
  chars: number;
  /** Something was cut off its end. */
  cut: boolean;
}

/** A line longer than this is cut: one line of a minified bundle must not freeze a page. */
export const MAX_LINE_CHARS = 2_000;
/** An escape sequence that is not over within this is no sequence. */
const MAX_SEQUENCE_CHARS = 512;

const SPECIAL = /[\u0000-\u0008\u000a-\u001f\u007f\u0080-\u009f]/g;

export class AnsiLines {
  readonly lines: Line[] = [];
  #style: Style | null = null;
  #rest = '';
  #restart = false;
  #nextIndex = 0;

  /** All lines ever begun, dropped ones too. */
  get count(): number {
    return this.#nextIndex;
  }

  /** Forgets all but the newest `keep` lines; returns how many went. */
  trim(keep: number): number {
    const gone = Math.max(0, this.lines.length - keep);
    if (gone > 0) this.lines.splice(0, gone);
    return gone;
  }

  write(chunk: string): void {
    const text = this.#rest + chunk;
    this.#rest = '';
    let at = 0;
    while (at < text.length) {
      SPECIAL.lastIndex = at;
      const found = SPECIAL.exec(text);
      const end = found ? found.index : text.length;
      if (end > at) this.#print(text.slice(at, end));
      if (!found) return;
      at = end + 1;
      switch (text.charAt(end)) {
        case '\n':
          this.#restart = false;
          if (this.lines.length === 0) this.#newLine();
          this.#newLine();
          break;
        case '\r':
          this.#restart = true;
          break;
        case '\b':
          this.#backspace();
          break;
        case '\u001b': {
          const length = sequenceLength(text, end);
          if (length === 0) {
            this.#rest = text.slice(end);
            return;
          }
          this.#sequence(text.slice(end, end + length));
          at = end + length;
          break;
        }
        default:
        // Any other control character: dropped.
      }
    }
  }

  #newLine(): Line {
    const line: Line = { index: this.#nextIndex++, runs: [], chars: 0, cut: false };
    this.lines.push(line);
    return line;
  }

  #current(): Line {
    return this.lines.at(-1) ?? this.#newLine();
  }

  #print(text: string): void {
    const line = this.#current();
    if (this.#restart) {
      line.runs = [];
      line.chars = 0;
      line.cut = false;
      this.#restart = false;
    }
    const room = MAX_LINE_CHARS - line.chars;
    if (room <= 0) {
      line.cut = true;
      return;
    }
    const kept = text.length > room ? text.slice(0, room) : text;
    if (kept.length < text.length) line.cut = true;
    const last = line.runs.at(-1);
    if (last && last.style === this.#style) last.text += kept;
    else line.runs.push({ text: kept, style: this.#style });
    line.chars += kept.length;
  }

  #backspace(): void {
    const last = this.#current().runs.at(-1);
    if (!last || last.text.length === 0) return;
    last.text = last.text.slice(0, -1);
    this.#current().chars--;
  }

  #sequence(sequence: string): void {
    const control = /^\u001b\[([0-9;:]*)([@-~])$/.exec(sequence);
    if (!control) return;
    if (control[2] === 'm') this.#style = nextStyle(this.#style, control[1] ?? '');
    // "Erase line": what a progress bar sends before it writes anew.
    else if (control[2] === 'K' && control[1] === '2') this.#restart = true;
  }
}

/** Of the escape sequence at `start`; 0 when its end has not come yet. */
function sequenceLength(text: string, start: number): number {
  const second = text[start + 1];
  if (second === undefined) return 0;
  const available = text.length - start;
  const unfinished = available > MAX_SEQUENCE_CHARS ? 1 : 0;
  if (second === '[') {
    for (let at = start + 2; at < text.length && at - start < MAX_SEQUENCE_CHARS; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x40 && code <= 0x7e) return at - start + 1;
      if (code < 0x20 || code > 0x7e) return at - start;
    }
    return unfinished;
  }
  if (second === ']' || second === 'P' || second === '_' || second === '^' || second === 'X') {
    for (let at = start + 2; at < text.length && at - start < MAX_SEQUENCE_CHARS; at++) {
      if (text[at] === '\u0007') return at - start + 1;
      if (text[at] === '\u001b') {
        if (at + 1 >= text.length) return 0;
        return text[at + 1] === '\\' ? at - start + 2 : at - start;
      }
      if (text[at] === '\n') return at - start;
    }
    return unfinished;
  }
  // Two characters, or three when a character set is chosen.
  if ('()*+-./#% '.includes(second)) return available < 3 ? 0 : 3;
  return 2;
}

function nextStyle(before: Style | null, parameters: string): Style | null {
  const style: Style = { ...before };
  const codes = parameters.split(/[;:]/).map((text) => (text === '' ? 0 : Number(text)));
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 0) for (const key of Object.keys(style) as (keyof Style)[]) delete style[key];
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) {
      delete style.bold;
      delete style.dim;
    } else if (code === 23) delete style.italic;
    else if (code === 24) delete style.underline;
    else if (code === 27) delete style.inverse;
    else if (code === 29) delete style.strike;
    else if (code >= 30 && code <= 37) style.fg = String(code - 30);
    else if (code >= 90 && code <= 97) style.fg = String(code - 82);
    else if (code >= 40 && code <= 47) style.bg = String(code - 40);
    else if (code >= 100 && code <= 107) style.bg = String(code - 92);
    else if (code === 39) delete style.fg;
    else if (code === 49) delete style.bg;
    else if (code === 38 || code === 48) {
      const read = extended(codes, at + 1);
      if (read.color !== undefined) style[code === 38 ? 'fg' : 'bg'] = read.color;
      at += read.used;
    }
  }
  return Object.keys(style).length > 0 ? style : null;
}

/** `5;n` of the 256-colour table, `2;r;g;b`. */
function extended(codes: number[], at: number): { color?: string; used: number } {
  if (codes[at] === 5) {
    const color = paletteColor(codes[at + 1] ?? -1);
    return color === undefined ? { used: 2 } : { color, used: 2 };
  }
  if (codes[at] !== 2) return { used: 1 };
  const parts = codes.slice(at + 1, at + 4);
  const valid =
    parts.length === 3 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  return valid ? { color: hex(parts), used: 4 } : { used: 4 };
}

function paletteColor(index: number): string | undefined {
  if (!Number.isInteger(index) || index < 0 || index > 255) return undefined;
  if (index < 16) return String(index);
  if (index >= 232) return hex([index, index, index].map((n) => 8 + (n - 232) * 10));
  const steps = [0, 95, 135, 175, 215, 255];
  const cube = index - 16;
  return hex([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => steps[step] ?? 0));
}

function hex(parts: number[]): string {
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
