/** A forge tried by itself, without a backend. */
import type { ForgeView } from '../../protocol/forge.ts';
import { NO_LOG } from '../log.ts';
import type { Connection } from './connection.ts';
import { openForges } from './forges.ts';

export async function checkOwnersForge(connection: Connection): Promise<ForgeView> {
  const nothing = { all: async () => [], keep: async () => undefined, forget: async () => false };
  const forges = await openForges({ owners: [connection], kept: nothing, log: NO_LOG, loopback: true });
  try {
    const [view] = await forges.list(true);
    if (!view) throw new Error(`${connection.host} is not there`);
    return view;
  } finally {
    forges.close();
  }
}
