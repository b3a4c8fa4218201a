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

/** What came out of a sandbox or a model, as lines that only show: no escape sequence survives. */
export function tameLine(text: string): string {
  // A progress bar rewrites its line: what stands there last is what counts.
  const rewritten = text.replace(/\r+$/, '').split('\r').at(-1) ?? '';
  return stripVTControlCharacters(rewritten).replace(CONTROL, '');
}
