/**
 * A backend's data folder, as a client sees it: where it is, and the three files that matter to a
 * client: `backend.json` (names a running backend), `token`, and the log.
 */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { BackendFile } from '../../protocol/http.ts';

const BackendFileSchema = z.object({
  pid: z.number().int().positive(),
  port: z.number().int().min(1).max(65_535),
  version: z.string(),
  nonce: z.string(),
  startedAt: z.number(),
}) satisfies z.ZodType<BackendFile>;

/** A log that grew past this is set aside when the next backend starts; one old one is kept. */
const LOG_KEPT_BYTES = 10 * 1024 * 1024;
const TOKEN_BYTES = 32;

/** Where a person's own backend keeps its data, unless `CODEX_DATA_DIR` or a flag says otherwise. */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env['CODEX_DATA_DIR']) return env['CODEX_DATA_DIR'];
  const home = homedir();
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'codex-tasks');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'codex-tasks');
  return join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'codex-tasks');
}

export const backendFilePath = (dataDir: string): string => join(dataDir, 'backend.json');
export const tokenFilePath = (dataDir: string): string => join(dataDir, 'token');
export const logFilePath = (dataDir: string): string => join(dataDir, 'logs', 'backend.log');

/** Null when there is none, or it is not one of ours. */
export async function readBackendFile(dataDir: string): Promise<BackendFile | null> {
  try {
    const parsed = BackendFileSchema.safeParse(JSON.parse(await readFile(backendFilePath(dataDir), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export async function readToken(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim() || null;
  } catch {
    return null;
  }
}

/** The data folder's token; made on first use, readable by its owner only. Safe against a second maker. */
export async function ensureToken(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = tokenFilePath(dataDir);
  const there = await readToken(path);
  if (there) return there;
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  try {
    // A link fails when the file is there: whoever was first wins, and both read the same token.
    await link(temporary, path);
  } catch {
    if (!(await readToken(path))) await rename(temporary, path);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  await chmod(path, 0o600).catch(() => undefined);
  const made = await readToken(path);
  if (!made) throw new Error(`The token file ${path} could not be written.`);
  return made;
}

/** Opens the log for appending; returns the descriptor's handle and where this run begins in it. */
export async function openLog(
  dataDir: string,
): Promise<{ handle: Awaited<ReturnType<typeof open>>; from: number }> {
  const path = logFilePath(dataDir);
  await mkdir(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LOG_KEPT_BYTES) await rename(path, `${path}.1`).catch(() => undefined);
  const handle = await open(path, 'a', 0o600);
  return { handle, from: (await handle.stat()).size };
}

/** The last lines that were logged after byte `from`. */
export async function logTail(dataDir: string, from: number, lines = 15): Promise<string> {
  const text = await readFile(logFilePath(dataDir)).then(
    (bytes) => bytes.subarray(Math.min(from, bytes.length)).toString('utf8'),
    () => '',
  );
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
