/**
 * A Debian base image without an image registry: debootstrap from the mirror that this machine's own
 * apt uses, imported under a name of ours. Needs root on Debian or a relative, and debootstrap.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type Docker from 'dockerode';
import type { DebianSuite } from './contexts.ts';

const REPO = 'codex-tasks/debian';
const APT_DIR = '/etc/apt';

export async function importDebian(
  docker: Docker,
  scratchDir: string,
  suite: DebianSuite,
  tell: (line: string) => void,
): Promise<string> {
  const name = `${REPO}:${suite}`;
  const there = await docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  if (there) return name;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('without an image registry the base image can only be made as root on Debian');
  }
  const mirror = await debianMirror();
  if (mirror === null) throw new Error('no Debian mirror stands in the apt sources of this machine');
  await mkdir(scratchDir, { recursive: true });
  const root = await mkdtemp(join(scratchDir, 'debootstrap-'));
  try {
    await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', suite, root, mirror], tell);
    tell('Importing the Debian base');
    const tar = spawn('tar', ['-C', root, '-c', '.'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const answer = await docker.importImage(tar.stdout, { repo: REPO, tag: suite });
    answer.resume();
    await once(answer, 'end');
    if (tar.exitCode === null) await once(tar, 'exit');
    if (tar.exitCode !== 0) throw new Error(`tar ended with ${tar.exitCode ?? '?'}`);
    return name;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The first Debian archive of the apt sources, in either of their two formats. */
export async function debianMirror(aptDir = APT_DIR): Promise<string | null> {
  const parts = await readdir(join(aptDir, 'sources.list.d')).catch(() => []);
  const files = ['sources.list', ...parts.sort().map((name) => join('sources.list.d', name))];
  for (const file of files) {
    const mirror = mirrorOf(await readFile(join(aptDir, file), 'utf8').catch(() => ''));
    if (mirror !== null) return mirror;
  }
  return null;
}

export function mirrorOf(sources: string): string | null {
  for (const line of sources.split('\n')) {
    const url = /^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(https?:\/\/\S+)/.exec(line)?.[1];
    if (url !== undefined && /\/debian\/?$/.test(url)) return url;
  }
  return null;
}

async function run(program: string, args: string[], tell: (line: string) => void): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', tell);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', () => reject(new Error(`${program} is not installed (apt-get install ${program})`)));
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code ?? 'a signal'}`);
}
