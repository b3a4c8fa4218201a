/**
 * A new embedded database as a copy of one that was made before.
 *
 * Making one from nothing takes seconds of processor time, and laying out its tables as long again; copying
 * one takes a tenth of a second. The first start leaves its empty database in the cache folder, by version
 * and by what lays it out; whatever goes wrong with that only means that one is made from nothing.
 */
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { DATABASE_BUFFERS_KIB, DATABASE_TEMPLATE_UNUSED_MS } from '../../protocol/limits.ts';

/** Goes up with PGlite: another version's files are not to be opened. */
const TEMPLATE = 'database-pglite-0.5.16';
/** Every PostgreSQL data folder has it. */
const MARK = 'PG_VERSION';

export interface Layout {
  /** Of all that `lay` does: whoever lays out another way finds no template. */
  key: string;
  /** Brings an empty database up to date, so that its next start finds nothing to do; leaves it closed. */
  lay: (pglite: PGlite) => Promise<void>;
}

export async function openEmbeddedDatabase(
  folder: string,
  layout: Layout,
  cacheDir = cacheFolder(),
): Promise<PGlite> {
  if (!existsSync(join(folder, MARK))) {
    // What is there without the mark was cut off while it was made.
    await rm(folder, { recursive: true, force: true });
    await copyTemplate(cacheDir, layout, folder).catch(() => rm(folder, { recursive: true, force: true }));
  }
  return openFolder(folder);
}

function openFolder(dataDir: string): Promise<PGlite> {
  // To optimize its code takes 4 s of a processor and 100 MB at each start, and makes a query a tenth faster.
  for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag);
  const startParams = [...PGlite.defaultStartParams, '-c', `shared_buffers=${DATABASE_BUFFERS_KIB}kB`];
  return PGlite.create({ dataDir, startParams });
}

async function copyTemplate(cacheDir: string, layout: Layout, folder: string): Promise<void> {
  const template = join(cacheDir, `${TEMPLATE}-${layout.key}`);
  if (!existsSync(template)) await makeTemplate(cacheDir, template, layout);
  const now = new Date();
  await utimes(template, now, now);
  const aside = `${folder}.${randomUUID()}`;
  try {
    // In one go: a thousand small files one by one cost more than twice as much, and nothing else runs yet.
    cpSync(template, aside, { recursive: true });
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function makeTemplate(cacheDir: string, template: string, { lay }: Layout): Promise<void> {
  const making = `${template}.${randomUUID()}`;
  await mkdir(making, { recursive: true, mode: 0o700 });
  try {
    await lay(await openFolder(making));
    // Another process may have been first: theirs is as good.
    await rename(making, template).catch(() => {});
    await removeUnused(cacheDir);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Of versions that nobody starts any more, and what was cut off while it was made. */
async function removeUnused(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith('database-pglite-')) continue;
    const path = join(cacheDir, name);
    const used = await stat(path).catch(() => null);
    if (used && Date.now() - used.mtimeMs > DATABASE_TEMPLATE_UNUSED_MS)
      await rm(path, { recursive: true, force: true });
  }
}

function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'codex-tasks');
}
