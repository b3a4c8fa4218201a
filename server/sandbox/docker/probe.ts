/**
 * Whether an image can be a sandbox: started once with nothing but a shell script, before the first
 * sandbox of it, so that a misfit is a sentence and not a runner that does not answer.
 */
import type Docker from 'dockerode';
import { randomBytes } from 'node:crypto';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { CODEX_DIR } from '../../../protocol/door.ts';
import { LABEL, containerSpec } from './spec.ts';
import type { ContainerOf } from './spec.ts';

const PROBE_TIMEOUT_MS = 30_000;
/** Prints one word for each thing that is missing, and at last that it came to its end. */
const SCRIPT = `
for tool in bash git mkfifo; do command -v "$tool" >/dev/null 2>&1 || echo "$tool"; done
if ! ${CODEX_DIR}/node --version >/dev/null 2>/tmp/codex-probe; then
  if ls /lib/ld-musl-* >/dev/null 2>&1; then echo glibc
  elif grep -q 'libstdc++' /tmp/codex-probe; then echo libstdc++
  elif grep -q 'GLIBC' /tmp/codex-probe; then echo newer-glibc
  else echo node; fi
fi
echo probed
`;

const MISSING: Record<string, string> = {
  bash: 'it has no bash',
  git: 'it has no git',
  mkfifo: 'it has no mkfifo (coreutils)',
  glibc: 'it is built on musl, and the runner needs glibc (take a Debian, Ubuntu or Fedora image)',
  'newer-glibc': 'its glibc is older than 2.28',
  'libstdc++': 'it has no libstdc++ (package libstdc++6), or an old one',
  node: 'the runner’s Node does not start in it',
};

/** Throws `sandboxStartFailed` that names what does not fit. */
export async function probeImage(
  docker: Docker,
  of: Omit<ContainerOf, 'name' | 'taskId' | 'attempt'>,
): Promise<void> {
  const name = `codex-tasks-probe-${randomBytes(6).toString('hex')}`;
  const spec = containerSpec({ ...of, name, taskId: 'probe', attempt: 0 });
  const container = await docker.createContainer({
    ...spec,
    Entrypoint: ['/bin/sh', '-c', SCRIPT],
    Labels: { [`${LABEL}.helper`]: 'true' },
  });
  try {
    await container.start().catch((error: unknown) => {
      throw misfit(of.image, errorText(error));
    });
    const ended = await Promise.race([
      container.wait() as Promise<{ StatusCode: number }>,
      new Promise<null>((resolve) => setTimeout(resolve, PROBE_TIMEOUT_MS, null).unref()),
    ]);
    if (!ended) throw misfit(of.image, `it did not start within ${PROBE_TIMEOUT_MS / 1000} s`);
    const logs = await container.logs({ stdout: true, stderr: false });
    const said = logs.toString('utf8');
    // The engine's init starts where a shell does not.
    if (!said.includes('probed')) throw misfit(of.image, 'it has no /bin/sh that starts');
    const missing = Object.keys(MISSING).filter((word) =>
      new RegExp(`(^|[^a-z-])${escape(word)}\\s*$`, 'm').test(said),
    );
    const first = missing[0];
    if (first !== undefined) throw misfit(of.image, missing.map((word) => MISSING[word] ?? word).join('; '));
  } finally {
    await container.remove({ force: true });
  }
}

function misfit(image: string, why: string): CodexError {
  const detail = `The image ${image} can't be a sandbox: ${why}.`;
  return new CodexError('sandboxStartFailed', { detail }, { detail });
}

function escape(word: string): string {
  return word.replace(/[+.]/g, '\\$&');
}
