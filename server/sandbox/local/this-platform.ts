/** The platform that this process runs on. */
import { linux } from './linux.ts';
import { macOS, ON_A_MAC } from './macos/platform.ts';
import type { Platform } from './platform.ts';
import { windows } from './windows/platform.ts';

/** Linux's check is what refuses on a system that has no local sandbox at all. */
export function thisPlatform(system: string = process.platform): Platform {
  switch (system) {
    case 'darwin':
      return macOS(ON_A_MAC);
    case 'win32':
      return windows();
    default:
      return linux();
  }
}
