/**
 * The backend's log: one line per entry on standard error, or wherever `write` puts it. Codes and names
 * only: never a token, a header, a query string, a prompt, or what a command printed.
 */
import { CodexError } from '../protocol/errors.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export function makeLog(
  level: LogLevel = 'info',
  write: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): Log {
  const at =
    (of: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (LEVELS.indexOf(of) < LEVELS.indexOf(level)) return;
      const words = Object.entries(fields).map(([key, value]) => `${key}=${wordFor(value)}`);
      write([new Date().toISOString(), of.toUpperCase(), message, ...words].join(' '));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const NO_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };

function wordFor(value: unknown): string {
  if (value instanceof CodexError) return JSON.stringify(`${value.code}: ${value.message}`);
  // An unexpected error is a mistake of ours: its place is what one needs.
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  return typeof value === 'string' ? JSON.stringify(value) : String(JSON.stringify(value) ?? value);
}
