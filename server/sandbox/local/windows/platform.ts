/** Windows: refused, with what to do instead. Nothing else of the local sandbox comes to pass there. */
import { CodexError } from '../../../../protocol/errors.ts';
import { linux } from '../linux.ts';
import type { Platform } from '../platform.ts';
import { checkWindows } from './wsl.ts';

export function windows(wsl?: string): Platform {
  return {
    ...linux(),
    check: () => checkWindows(wsl),
    launch: () => Promise.reject(new CodexError('sandboxUnavailable')),
  };
}
