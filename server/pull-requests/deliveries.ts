/** Which webhooks were taken, and what is still to be done for those that ask for something. */
import type { Store } from '../store/store.ts';
import { WEBHOOK_IDS_KEPT_MS, WISHES_KEPT_MS } from '../../protocol/limits.ts';
import type { Told } from './webhook-events.ts';

/** By its forge and the id that the forge gave it. */
export interface DeliveryKey {
  host: string;
  id: string;
}

export async function wasTaken(store: Store, { host, id }: DeliveryKey): Promise<boolean> {
  const row = await store.read((db) =>
    db
      .selectFrom('forge_deliveries')
      .select('id')
      .where('host', '=', host)
      .where('id', '=', id)
      .executeTakeFirst(),
  );
  return row !== undefined;
}

/** Before it is answered: a backend that is killed after that goes on with it. */
export async function keepWish(store: Store, { host, id }: DeliveryKey, told: Told): Promise<void> {
  const row = { host, id, told: JSON.stringify(told), at: Date.now() };
  await store.write((tx) =>
    tx
      .insertInto('forge_wishes')
      .values(row)
      .onConflict((on) => on.doNothing())
      .execute(),
  );
}

/** In the order in which they came. What nobody took up for so long would be a surprise now. */
export async function keptWishes(store: Store): Promise<(DeliveryKey & { told: Told; at: number })[]> {
  await store.write((tx) =>
    tx
      .deleteFrom('forge_wishes')
      .where('at', '<', Date.now() - WISHES_KEPT_MS)
      .execute(),
  );
  const rows = await store.read((db) => db.selectFrom('forge_wishes').selectAll().orderBy('at').execute());
  return rows.map(({ host, id, told, at }) => ({ host, id, told: JSON.parse(told) as Told, at }));
}

/** `taken`: it does not count again; otherwise the forge may send it once more. */
export async function endDelivery(store: Store, { host, id }: DeliveryKey, taken: boolean): Promise<void> {
  const now = Date.now();
  await store.write(async (tx) => {
    await tx.deleteFrom('forge_wishes').where('host', '=', host).where('id', '=', id).execute();
    if (!taken) return;
    await tx
      .deleteFrom('forge_deliveries')
      .where('at', '<', now - WEBHOOK_IDS_KEPT_MS)
      .execute();
    await tx
      .insertInto('forge_deliveries')
      .values({ host, id, at: now })
      .onConflict((on) => on.doNothing())
      .execute();
  });
}
