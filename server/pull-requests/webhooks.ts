/**
 * What a forge tells by itself. In order: its signature over the very bytes → not seen before → taken, answered,
 * and worked on after that.
 *
 * An event never says how anything stands: it only makes us ask, so one that is old, or out of order, does no
 * harm. A comment that asks for something is the one thing that is believed, since it is signed; what its author
 * may do is asked, and the wish is kept before it is answered, so that it outlives this process. What could not be
 * worked on counts as not seen, so that the forge can send it again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { CodexError, toWireError } from '../../protocol/errors.ts';
import { WEBHOOKS_WAITING } from '../../protocol/limits.ts';
import { endDelivery, keepWish, keptWishes, wasTaken, type DeliveryKey } from './deliveries.ts';
import { startTask } from './triggers.ts';
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
  /** Resolves when nothing that was taken is left to be done. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface WebhookHands {
  refresh: (taskId: string) => Promise<unknown>;
  started: (taskId: string) => Promise<void>;
}

/** After a failure that may pass. */
const RETRY_MS = [5_000, 60_000];

export function openWebhooks(deps: PullDeps, hands: WebhookHands): Webhooks {
  const closing = new AbortController();
  const working = new Map<string, Promise<void>>();
  /** When each task was last looked at: one look serves for all that came before it. */
  const looks = new Map<string, number>();
  /**
   * Of each forge two: looks are short, a wish may have to fetch a whole repository. One that is slow holds back no
   * other.
   */
  const lines = new Map<string, Promise<void>>();

  async function workOn(told: Told, at: number): Promise<void> {
    for (const taskId of await concerned(deps, told.concerns)) {
      if ((looks.get(taskId) ?? 0) > at) continue;
      looks.set(taskId, performance.now());
      await hands.refresh(taskId);
    }
    if (told.wish === undefined) return;
    const taskId = await startTask(deps, told.wish);
    if (taskId !== null) await hands.started(taskId);
  }

  async function patiently(told: Told, at: number): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await workOn(told, at);
      } catch (error) {
        const pause = RETRY_MS[tries];
        if (pause === undefined || !toWireError(error).retryable || closing.signal.aborted) throw error;
        await wait(pause, undefined, { signal: closing.signal, ref: false });
      }
    }
  }

  function lineUp(key: DeliveryKey, told: Told): void {
    const at = performance.now();
    const name = nameOf(key);
    const line = `${key.host}\0${told.wish === undefined ? 'looks' : 'wishes'}`;
    const mine = (lines.get(line) ?? Promise.resolve()).then(async () => {
      try {
        if (closing.signal.aborted) return;
        const isDone = await patiently(told, at).then(
          () => true,
          (error: unknown) => {
            if (closing.signal.aborted || deps.signal.aborted) throw error;
            deps.log.warn('a webhook could not be worked on', { ...key, error });
            return false;
          },
        );
        await endDelivery(deps.store, key, isDone);
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
      for (const { told, ...key } of wishes) if (!working.has(nameOf(key))) lineUp(key, told);
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
    async idle() {
      await kept;
      while (working.size > 0) await Promise.all(working.values());
    },
    async close() {
      closing.abort();
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
