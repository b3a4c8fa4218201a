/** The platform that this process runs on. */
import { linux } from './linux.ts';
import { macOS, ON_A_MAC } from './macos/platform.ts';
import type { Platform } from './platform.ts';

/** Linux's check is what refuses on a system that has no local sandbox. */
export function thisPlatform(): Platform {
  return process.platform === 'darwin' ? macOS(ON_A_MAC) : linux();
}
