/** The folders of a stopped sandbox on macOS: copied, and counted. */
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copying, KEPT_NAMES, run } from '../files.ts';

const DU_TIMEOUT_MS = 120_000;

/**
 * As clones, which take no room until one side is written (APFS); where there are none, and where `cp`
 * does not know of them, in full. Sockets go first: `cp` stops at one, and nobody listens there any more.
 * Files with several names become several files: macOS' `cp` knows no better.
 */
export async function copyOnMac(from: string, to: string): Promise<void> {
  const sources = KEPT_NAMES.map((name) => join(from, name));
  await run('find', [...sources, '-type', 's', '-delete']);
  await copying(to, async () => {
    try {
      await run('cp', ['-cpPR', ...sources, to]);
    } catch {
      for (const name of await readdir(to)) await rm(join(to, name), { recursive: true, force: true });
      await run('cp', ['-pPR', ...sources, to]);
    }
  });
}

/** What ran inside may have closed a folder to us: that one is not counted then. */
export async function diskBytesOnMac(sandboxDir: string): Promise<number> {
  const folders = [...KEPT_NAMES, 'run'].map((name) => join(sandboxDir, name));
  const told = await promisify(execFile)('du', ['-s', '-k', '-x', ...folders], {
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    timeout: DU_TIMEOUT_MS,
  }).catch((error: unknown) => error as { stdout?: string });
  const kib = [...(told.stdout ?? '').matchAll(/^(\d+)\t/gm)].map(([, count]) => Number(count));
  return kib.reduce((sum, one) => sum + one, 0) * 1024;
}
