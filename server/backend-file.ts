/** `backend.json` in the data folder: how clients find a backend that runs there. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendFile } from '../protocol/http.ts';

const BACKEND_FILE = 'backend.json';

/** Appears whole or not at all. */
export async function writeBackendFile(dataDir: string, content: BackendFile): Promise<void> {
  const path = join(dataDir, BACKEND_FILE);
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

export function removeBackendFile(dataDir: string): Promise<void> {
  return rm(join(dataDir, BACKEND_FILE), { force: true });
}
