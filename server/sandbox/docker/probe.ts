/**
 * Whether an image can be a sandbox, and who its user is: started once with nothing but a shell script,
 * before the first sandbox of it, so that a misfit is a sentence and not a runner that does not answer.
 */
import type Docker from 'dockerode';
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { CODEX_DIR } from '../../../protocol/door.ts';
import { demuxed } from './exec-channel.ts';
import { LABEL, containerSpec } from './spec.ts';
import type { ContainerOf, ImageUser } from './spec.ts';

const PROBE_TIMEOUT_MS = 30_000;
/** Of a user without one that it may write to: `/`, `/nonexistent`, or none at all. */
export const OTHER_HOME = '/home/codex';
/** Enough of what the dynamic linker says. */
const NODE_SAYS_CHARS = 2_000;

/** What Node says is in the image's own hands, so the words of ours come first on their lines. */
const SCRIPT = `
for tool in bash git mkfifo; do command -v "$tool" >/dev/null 2>&1 || echo "missing $tool"; done
if said=$(${CODEX_DIR}/node -e '
  let writable = true;
  try { fs.accessSync(process.env.HOME, fs.constants.W_OK) } catch { writable = false }
  console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), home: process.env.HOME, writable }))
' 2>&1); then echo "user $said"
else
  ls /lib/ld-musl-* >/dev/null 2>&1 && echo musl
  echo "node $said" | tr '\\n' ' '; echo
fi
echo probed
`;

const User = z.object({
  uid: z.number().int().nonnegative().max(0xffff_fffe),
  gid: z.number().int().nonnegative().max(0xffff_fffe),
  home: z.string().max(4_096).optional(),
  writable: z.boolean(),
});

const MISSING: Record<string, string> = {
  bash: 'it has no bash',
  git: 'it has no git',
  mkfifo: 'it has no mkfifo (coreutils)',
};

export type Probed = { fits: true; user: Omit<ImageUser, 'name'> } | { fits: false; why: string };

/** What the script printed, as what it means. */
export function understood(said: string): Probed {
  const lines = said.split('\n').map((line) => line.trim());
  // The engine's init starts where a shell does not.
  if (!lines.includes('probed')) return { fits: false, why: 'it has no /bin/sh that starts' };
  const why = lines.flatMap((line) =>
    line.startsWith('missing ') ? [MISSING[line.slice(8)] ?? 'it lacks a program'] : [],
  );
  const node = lines.find((line) => line.startsWith('node '));
  if (node !== undefined) why.push(whyNoNode(node.slice(5, NODE_SAYS_CHARS), lines.includes('musl')));
  const user = asUser(lines.find((line) => line.startsWith('user '))?.slice(5));
  if (why.length === 0 && user === null) why.push('its user can’t be found out');
  return why.length > 0 || user === null ? { fits: false, why: why.join('; ') } : { fits: true, user };
}

function whyNoNode(said: string, musl: boolean): string {
  if (musl) return 'it is built on musl, and the runner needs glibc (take a Debian, Ubuntu or Fedora image)';
  if (/GLIBC_2/.test(said)) return 'its glibc is older than 2.28';
  if (/libstdc\+\+/.test(said)) return 'it has no libstdc++ (package libstdc++6), or an old one';
  return 'the runner’s Node does not start in it';
}

function asUser(text: string | undefined): Omit<ImageUser, 'name'> | null {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  const parsed = User.safeParse(value);
  if (!parsed.success) return null;
  const { uid, gid, home = '', writable } = parsed.data;
  const usable = /^\/[^\0-\x1f]+$/.test(home) && (writable || uid === 0);
  return { uid, gid, home: usable ? home : uid === 0 ? '/root' : OTHER_HOME };
}

/** Each image once with each runner; what failed is tried again. */
export class Probes {
  readonly #docker: Docker;
  readonly #known = new Map<string, Promise<ImageUser>>();

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** Throws `sandboxStartFailed` that names what does not fit. `imageName` is the person's word for it. */
  user(of: Omit<ContainerOf, 'name' | 'taskId' | 'attempt'>, imageName: string): Promise<ImageUser> {
    const key = `${of.image} ${of.runnerVolume}`;
    let probing = this.#known.get(key);
    if (!probing) {
      probing = probe(this.#docker, of, imageName);
      this.#known.set(key, probing);
      probing.catch(() => this.#known.delete(key));
    }
    return probing;
  }
}

async function probe(
  docker: Docker,
  of: Omit<ContainerOf, 'name' | 'taskId' | 'attempt'>,
  imageName: string,
): Promise<ImageUser> {
  const image = await docker.getImage(of.image).inspect();
  if (image.Os !== '' && image.Os !== 'linux')
    throw misfit(imageName, `it is made for ${image.Os}, and a sandbox is Linux`);
  const name = imageUserName(image.Config.User);
  const said = await run(docker, { ...of, user: { name, uid: 0, gid: 0, home: '/' } }).catch(
    (error: unknown) => {
      throw misfit(imageName, foreign(image.Architecture, of) ?? errorText(error));
    },
  );
  if (said === null) throw misfit(imageName, `it did not start within ${PROBE_TIMEOUT_MS / 1000} s`);
  const probed = understood(said);
  if (!probed.fits) throw misfit(imageName, foreign(image.Architecture, of) ?? probed.why);
  return { name, ...probed.user };
}

/** Root, however the image says it, has always been this; another is left in the image's own words. */
export function imageUserName(user: string | undefined): string {
  return user === undefined || /^(|root|0)(:.*)?$/.test(user) ? '0:0' : user;
}

/** An image may say the wrong architecture and work; when it does not, this is why. */
function foreign(architecture: string, { engine }: Pick<ContainerOf, 'engine'>): string | null {
  return architecture === '' || architecture === engine.architecture
    ? null
    : `it is built for ${architecture}, and Docker’s machine is ${engine.architecture} (take its ${engine.architecture} variant)`;
}

async function run(
  docker: Docker,
  of: Omit<ContainerOf, 'name' | 'taskId' | 'attempt'>,
): Promise<string | null> {
  const name = `codex-tasks-probe-${randomBytes(6).toString('hex')}`;
  const container = await docker.createContainer({
    ...containerSpec({ ...of, name, taskId: 'probe', attempt: 0 }),
    Entrypoint: ['/bin/sh', '-c', SCRIPT],
    Labels: { [`${LABEL}.helper`]: 'true' },
  });
  try {
    await container.start();
    const ended = await Promise.race([
      container.wait() as Promise<{ StatusCode: number }>,
      new Promise<null>((resolve) => setTimeout(resolve, PROBE_TIMEOUT_MS, null).unref()),
    ]);
    return ended && demuxed(await container.logs({ stdout: true, stderr: false })).toString('utf8');
  } finally {
    await container.remove({ force: true, v: true });
  }
}

function misfit(image: string, why: string): CodexError {
  const detail = `The image ${image} can't be a sandbox: ${why}.`;
  return new CodexError('sandboxStartFailed', { detail }, { detail });
}
