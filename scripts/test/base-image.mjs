/**
 * The default image, built before the tests that use it: a first build takes minutes, and no single
 * test should be the one that pays for it. Runs on Node 24, after the bundles are built.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @returns {Promise<import('../setup/common.mjs').Step>} */
export async function ensureBaseImage(log = () => {}) {
  const scratch = mkdtempSync(join(tmpdir(), 'codex-image-'));
  try {
    const { default: Docker } = await import('dockerode');
    const { Images } = await import('../../server/sandbox/docker/images.ts');
    const image = await new Images(new Docker(), scratch).ensure(undefined, log);
    return { ok: true, detail: image.name };
  } catch (error) {
    return { ok: false, reason: [error.message, error.detail].filter(Boolean).join(': ') };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
