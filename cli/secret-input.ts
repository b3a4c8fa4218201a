/**
 * A secret's value from standard input: typed without being shown, or piped. Never from the command line,
 * where other users of the machine see it, and the shell keeps it.
 */
import type { ReadStream } from 'node:tty';
import { CodexError } from '../protocol/errors.ts';
import { SECRET_LEAST_BYTES, SECRET_MOST_BYTES } from '../protocol/limits.ts';
import { UsageError } from './usage.ts';

export interface Value {
  text: string;
  /** The line's end was left out. */
  trimmed: boolean;
}

/** Throws `UsageError` with what is wrong; never with a part of the value. */
export async function readValue(name: string, exact: boolean): Promise<Value> {
  const { stdin } = process;
  const bytes = stdin.isTTY
    ? Buffer.from(await typed(stdin, `Value of ${name} (not shown): `))
    : await piped(stdin);
  return checkedValue(bytes, exact);
}

/**
 * The end of a single line is not part of it: `echo` adds it, and a token with a line break in it is
 * refused by everything that it is shown to. Several lines, a private key for example, stay as they are
 * to the last byte.
 */
export function checkedValue(bytes: Buffer, exact: boolean): Value {
  let whole: string;
  try {
    whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(
      'The value is not UTF-8 text. Encode it, with base64 for example, and decode it in the setup.',
    );
  }
  const line = /^([^\r\n]*)(?:\r\n|\n|\r)$/.exec(whole);
  const trimmed = !exact && line !== null;
  const text = trimmed ? (line[1] ?? '') : whole;
  const length = Buffer.byteLength(text);
  if (length === 0) throw new UsageError('The value is empty: give it on standard input.');
  if (length < SECRET_LEAST_BYTES) {
    throw new UsageError(
      `The value has ${length} bytes; a secret has at least ${SECRET_LEAST_BYTES}, since a shorter one can’t be told from other output.`,
    );
  }
  if (length > SECRET_MOST_BYTES)
    throw new UsageError(`The value has more than the ${SECRET_MOST_BYTES} bytes that a secret can have.`);
  if (text.includes('\0')) throw new UsageError('The value holds a NUL character, which no variable can.');
  return { text, trimmed };
}

async function piped(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    // One more, and its line's end: enough to say that it is too long.
    if (length > SECRET_MOST_BYTES + 2) break;
  }
  return Buffer.concat(chunks);
}

const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';

/** With pastes marked by the terminal: a key of several lines is one value, and none of it a command. */
async function typed(stdin: ReadStream, prompt: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<TypedLine>();
  let line = NEW_LINE;
  let settling: NodeJS.Timeout | undefined;
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(() => resolve(line), SETTLE_MS);
  };
  const onData = (text: string) => {
    line = line.state === 'open' ? afterKeys(line, text) : { ...line, state: severalLines(line) };
    if (line.state !== 'open') settle();
  };
  stdin.setRawMode(true);
  process.stderr.write(`${prompt}${PASTE_ON}`);
  stdin.setEncoding('utf8').on('data', onData).once('end', settle);
  try {
    const { state, value } = await promise;
    if (state === 'cancelled') throw new CodexError('cancelled');
    if (state !== 'tooMany') return value;
    throw new UsageError(
      'The value has several lines, and this terminal does not say where a paste ends. Put it into a file, and give that: codex-tasks secret put NAME < FILE',
    );
  } finally {
    stdin.off('data', onData).pause();
    stdin.setRawMode(false);
    process.stderr.write(`${PASTE_OFF}\n`);
  }
}

/** What comes so soon after the line's end belongs to it: it is read here, so that no shell runs it. */
const SETTLE_MS = 60;

const severalLines = ({ state }: TypedLine) => (state === 'done' ? 'tooMany' : state);

export interface TypedLine {
  state: 'open' | 'done' | 'cancelled' | 'tooMany';
  value: string;
  pasting: boolean;
  /** The beginning of a key's code that is not there whole. */
  rest: string;
}

export const NEW_LINE: TypedLine = { state: 'open', value: '', pasting: false, rest: '' };

/** What the keys make of the line. Pure. */
export function afterKeys(line: TypedLine, keys: string): TypedLine {
  let { value, pasting } = line;
  let text = line.rest + keys;
  while (text !== '') {
    const code = ESCAPE.exec(text)?.[0];
    if (code !== undefined) {
      if (code === '\u001b[200~') pasting = true;
      else if (code === '\u001b[201~') pasting = false;
      text = text.slice(code.length);
      continue;
    }
    if (text.startsWith('\u001b') && text.length < ESCAPE_MOST_CHARS)
      return { state: 'open', value, pasting, rest: text };
    const [mark = ''] = text;
    text = text.slice(mark.length);
    if (pasting) {
      value += mark === '\r' ? '\n' : mark;
      continue;
    }
    switch (mark) {
      case '\r':
      case '\n':
      case '\u0004':
        return { state: text.trim() === '' ? 'done' : 'tooMany', value, pasting, rest: '' };
      case '\u0003':
        return { state: 'cancelled', value: '', pasting, rest: '' };
      case '\u0015':
        value = '';
        break;
      case '\u007f':
      case '\b':
        value = [...value].slice(0, -1).join('');
        break;
      default:
        if (mark >= ' ' || mark === '\t') value += mark;
    }
  }
  return { state: 'open', value, pasting, rest: '' };
}

const ESCAPE_MOST_CHARS = 8;
// An arrow key, the marks of a paste, and the like.
const ESCAPE = new RegExp('^\\u001b\\[[0-9;?]*[A-Za-z~]');
