/**
 * The backend's own files, copied to the global storage by version: an upgrade of the extension
 * deletes the old extension's folder while its backend still runs from there.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a backend needs of `dist/`. */
const PARTS = ['cli', 'runner', 'images'];
/** Copies that are kept: the present one, and the one that may still run. */
const KEPT_COPIES = 2;

/** Copies if necessary; returns the entry to start. */
export async function installBackend(distDir: string, storageDir: string, version: string): Promise<string> {
  const entry = join(distDir, 'cli', 'codex-tasks.mjs');
  const { size, mtimeMs } = await stat(entry);
  const mark = createHash('sha256').update(`${size} ${mtimeMs}`).digest('hex').slice(0, 8);
  const home = join(storageDir, 'backend');
  const name = `${version}-${mark}`;
  const target = join(home, name);
  const installed = join(target, 'dist', 'cli', 'codex-tasks.mjs');
  if (await exists(installed)) return installed;
  const temporary = join(home, `.${name}.${process.pid}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(join(temporary, 'dist'), { recursive: true });
  for (const part of PARTS) {
    const from = join(distDir, part);
    if (await exists(from)) await cp(from, join(temporary, 'dist', part), { recursive: true });
  }
  // Another window may have been first: then its copy is as good.
  await rename(temporary, target).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(installed))) throw error;
  });
  await removeOld(home, name);
  return installed;
}

async function removeOld(home: string, keep: string): Promise<void> {
  const copies: { path: string; at: number }[] = [];
  for (const name of await readdir(home)) {
    if (name === keep || name.startsWith('.')) continue;
    const path = join(home, name);
    copies.push({ path, at: (await stat(path)).mtimeMs });
  }
  copies.sort((a, b) => b.at - a.at);
  for (const { path } of copies.slice(KEPT_COPIES - 1)) {
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
