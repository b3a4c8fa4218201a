/** Two ports of the machine's loopback that nobody has, for one sandbox alone. */
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import type { Ports } from '../platform.ts';

/** Those of before where both are still free: what a sandbox keeps may name them. */
export async function freePorts(before: Ports | undefined): Promise<Ports> {
  const held: Server[] = [];
  const take = async (port: number): Promise<number> => {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port }, resolve);
    });
    held.push(server);
    return (server.address() as AddressInfo).port;
  };
  try {
    if (before) {
      try {
        return { origin: await take(before.origin), egress: await take(before.egress) };
      } catch {
        // Another program has one of them now.
      }
    }
    return { origin: await take(0), egress: await take(0) };
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
