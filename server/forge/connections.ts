/**
 * What clients connected: rows of `forge_connections`, their token or key sealed for its host and kind, together with
 * the address that it is sent to: whoever can write to the database can't have it sent elsewhere.
 */
import type { Selectable } from 'kysely';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';
import type { KeyService } from '../secrets/keys/index.ts';
import { openValue, sealValue } from '../secrets/rows.ts';
import { forgeBound } from '../secrets/seal.ts';
import type { Schema } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Connection } from './connection.ts';

type Row = Selectable<Schema['forge_connections']>;

const Sealed = z.object({
  apiUrl: z.string(),
  secret: z.discriminatedUnion('how', [
    z.object({ how: z.literal('token'), token: z.string() }),
    z.object({ how: z.literal('app'), id: z.string(), key: z.string() }),
  ]),
  webhookSecret: z.string().optional(),
});
const Public = z.object({ installUrl: z.string().optional() });

export interface KeptConnections {
  /** Each opened, or with the problem that it has; what did not change since is not opened again. */
  all(): Promise<Connection[]>;
  /** In the place of what was there for this host. */
  keep(connection: Connection, who: string): Promise<void>;
  /** False: there was none. */
  forget(host: string): Promise<boolean>;
}

export function keptConnections(store: Store, keys: KeyService): KeptConnections {
  const opened = new Map<string, { sealed: string; connection: Connection }>();
  return {
    async all() {
      const rows = await store.read((db) =>
        db.selectFrom('forge_connections').selectAll().orderBy('connected_at').execute(),
      );
      const connections: Connection[] = [];
      for (const row of rows) {
        const known = opened.get(row.host);
        // A value that is sealed again has other bytes.
        const connection = known?.sealed === row.sealed ? known.connection : await openConnection(keys, row);
        if (connection.secret) opened.set(row.host, { sealed: row.sealed, connection });
        connections.push(connection);
      }
      return connections;
    },

    async keep(connection, who) {
      const { host, kind, how, apiUrl, account, installUrl, secret, webhookSecret } = connection;
      const row = {
        host,
        kind,
        how,
        api_url: apiUrl,
        account: account ?? null,
        public: JSON.stringify({ installUrl } satisfies z.infer<typeof Public>),
        ...(await sealValue(
          keys,
          forgeBound({ host, kind }),
          JSON.stringify({ apiUrl, secret, webhookSecret }),
        )),
        connected_by: who,
        connected_at: Date.now(),
      };
      await store.write((tx) =>
        tx
          .insertInto('forge_connections')
          .values(row)
          .onConflict((on) => on.column('host').doUpdateSet(row))
          .execute(),
      );
    },

    async forget(host) {
      opened.delete(host);
      const gone = await store.write((tx) =>
        tx.deleteFrom('forge_connections').where('host', '=', host).returning('host').executeTakeFirst(),
      );
      return gone !== undefined;
    },
  };
}

async function openConnection(keys: KeyService, row: Row): Promise<Connection> {
  const { host, kind, how, account } = row;
  const { installUrl } =
    row.public === null ? { installUrl: undefined } : Public.parse(JSON.parse(row.public));
  const shown: Connection = {
    host,
    kind,
    how,
    apiUrl: row.api_url,
    from: 'client',
    secret: null,
    ...(account === null ? {} : { account }),
    ...(installUrl === undefined ? {} : { installUrl }),
    connectedBy: row.connected_by,
    connectedAt: row.connected_at,
  };
  try {
    const text = await openValue(keys, forgeBound(row), row, { name: host });
    const { apiUrl, secret, webhookSecret } = Sealed.parse(JSON.parse(text));
    if (apiUrl !== row.api_url) throw new CodexError('secretUnreadable', { name: host });
    return { ...shown, secret, ...(webhookSecret === undefined ? {} : { webhookSecret }) };
  } catch (error) {
    const known = error instanceof CodexError ? error : new CodexError('secretUnreadable', { name: host });
    return { ...shown, problem: known.wire };
  }
}
