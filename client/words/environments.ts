/** How a turn is run, in words: its environment, and whether one was there prepared. */
import type { EventParams } from '../../protocol/events.ts';
import { english, fill, type Translate } from './template.ts';
import { bytesWords } from './units.ts';

type Applied = EventParams<'environment.applied'>;
type Cache = EventParams<'environment.cache'>;

/** Of the setup in a line; the file is the repository's. */
export const SETUP_WORDS: Record<Applied['setup'], readonly [string, string]> = {
  script: ['setup script', 'setup script of the repository'],
  automatic: ['automatic setup', 'automatic setup'],
  none: ['no setup', 'no setup, says the repository'],
};

/** Why one was not used, or not kept. */
export const CACHE_REASON_WORDS: Record<string, string> = {
  noDefaultBranch: 'the default branch is not known',
  branchSetup: 'this branch has a setup of its own',
  off: 'its cache time is 0',
  setupFailed: 'the automatic setup failed',
  untrusted: 'the task works on a fork’s code',
};

export const CACHE_WORDS: Record<Cache['outcome'], readonly string[]> = {
  hit: ['prepared {age} ago, saved {saved}', 'prepared {age} ago', 'prepared earlier'],
  miss: ['not prepared yet: {why}', 'not prepared yet'],
  stored: ['kept for later tasks, {size}', 'kept for later tasks'],
  off: ['not kept for later tasks: {why}', 'not kept for later tasks'],
  refused: ['not kept for later tasks: {why}', 'not kept for later tasks'],
};

/** `default`, `universal`, `Node.js 22`, `setup script`: what a person tells environments apart by. */
export function environmentParts({ name, image, setup, from }: Applied, t: Translate = english): string[] {
  const [words, ofFile] = SETUP_WORDS[setup];
  return [name, image, t(from['setup'] === 'file' ? ofFile : words, {})];
}

export function cacheWords(cache: Cache, t: Translate = english): string {
  const { outcome, ageMs, savedMs, bytes, reason } = cache;
  const params = {
    age: ageMs === undefined ? '' : roughWords(ageMs),
    saved: savedMs === undefined ? '' : roughWords(savedMs),
    size: bytes === undefined ? '' : bytesWords(bytes),
    why: reason === undefined ? '' : cacheReasonWords(reason, t),
  };
  return fill(CACHE_WORDS[outcome], params, t);
}

/** A newer backend's reason is shown as it is. */
function cacheReasonWords(reason: string, t: Translate): string {
  return Object.hasOwn(CACHE_REASON_WORDS, reason) ? t(CACHE_REASON_WORDS[reason] ?? reason, {}) : reason;
}

/** In the one unit that matters: `48 s`, `12 min`, `2 h`, `3 d`. */
export function roughWords(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 89.5) return `${Math.round(seconds)} s`;
  if (seconds < 89.5 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 47.5 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
