/** Forges of one backend, put together: which are connected, connecting, and the pages of making an app. */
import type { FastifyInstance } from 'fastify';
import type { Log } from '../log.ts';
import type { KeyService } from '../secrets/keys/index.ts';
import type { Store } from '../store/store.ts';
import { AppMaking } from './app-making.ts';
import { appRoutes } from './app-routes.ts';
import type { Connection } from './connection.ts';
import { keptConnections } from './connections.ts';
import { openForges, type OpenForges } from './forges.ts';
import { connectRoom, type ConnectRoom } from './room.ts';

export interface ForgeParts {
  store: Store;
  keys: KeyService;
  owners: readonly Connection[];
  log: Log;
  /** Where browsers and forges reach this backend. */
  publicUrl: string | undefined;
  /** Where it listens, once it does; null: a proxy stands before it, and browsers come by another address. */
  url: () => string | null;
  /** Whether a client may connect one on this machine. */
  loopback: boolean;
  /** Of tests. */
  pause: ((ms: number) => Promise<void>) | undefined;
}

export interface ForgeRooms {
  forges: OpenForges;
  /** What clients ask for. */
  room: ConnectRoom;
  /** What a browser asks for, without the token. */
  routes: (app: FastifyInstance) => void;
}

export async function openForgeRooms(parts: ForgeParts): Promise<ForgeRooms> {
  const { store, keys, owners, log, publicUrl, url, loopback, pause } = parts;
  const forges = await openForges({
    owners,
    kept: keptConnections(store, keys),
    log,
    publicUrl,
    loopback,
    ...(pause ? { pause } : {}),
  });
  const making = new AppMaking({ forges, loopback, ...(publicUrl === undefined ? {} : { publicUrl }) });
  return {
    forges,
    room: connectRoom({ forges, making, url: () => publicUrl ?? url() }),
    routes: appRoutes(making),
  };
}
