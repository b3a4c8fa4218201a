/** Small questions about what stands at a path. */
import { hash } from 'node:crypto';
import type { FileState, Fingerprint } from './types.ts';

export const ABSENT: FileState = { kind: 'absent' };

export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes);
}

export function contentOf(state: FileState): Uint8Array | null {
  switch (state.kind) {
    case 'absent':
      return null;
    case 'file':
      return state.bytes;
    case 'symlink':
      return state.target;
  }
}

export function gitModeOf(state: FileState): string | null {
  switch (state.kind) {
    case 'absent':
      return null;
    case 'file':
      return state.executable ? '100755' : '100644';
    case 'symlink':
      return '120000';
  }
}

/** `st_mode` in octal, as checkpoints have it; null when absent. */
export function storedModeOf(state: FileState): string | null {
  switch (state.kind) {
    case 'absent':
      return null;
    case 'file':
      return (0o100000 | (state.mode ?? (state.executable ? 0o755 : 0o644))).toString(8);
    case 'symlink':
      return '120777';
  }
}

export function fingerprintOf(state: FileState): Fingerprint {
  const content = contentOf(state);
  return { mode: gitModeOf(state), hash: content === null ? 'absent' : sha256(content) };
}

/** Windows keeps no executable bit, so there only the kind counts. */
export function sameMode(one: string | null, two: string | null, platform: NodeJS.Platform): boolean {
  if (one === two) return true;
  if (platform !== 'win32' || one === null || two === null) return false;
  return one.startsWith('100') && two.startsWith('100');
}

export function sameFingerprint(one: Fingerprint, two: Fingerprint, platform: NodeJS.Platform): boolean {
  return one.hash === two.hash && sameMode(one.mode, two.mode, platform);
}
