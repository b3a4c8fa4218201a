/** Where git goes for a repository at a forge. */
import type { RemoteRepo } from '../repos/remote-types.ts';
import type { ForgeRepo, Purpose } from './forge.ts';

/** With a credential that is good for now. */
export async function remoteOf(repo: ForgeRepo, purpose: Purpose): Promise<RemoteRepo> {
  const { host, loopback } = repo.forge;
  return {
    url: repo.gitUrl,
    host,
    loopback,
    credential: await repo.credential(purpose),
    renewed: (refused) => repo.credential(purpose, refused),
  };
}
