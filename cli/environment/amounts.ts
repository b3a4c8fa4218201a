/** Times and sizes as a person writes them: `20m`, `12h`, `off`, `8g`, `512m`. Pure. */
import { UsageError } from '../usage.ts';

const TIME_UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNITS: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** In milliseconds. `off` is 0 where that means something. */
export function duration(flag: string, value: string, offIs: 0 | null = null): number {
  if (offIs !== null && value === 'off') return offIs;
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(s|m|h|d)$/i.exec(value) ?? [];
  const ms = Math.round(Number(number) * (TIME_UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN));
  if (Number.isSafeInteger(ms)) return ms;
  const off = offIs === null ? '' : ', or off';
  throw new UsageError(`${flag} is a time with its unit, such as 90s, 20m or 12h${off}, not “${value}”.`);
}

/** In bytes; the units are powers of 1024, as container engines take them. */
export function size(flag: string, value: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(k|m|g|t)(?:i?b)?$/i.exec(value) ?? [];
  const bytes = Math.round(Number(number) * (SIZE_UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(`${flag} is a size with its unit, such as 512m or 8g, not “${value}”.`);
}

export function decimal(flag: string, value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  throw new UsageError(`${flag} is a number, such as 2 or 1.5, not “${value}”.`);
}

/** `NAME=value`; the value may be empty and may hold `=`. */
export function pair(flag: string, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`${flag} takes NAME=value, not “${text}”.`);
  return [text.slice(0, at), text.slice(at + 1)];
}
