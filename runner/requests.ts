/** What the backend asks for, checked by hand: a malformed request is refused, never half obeyed. */
import { isAbsolute } from 'node:path';
import type { Readable } from 'node:stream';
import { CALL_ID_PATTERN, DOOR_JSON_BYTES, HELLO_LINE_BYTES, TERMINAL_MOST_CELLS } from '../protocol/door.ts';
import type {
  DoorCapture,
  DoorCheckout,
  DoorCommand,
  DoorHello,
  DoorTerminal,
  WayOut,
} from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';

const SHA = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Git's own rules decide what a branch may be called; this keeps options and nonsense away. */
const BRANCH = /^(?!-)[^\0-\x20\x7f]{1,250}$/;

type Fields = Record<string, unknown>;

export function parseHello(line: string): DoorHello | null {
  if (line.length > HELLO_LINE_BYTES) return null;
  try {
    const hello = fields(JSON.parse(line));
    const generation = hello.generation;
    if (!isCount(generation) || !isCount(hello.door)) return null;
    return { door: hello.door, generation, ...(isCount(hello.pump) ? { pump: hello.pump } : {}) };
  } catch {
    return null;
  }
}

export async function readBytes(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new DoorRefusal('badRequest', 'the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readJson(stream: Readable): Promise<unknown> {
  const bytes = await readBytes(stream, DOOR_JSON_BYTES);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw new DoorRefusal('badRequest', 'the request is not JSON');
  }
}

export function asCallId(text: string): string {
  return CALL_ID_PATTERN.test(text) ? text : bad('callId');
}

export function asCount(text: string | null, name: string): number {
  const value = Number(text ?? NaN);
  return isCount(value) ? value : bad(name);
}

export function asCommand(value: unknown): DoorCommand {
  const { argv, cwd, env, timeoutMs, maxOutputBytes, stdin, tty } = fields(value);
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every(isArgument)) bad('argv');
  if (typeof env !== 'object' || env === null || !Object.values(env).every(isArgument)) bad('env');
  if (!isCount(timeoutMs) || !isCount(maxOutputBytes)) bad('timeoutMs or maxOutputBytes');
  if (stdin !== undefined && stdin !== 'open') bad('stdin');
  return {
    argv: argv,
    cwd: asPath(cwd, 'cwd'),
    env: env as Record<string, string>,
    timeoutMs: timeoutMs,
    maxOutputBytes: maxOutputBytes,
    ...(stdin === undefined ? {} : { stdin }),
    ...(tty === undefined ? {} : { tty: asSize(tty) }),
  };
}

export function asTerminal(line: string): DoorTerminal {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return bad('the first line');
  }
  const { columns, rows } = fields(value);
  const { argv, cwd, env } = asCommand({ ...fields(value), timeoutMs: 0, maxOutputBytes: 0 });
  return { argv, cwd, env, columns: asCells(columns), rows: asCells(rows) };
}

function asSize(value: unknown): { columns: number; rows: number } {
  const { columns, rows } = fields(value);
  return { columns: asCells(columns), rows: asCells(rows) };
}

export function asCells(value: unknown): number {
  return isCount(value) && value >= 1 && value <= TERMINAL_MOST_CELLS ? value : bad('columns or rows');
}

export function asCheckout(value: unknown): DoorCheckout {
  const { workdir, sha, branch, asUncommitted, keep, last } = fields(value);
  if (typeof branch !== 'string' || !BRANCH.test(branch)) return bad('branch');
  return {
    workdir: asPath(workdir, 'workdir'),
    sha: asSha(sha),
    branch,
    ...(asUncommitted === undefined ? {} : { asUncommitted: asSha(asUncommitted) }),
    ...(keep === true ? { keep } : {}),
    ...(last === true ? { last } : {}),
  };
}

export function asCapture(value: unknown): DoorCapture {
  const { workdir, base } = fields(value);
  return { workdir: asPath(workdir, 'workdir'), base: asSha(base) };
}

export function asPath(value: unknown, name: string): string {
  return typeof value === 'string' && isAbsolute(value) && !value.includes('\0') ? value : bad(name);
}

export function asWayOut(value: unknown): WayOut {
  return value === 'origin' || value === 'egress' ? value : bad('for');
}

function asSha(value: unknown): string {
  return typeof value === 'string' && SHA.test(value) ? value : bad('commit');
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : bad('body');
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isArgument(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function bad(name: string): never {
  throw new DoorRefusal('badRequest', `${name} is missing or malformed`);
}
