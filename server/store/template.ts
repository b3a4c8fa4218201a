/**
 * A new embedded database as a copy of one that was made before.
 *
 * Making one from nothing takes seconds of processor time, copying one a tenth of a second. The first
 * start leaves its empty database in the cache folder, by version; whatever goes wrong with that only
 * means that one is made from nothing.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';

/** Goes up with PGlite: another version's files are not to be opened. */
const TEMPLATE = 'database-pglite-0.5.16';
/** Every PostgreSQL data folder has it. */
const MARK = 'PG_VERSION';

export async function openEmbeddedDatabase(folder: string, cacheDir = cacheFolder()): Promise<PGlite> {
  if (!existsSync(join(folder, MARK))) {
    // What is there without the mark was cut off while it was made.
    await rm(folder, { recursive: true, force: true });
    await copyTemplate(join(cacheDir, TEMPLATE), folder).catch(() =>
      rm(folder, { recursive: true, force: true }),
    );
  }
  return PGlite.create(folder);
}

async function copyTemplate(template: string, folder: string): Promise<void> {
  if (!existsSync(template)) await makeTemplate(template);
  const aside = `${folder}.${randomUUID()}`;
  try {
    await cp(template, aside, { recursive: true });
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function makeTemplate(template: string): Promise<void> {
  const making = `${template}.${randomUUID()}`;
  await mkdir(making, { recursive: true, mode: 0o700 });
  try {
    const pglite = await PGlite.create(making);
    await pglite.close();
    // Another process may have been first: theirs is as good.
    await rename(making, template).catch(() => {});
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'codex-tasks');
}
