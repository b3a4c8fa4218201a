/**
 * The forges of a backend: what the owner configured, then what clients connected; of one host the owner's.
 *
 * Rows are looked at for every question, since another backend on the same database may have changed them; a
 * client is kept while its connection stays the same, and with it the tokens that an app was handed.
 */
import { CodexError, toWireError } from '../../protocol/errors.ts';
import type { ForgeView } from '../../protocol/forge.ts';
import { siteOf } from '../../protocol/forge-address.ts';
import { PATHS } from '../../protocol/http.ts';
import type { Log } from '../log.ts';
import type { Connection, OpenForge } from './connection.ts';
import type { KeptConnections } from './connections.ts';
import type { Forge, ForgeLink, ForgeRepo, Forges } from './forge.ts';
import { openGitHub } from './github/github.ts';
import { openGitLab } from './gitlab/gitlab.ts';
import { findLinks, fitsKind, hostFor } from './sites.ts';

export interface ForgesOptions {
  owners: readonly Connection[];
  kept: KeptConnections;
  log: Log;
  /** Where forges reach this backend; absent: nowhere. */
  publicUrl?: string | undefined;
  /** Whether those that clients connected may be on this machine; the owner's always may. */
  loopback: boolean;
  /** Of tests. */
  pause?: (ms: number) => Promise<void>;
}

/** `Forges`, and what its own room and webhooks need beside. */
export interface OpenForges extends Forges {
  /** With `check` each is asked who we are. */
  list(check: boolean): Promise<ForgeView[]>;
  connectionOf(host: string): Promise<Connection | null>;
  /** Tries it, and keeps it in the place of what was there. */
  connect(connection: Connection, who: string): Promise<ForgeView>;
  disconnect(host: string): Promise<void>;
  /** Calls it after each connection that is made. */
  onConnected(listener: () => void): void;
  /** With which this forge signs what it sends; null: none was agreed on. */
  webhookSecret(host: string): Promise<string | null>;
  /** Breaks off what is under way. */
  close(): void;
}

interface Client {
  connection: Connection;
  forge: OpenForge;
}

export async function openForges({
  owners,
  kept,
  log,
  publicUrl,
  loopback,
  pause,
}: ForgesOptions): Promise<OpenForges> {
  const closing = new AbortController();
  const clients = new Map<string, Client>();
  const listeners: (() => void)[] = [];
  /** Learnt by asking: whose token it is, what is wrong with it. */
  const learnt = new Map<Connection, Pick<Connection, 'account' | 'installUrl' | 'problem'>>();
  let known: readonly Connection[] = owners;

  const connections = async (): Promise<readonly Connection[]> => {
    const hosts = new Set(owners.map(({ host }) => host));
    known = [...owners, ...(await kept.all()).filter(({ host }) => !hosts.has(host))];
    for (const { host, connection } of [...clients.values()].map((one) => ({ ...one, ...one.connection })))
      if (!known.includes(connection)) clients.delete(host);
    for (const connection of learnt.keys()) if (!known.includes(connection)) learnt.delete(connection);
    return known;
  };

  const open = (connection: Connection): OpenForge => {
    const { host, kind, apiUrl, from, secret, problem } = connection;
    if (!secret) throw new CodexError(problem?.code ?? 'forgeUnknown', problem?.params ?? { host });
    const options = {
      host,
      apiUrl,
      secret,
      loopback: loopback || from === 'owner',
      signal: closing.signal,
      ...(pause ? { pause } : {}),
      onCut: (about: string) =>
        log.warn('a list at the forge is longer than what is read of it', { host, about }),
    };
    switch (kind) {
      case 'github':
        return openGitHub(options);
      case 'gitlab':
        return openGitLab(options);
    }
  };

  const clientOf = (connection: Connection): OpenForge => {
    const there = clients.get(connection.host);
    if (there?.connection === connection) return there.forge;
    const forge = open(connection);
    clients.set(connection.host, { connection, forge });
    return forge;
  };

  const usable = async () => (await connections()).filter(({ secret }) => secret !== null);

  const repoAt = (connection: Connection, name: string): ForgeRepo | null =>
    fitsKind(name, connection.kind) ? clientOf(connection).repo(name) : null;

  const learn = async (connection: Connection): Promise<void> => {
    try {
      const { account, installUrl } = await clientOf(connection).whoAmI();
      learnt.set(connection, { account, ...(installUrl ? { installUrl } : {}) });
    } catch (error) {
      learnt.set(connection, { ...learnt.get(connection), problem: toWireError(error) });
    }
  };

  const connectionOf = async (host: string) => (await connections()).find((one) => one.host === host) ?? null;
  const viewOf = (connection: Connection): ForgeView => ({
    ...viewOfConnection(connection, learnt.get(connection)),
    ...webhookOf(connection, publicUrl),
  });

  await connections();
  return {
    async ofRemote(remote) {
      const site = siteOf(remote);
      if (!site) return null;
      const all = await usable();
      const host = hostFor(
        all.map((one) => one.host),
        site,
      );
      const connection = all.find((one) => one.host === host);
      return connection ? repoAt(connection, site.name) : null;
    },

    async get(host): Promise<Forge> {
      const connection = await connectionOf(host);
      if (!connection) throw new CodexError('forgeUnknown', { host });
      return clientOf(connection);
    },

    secrets: () => [
      ...new Set([
        ...known.flatMap(secretsOf),
        ...[...clients.values()].flatMap(({ forge }) => forge.secrets()),
      ]),
    ],

    async linksIn(text) {
      const all = await usable();
      return findLinks(text, all).flatMap(({ url, kind, number, host, name }): ForgeLink[] => {
        const connection = all.find((one) => one.host === host);
        const repo = connection ? repoAt(connection, name) : null;
        return repo ? [{ url, kind, number, repo }] : [];
      });
    },

    async list(check) {
      const all = await connections();
      if (check) await Promise.all(all.filter(({ secret }) => secret !== null).map(learn));
      return all.map(viewOf);
    },

    connectionOf,

    async connect(connection, who) {
      const { host } = connection;
      if (owners.some((one) => one.host === host)) throw new CodexError('forgeOwned', { host });
      const { account, installUrl } = await open(connection).whoAmI();
      await kept.keep({ ...connection, account, ...(installUrl ? { installUrl } : {}) }, who);
      const now = await connectionOf(host);
      if (!now) throw new CodexError('forgeUnknown', { host });
      for (const listener of listeners) listener();
      return viewOf(now);
    },

    onConnected: (listener) => void listeners.push(listener),

    async disconnect(host) {
      if (owners.some((one) => one.host === host)) throw new CodexError('forgeOwned', { host });
      const isGone = await kept.forget(host);
      await connections();
      if (!isGone) throw new CodexError('forgeUnknown', { host });
    },

    webhookSecret: async (host) => (await connectionOf(host))?.webhookSecret ?? null,
    close: () => closing.abort(),
  };
}

function secretsOf({ secret, webhookSecret }: Connection): string[] {
  const own = secret === null ? [] : [secret.how === 'token' ? secret.token : secret.key];
  return webhookSecret === undefined ? own : [...own, webhookSecret];
}

/** Field by field: nothing secret is shown because it was added. */
function viewOfConnection(
  connection: Connection,
  learnt: Pick<Connection, 'account' | 'installUrl' | 'problem'> = {},
): ForgeView {
  const { host, kind, how, from, apiUrl, connectedBy, connectedAt } = connection;
  const { account, installUrl, problem } = { ...connection, ...learnt };
  return {
    host,
    kind,
    how,
    from,
    apiUrl,
    ...(account === undefined ? {} : { account }),
    ...(installUrl === undefined ? {} : { installUrl }),
    ...(problem === undefined ? {} : { problem }),
    ...(connectedBy === undefined ? {} : { connectedBy }),
    ...(connectedAt === undefined ? {} : { connectedAt }),
  };
}

function webhookOf(
  { host, kind, webhookSecret }: Connection,
  publicUrl: string | undefined,
): Pick<ForgeView, 'webhook'> {
  if (kind === 'gitlab') return {};
  const url = publicUrl === undefined ? {} : { url: `${publicUrl}${PATHS.webhook(host)}` };
  return { webhook: { ...url, signed: webhookSecret !== undefined } };
}
