/**
 * The environment of a turn as an entry of its page: what holds, and whether one was there prepared.
 * Pure data, made from two events. A turn that is tried again gets another entry.
 */
import type { EventParams } from '../../../protocol/events.ts';

type Cache = EventParams<'environment.cache'>;

export interface EnvironmentEntry {
  kind: 'environment';
  id: string;
  /** Null when only the cache was spoken of. */
  applied: EventParams<'environment.applied'> | null;
  cache: Cache[];
  rev: number;
}

type Some = { kind: string };

export function putApplied<E extends Some>(
  entries: (E | EnvironmentEntry)[],
  seq: number,
  applied: EventParams<'environment.applied'>,
): void {
  const last = entries.at(-1);
  // Told again by a backend that took the turn up: nothing has happened in between.
  if (last && isEnvironment(last)) {
    last.applied = applied;
    last.rev++;
  } else entries.push({ kind: 'environment', id: `environment-${seq}`, applied, cache: [], rev: 0 });
}

export function putCache<E extends Some>(entries: (E | EnvironmentEntry)[], seq: number, cache: Cache): void {
  const known = newestEnvironment(entries);
  if (!known) {
    entries.push({ kind: 'environment', id: `environment-${seq}`, applied: null, cache: [cache], rev: 0 });
    return;
  }
  known.cache = [...known.cache.filter(({ outcome }) => outcome !== cache.outcome), cache];
  known.rev++;
}

/** A retry prepares anew, and tells it again: what the failed try was prepared with is not what holds. */
export function withoutPreparation<E extends Some>(entries: readonly E[]): E[] {
  return entries.filter((entry) => !isPreparation(entry));
}

interface OfPreparation extends Some {
  item?: { by?: string | undefined };
  notice?: { kind: string; code?: string };
}

function isPreparation({ kind, item, notice }: OfPreparation): boolean {
  return (
    kind === 'environment' ||
    (kind === 'command' && item?.by !== undefined) ||
    (kind === 'notice' && notice?.kind === 'warning' && notice.code === 'scriptUnapproved')
  );
}

export function newestEnvironment(
  entries: readonly (Some | EnvironmentEntry)[],
): EnvironmentEntry | undefined {
  return entries.findLast(isEnvironment);
}

/** What stands where the setup's time would: it was not run. Undefined when it was, or nobody knows. */
export function savedBy(entries: readonly (Some | EnvironmentEntry)[]): Cache | undefined {
  const cache = newestEnvironment(entries)?.cache.at(-1);
  return cache?.outcome === 'hit' ? cache : undefined;
}

function isEnvironment(entry: Some | EnvironmentEntry): entry is EnvironmentEntry {
  return entry.kind === 'environment';
}
