/**
 * What a forge tells by itself. In order: its signature over the very bytes → not seen before → taken, answered,
 * and worked on after that.
 *
 * An event never says how anything stands: it only makes us ask, so one that is old, or out of order, does no
 * harm. A comment that asks for something is the one thing that is believed, since it is signed; what its author
 * may do is asked, and the wish is kept before it is answered, so that it outlives this process, and a forge that
 * can't be asked for hours. What could not be worked on counts as not seen, so that the forge can send it again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { CodexError, toWireError } from '../../protocol/errors.ts';
import {
  FORGE_RETRY_MOST_MS,
  FORGE_RETRY_MS,
  WEBHOOKS_WAITING,
  WISHES_KEPT_MS,
} from '../../protocol/limits.ts';
import { endDelivery, keepWish, keptWishes, wasTaken, type DeliveryKey } from './deliveries.ts';
import { mayPass, startTask } from './triggers.ts';
import type { PullDeps } from './types.ts';
import { readEvent, type Concerned, type Told } from './webhook-events.ts';

export interface Delivery {
  host: string;
  /** `X-GitHub-Event`, `X-GitHub-Delivery`, `X-Hub-Signature-256`. */
  event: string | undefined;
  id: string | undefined;
  signature: string | undefined;
  /** Of the body: JSON, or a form with that in its one field. What is made by hand at GitHub sends a form at first. */
  type?: string | undefined;
  body: Buffer;
}

export interface Webhooks {
  /** Throws `CodexError` forgeSignatureWrong, badRequest, limitReached. */
  receive(delivery: Delivery): Promise<'taken' | 'ignored'>;
  /** A connection changed: what was put off is tried at once. */
  again(): void;
  /** Resolves when nothing that was taken is left to be done. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface WebhookHands {
  refresh: (taskId: string) => Promise<unknown>;
  started: (taskId: string) => Promise<void>;
}

export interface WebhookTimes {
  /** After failures that may pass, while what comes after it waits. */
  retryMs: readonly number[];
  /** A wish after that, without anybody who waits; twice as long each time. */
  laterMs: number;
}

const TIMES: WebhookTimes = { retryMs: [5_000, 60_000], laterMs: FORGE_RETRY_MS };

/** A wish that was put off: since when it is here, and how often that was done. */
interface PutOff {
  since: number;
  times: number;
}

export function openWebhooks(
  deps: PullDeps,
  hands: WebhookHands,
  { retryMs, laterMs }: WebhookTimes = TIMES,
): Webhooks {
  const closing = new AbortController();
  const working = new Map<string, Promise<void>>();
  /** Wishes that are tried again later. */
  const later = new Map<string, { timer: NodeJS.Timeout; begin: () => void }>();
  /** When each task was last looked at: one look serves for all that came before it. */
  const looks = new Map<string, number>();
  /**
   * Of each forge two: looks are short, a wish may have to fetch a whole repository. One that is slow holds back no
   * other.
   */
  const lines = new Map<string, Promise<void>>();

  async function workOn({ concerns, wish }: Told, at: number): Promise<void> {
    if (wish === undefined) return lookAt(concerns, at);
    const taskId = await startTask(deps, wish);
    if (taskId !== null) await hands.started(taskId);
    // That it fails keeps nobody's wish from being done, and the polling loop looks again.
    await lookAt(concerns, at).catch((error: unknown) => {
      deps.log.debug('a pull request could not be looked at', { code: toWireError(error).code });
    });
  }

  async function lookAt(concerns: Concerned, at: number): Promise<void> {
    for (const taskId of await concerned(deps, concerns)) {
      if ((looks.get(taskId) ?? 0) > at) continue;
      looks.set(taskId, performance.now());
      await hands.refresh(taskId);
    }
  }

  async function patiently(told: Told, at: number, pausesMs: readonly number[]): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await workOn(told, at);
      } catch (error) {
        const pause = pausesMs[tries];
        if (pause === undefined || !toWireError(error).retryable || closing.signal.aborted) throw error;
        await wait(pause, undefined, { signal: closing.signal, ref: false });
      }
    }
  }

  /** False: nobody waits for it any more, or waiting would not help. */
  function putOff(key: DeliveryKey, told: Told, { since, times }: PutOff, error: unknown): boolean {
    if (told.wish === undefined || !mayPass(error)) return false;
    const { params } = toWireError(error);
    const least = typeof params['waitMs'] === 'number' ? params['waitMs'] : 0;
    const ms = Math.max(least, Math.min(FORGE_RETRY_MOST_MS, laterMs * 2 ** times));
    if (Date.now() + ms > since + WISHES_KEPT_MS) return false;
    // A flood waits in the database alone, for the next start.
    if (later.size >= WEBHOOKS_WAITING) return true;
    const begin = () => lineUp(key, told, { since, times: times + 1 });
    later.set(nameOf(key), { timer: setTimeout(begin, ms).unref(), begin });
    return true;
  }

  function lineUp(key: DeliveryKey, told: Told, before: PutOff = { since: Date.now(), times: 0 }): void {
    const at = performance.now();
    const name = nameOf(key);
    clearTimeout(later.get(name)?.timer);
    later.delete(name);
    const line = `${key.host}\0${told.wish === undefined ? 'looks' : 'wishes'}`;
    const mine = (lines.get(line) ?? Promise.resolve()).then(async () => {
      try {
        if (closing.signal.aborted) return;
        // What was put off does so again, and holds up nothing meanwhile.
        const outcome = await patiently(told, at, before.times === 0 ? retryMs : []).then(
          () => 'done' as const,
          (error: unknown) => {
            if (closing.signal.aborted || deps.signal.aborted) throw error;
            const isPutOff = putOff(key, told, before, error);
            deps.log.warn('a webhook could not be worked on', { ...key, isPutOff, error });
            return isPutOff ? ('later' as const) : ('failed' as const);
          },
        );
        if (outcome !== 'later') await endDelivery(deps.store, key, outcome === 'done');
      } catch (error) {
        // What was asked for is kept, and taken up at the next start.
        if (!closing.signal.aborted) deps.log.warn('a webhook could not be ended', { ...key, error });
      } finally {
        working.delete(name);
        if (lines.get(line) === mine) lines.delete(line);
        if (working.size === 0) looks.clear();
      }
    });
    working.set(name, mine);
    lines.set(line, mine);
  }

  const kept = keptWishes(deps.store).then(
    (wishes) => {
      for (const { told, at, ...key } of wishes)
        if (!working.has(nameOf(key))) lineUp(key, told, { since: at, times: 0 });
    },
    (error: unknown) => deps.log.warn('webhooks of before could not be read', { error }),
  );

  return {
    async receive({ host, event, id, signature, type, body }) {
      const secret = await deps.webhookSecret(host);
      if (secret === null || !isSigned(body, signature, secret)) throw new CodexError('forgeSignatureWrong');
      if (id === undefined || !/^[\w.-]{1,100}$/.test(id))
        throw new CodexError('badRequest', { field: 'delivery' });
      const told = readEvent(host, event ?? '', isForm(type) ? ofForm(body) : body);
      if (told === null) return 'ignored';
      const key = { host, id };
      if (working.has(nameOf(key)) || (await wasTaken(deps.store, key))) return 'ignored';
      const waiting = [...working.keys()].filter((one) => one.startsWith(`${host}\0`)).length;
      if (waiting >= WEBHOOKS_WAITING) {
        throw new CodexError('limitReached', { limit: 'webhooksWaiting', value: WEBHOOKS_WAITING });
      }
      if (told.wish !== undefined) await keepWish(deps.store, key, told);
      // The same one may have come twice at once.
      if (working.has(nameOf(key))) return 'ignored';
      lineUp(key, told);
      return 'taken';
    },
    again() {
      for (const { begin } of [...later.values()]) begin();
    },
    async idle() {
      await kept;
      while (working.size > 0) await Promise.all(working.values());
    },
    async close() {
      closing.abort();
      for (const { timer } of later.values()) clearTimeout(timer);
      await kept;
      await Promise.all(working.values());
    },
  };
}

function nameOf({ host, id }: DeliveryKey): string {
  return `${host}\0${id}`;
}

const isForm = (type = ''): boolean => /^application\/x-www-form-urlencoded\b/i.test(type);

function ofForm(body: Buffer): Buffer {
  return Buffer.from(new URLSearchParams(body.toString('utf8')).get('payload') ?? '');
}

function isSigned(body: Buffer, signature: string | undefined, secret: string): boolean {
  const given = Buffer.from(/^sha256=([0-9a-f]{64})$/.exec(signature ?? '')?.[1] ?? '', 'hex');
  const right = createHmac('sha256', secret).update(body).digest();
  return given.length === right.length && timingSafeEqual(given, right);
}

/** Tasks whose pull request this may be about. */
async function concerned(
  { store }: PullDeps,
  { host, repo, numbers, branches }: Concerned,
): Promise<string[]> {
  if (numbers.length + branches.length === 0) return [];
  const rows = await store.read((db) =>
    db
      .selectFrom('pull_requests')
      .select(['task_id', 'number', 'branch', 'state'])
      .where('host', '=', host)
      .where((eb) => eb(eb.fn('lower', ['repo']), '=', repo.toLowerCase()))
      .execute(),
  );
  return rows
    .filter(
      ({ number, branch, state }) =>
        (number !== null && numbers.includes(number)) || (state === 'open' && branches.includes(branch)),
    )
    .map(({ task_id }) => task_id);
}
