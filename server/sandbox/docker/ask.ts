/**
 * A sandbox for questions: the repository belongs to a user that nothing inside can become, so it can be
 * read by all and written by none. Commands run as the image's user without any capability (`spec.ts`):
 * root without DAC_OVERRIDE, FOWNER, CHOWN and SETUID is a user like any other.
 *
 * `/workspace` is a volume, given to that user before the container starts: a mount can't be renamed, and
 * what is above it is not on the way. The checkout runs as that user, by an `exec` of its own.
 */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { CodexError } from '../../../protocol/errors.ts';
import { WORKSPACE_DIR } from '../../../protocol/door.ts';
import type { DoorCheckout } from '../../../protocol/door.ts';
import type { Behind } from '../door-sandbox.ts';
import { startExec } from './attach.ts';

/** No image has a user with this number (nobody is 65534). */
const KEEPER = 65_533;
const SAID_CHARS = 4_000;
/** The repository belongs to somebody else: git wants to be told that this is meant, and must not try to write. */
export const ASK_ENVIRONMENT: Record<string, string> = {
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'safe.directory',
  GIT_CONFIG_VALUE_0: '*',
  GIT_OPTIONAL_LOCKS: '0',
};

/** Before it starts. */
export async function handOverWorkspace(container: Docker.Container): Promise<void> {
  const tar = pack();
  tar.entry({ name: WORKSPACE_DIR.slice(1), type: 'directory', mode: 0o755, uid: KEEPER, gid: KEEPER });
  tar.finalize();
  await container.putArchive(Readable.from(tar), { path: '/' });
}

export function asking(behind: Behind, container: Docker.Container): Behind {
  let isFresh = behind.how === 'new' || behind.how === 'prepared';
  return {
    ...behind,
    extraEnv: ASK_ENVIRONMENT,
    // Once, and before anything else ran: a command may replace the image's git, which runs as the keeper.
    checkout: async (wanted) => {
      if (!isFresh) throw new CodexError('conflict', {}, { detail: `${behind.name} was checked out before` });
      await checkoutAsKeeper(container, wanted);
      isFresh = false;
    },
  };
}

async function checkoutAsKeeper(container: Docker.Container, wanted: DoorCheckout): Promise<void> {
  const channel = await startExec(container, ['checkout'], `${KEEPER}:${KEEPER}`);
  let said = '';
  channel.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-SAID_CHARS)));
  channel.on('error', () => {});
  // The input stays open: the checkout ends itself when its backend goes away.
  channel.write(`${JSON.stringify(wanted)}\n`);
  await new Promise((resolve) => channel.once('close', resolve));
  if (said.trim() === 'done') return;
  const detail = said.trim() || channel.stderr.trim() || 'the checkout was cut off';
  throw new CodexError('gitFailed', { detail }, { detail });
}
