/**
 * Looks at open pull requests from time to time, so that a backend that no webhook reaches shows how they stand;
 * takes up what a process that ended left half published, and answers that did not get through. Never more looks a
 * minute than a token can bear; a forge that does not answer is left alone for a while.
 */
import { toWireError } from '../../protocol/errors.ts';
import {
  FORGE_PAUSE_MS,
  FORGE_RETRY_MOST_MS,
  FORGE_RETRY_MS,
  PULL_LEFT_MS,
  PULL_LOOKS_PER_MINUTE,
  PULL_POLL_MS,
  PULL_POLL_OLD_MS,
  PULL_POLL_RECENT_MS,
} from '../../protocol/limits.ts';
import { Pauses } from './pauses.ts';
import { STOPPED } from './publish.ts';
import type { PullRow } from './rows.ts';
import type { PullDeps } from './types.ts';

const TICK_MS = 60_000;

/** Of these nothing can be learnt before something else changes. */
const PAUSES = new Set([
  'forgeRateLimited',
  'forgeUnavailable',
  'forgeUnauthorized',
  'forgeUnknown',
  'forgeGarbage',
]);

export interface PollingParts extends Pick<PullDeps, 'store' | 'log'> {
  refresh: (row: PullRow) => Promise<void>;
  resume: (row: PullRow) => Promise<void>;
  /** Answers to comments that did not get through. */
  answer: () => Promise<void>;
  now?: () => number;
}

export interface Polling {
  /** One round; rounds never overlap. */
  round(): Promise<void>;
  /** A connection changed: whoever was left alone is asked again. */
  forget(): void;
  /** A person asks for this one. */
  forgetTask(taskId: string): void;
  stop(): void;
}

export function startPolling(parts: PollingParts): Polling {
  const { store, log, now = Date.now } = parts;
  const pausedUntil = new Map<string, number>();
  // Mostly its row says why, and it waits for the person; that may not be stored either.
  const halves = new Pauses({ firstMs: FORGE_RETRY_MS, mostMs: FORGE_RETRY_MOST_MS, now });
  let running: Promise<void> | undefined;
  let stopped = false;

  const round = async (): Promise<void> => {
    for (const row of await due(store, now())) {
      if (stopped) return;
      if ((pausedUntil.get(row.host) ?? 0) > now()) continue;
      const isHalf = row.state === 'publishing';
      if (isHalf && !halves.isDue(row.task_id)) continue;
      try {
        await (isHalf ? parts.resume(row) : parts.refresh(row));
        halves.forget(row.task_id);
      } catch (error) {
        if (isHalf) halves.failed(row.task_id);
        const { code, params } = toWireError(error);
        if (PAUSES.has(code)) {
          const wait = typeof params['waitMs'] === 'number' ? params['waitMs'] : FORGE_PAUSE_MS;
          pausedUntil.set(row.host, now() + wait);
        }
        log.debug('a pull request could not be looked at', { taskId: row.task_id, code });
      }
    }
    if (!stopped) await parts.answer();
  };
  const once = () =>
    (running ??= round()
      .catch((error: unknown) => log.warn('pull requests could not be looked at', { error }))
      .finally(() => (running = undefined)));
  const timer = setInterval(() => void once(), TICK_MS);
  timer.unref();
  return {
    round: once,
    forget: () => {
      pausedUntil.clear();
      halves.forget();
    },
    forgetTask: (taskId) => halves.forget(taskId),
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/** Those that were looked at longest ago first. */
function due(store: PullDeps['store'], now: number): Promise<PullRow[]> {
  return store.read((db) =>
    db
      .selectFrom('pull_requests')
      .selectAll()
      .where((eb) =>
        eb.or([
          eb.and([
            eb('state', '=', 'open'),
            eb.or([
              eb('seen_at', 'is', null),
              eb('seen_at', '<', now - PULL_POLL_OLD_MS),
              eb.and([
                eb('updated_at', '>', now - PULL_POLL_RECENT_MS),
                eb('seen_at', '<', now - PULL_POLL_MS),
              ]),
            ]),
          ]),
          // With another error it waits for the person, who has been told.
          eb.and([
            eb('state', '=', 'publishing'),
            eb.or([
              eb('error', '=', STOPPED),
              eb.and([eb('error', 'is', null), eb('updated_at', '<', now - PULL_LEFT_MS)]),
            ]),
          ]),
        ]),
      )
      .orderBy((eb) => eb.fn.coalesce('seen_at', eb.lit(0)))
      .limit(PULL_LOOKS_PER_MINUTE)
      .execute(),
  );
}
