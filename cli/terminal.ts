/** Writing for a person: colour only on a terminal that wants it, and nothing that moves its cursor. */
import { stripVTControlCharacters } from 'node:util';

export interface Paint {
  bold: (text: string) => string;
  dim: (text: string) => string;
  red: (text: string) => string;
  green: (text: string) => string;
  yellow: (text: string) => string;
  cyan: (text: string) => string;
}

export function paint(colour: boolean): Paint {
  const sgr = (on: number, off: number) => (text: string) =>
    colour && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    bold: sgr(1, 22),
    dim: sgr(2, 22),
    red: sgr(31, 39),
    green: sgr(32, 39),
    yellow: sgr(33, 39),
    cyan: sgr(36, 39),
  };
}

/** By https://no-color.org: any non-empty NO_COLOR turns colour off. */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0') return true;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

const CONTROL = new RegExp(
  '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]',
  'g',
);

/** What came out of a sandbox or a model, as one line that only shows: no escape sequence survives. */
export function tameLine(text: string): string {
  // A progress bar rewrites its line: what stands there last is what counts.
  const rewritten = text.replace(/\r+$/, '').split('\r').at(-1) ?? '';
  return stripVTControlCharacters(rewritten).replace(CONTROL, '').replaceAll('\n', ' ');
}

/**
 * A sentence whose parameters may come from anywhere. Further lines are indented: none of them can pass
 * for a line of ours.
 */
export function tameText(text: string): string {
  return text.trimEnd().split('\n').map(tameLine).join('\n    ');
}

/** A file's name, whole: what would move the cursor or break the line is shown as an escape. */
export function tameName(name: string): string {
  return name.replace(/[\n\t]/g, (mark) => (mark === '\n' ? '\\n' : '\\t')).replace(CONTROL, escaped);
}

function escaped(mark: string): string {
  const code = mark.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
