/**
 * What local sandboxes can start from: copies of a stopped one's workspace, home and /tmp, each a
 * folder `snapshots/<id>` in the data folder. It is complete or absent: it is made under another name
 * and renamed. What lies in `run` (the door's socket, kept output) is never part of it.
 *
 * One from before the machine last started counts only if it had reached the disk by then.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CodexError } from '../../../protocol/errors.ts';
import type { SnapshotRef } from '../sandbox.ts';
import { folderBytes, removeFolder } from './files.ts';
import type { Platform } from './platform.ts';

const ID = /^local-[0-9a-f]{24}$/;
const PARTIAL = /^local-[0-9a-f]{24}\.(?:new|gone)$/;

const About = z.object({
  labels: z.record(z.string(), z.string()),
  createdAt: z.number(),
  bytes: z.number(),
  /** In which run of the machine it was made; absent once it is safely on disk. */
  boot: z.string().optional(),
});
type About = z.infer<typeof About>;

export class Snapshots {
  readonly #dir: string;
  readonly #platform: Pick<Platform, 'copyFolders' | 'bootId' | 'syncCommand'>;
  /** Being made or removed by us: not leftovers. */
  readonly #busy = new Set<string>();

  constructor(dir: string, platform: Pick<Platform, 'copyFolders' | 'bootId' | 'syncCommand'>) {
    this.#dir = dir;
    this.#platform = platform;
  }

  async take(sandboxDir: string, labels: Record<string, string>): Promise<{ id: string; bytes: number }> {
    const id = `local-${randomBytes(12).toString('hex')}`;
    const partial = `${id}.new`;
    const path = join(this.#dir, partial);
    this.#busy.add(partial);
    try {
      const bytes = await folderBytes(sandboxDir);
      await mkdir(path, { recursive: true, mode: 0o700 });
      await this.#platform.copyFolders(sandboxDir, path);
      const about: About = { labels, createdAt: Date.now(), bytes, boot: this.#platform.bootId() };
      await writeFile(join(path, 'snapshot.json'), JSON.stringify(about));
      await rename(path, join(this.#dir, id));
      this.#reachDisk(id, about);
      return { id, bytes };
    } catch (error) {
      await removeFolder(path).catch(() => {});
      throw error;
    } finally {
      this.#busy.delete(partial);
    }
  }

  /** Copies its folders into an empty one. Throws `CodexError` imageMissing when it is gone, or goes meanwhile. */
  async fill(id: string, to: string): Promise<void> {
    if (!(await this.#about(id))) throw missing(id);
    try {
      await this.#platform.copyFolders(join(this.#dir, id), to);
    } catch (error) {
      throw (await this.#about(id)) ? error : missing(id, error);
    }
  }

  async list(): Promise<SnapshotRef[]> {
    const found: SnapshotRef[] = [];
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const about = ID.test(name) ? await this.#about(name) : null;
      if (about) found.push({ id: name, labels: about.labels, createdAt: about.createdAt });
      else if ((ID.test(name) || PARTIAL.test(name)) && !this.#busy.has(name))
        await removeFolder(join(this.#dir, name)).catch(() => {});
    }
    return found;
  }

  /** First out of sight in one step, then away. */
  async remove(id: string): Promise<void> {
    if (!ID.test(id)) throw new CodexError('badRequest', {}, { detail: `no snapshot id: ${id}` });
    const gone = `${id}.gone`;
    this.#busy.add(gone);
    try {
      await rename(join(this.#dir, id), join(this.#dir, gone)).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      });
      await removeFolder(join(this.#dir, gone));
    } finally {
      this.#busy.delete(gone);
    }
  }

  async #about(id: string): Promise<About | null> {
    if (!ID.test(id)) return null;
    try {
      const about = About.parse(JSON.parse(await readFile(join(this.#dir, id, 'snapshot.json'), 'utf8')));
      return about.boot === undefined || about.boot === this.#platform.bootId() ? about : null;
    } catch {
      return null;
    }
  }

  /** Nobody waits for it: until then the snapshot only would not outlive the machine's fall. */
  #reachDisk(id: string, { labels, createdAt, bytes }: About): void {
    const about: About = { labels, createdAt, bytes };
    const path = join(this.#dir, id);
    const [program, ...args] = this.#platform.syncCommand(path);
    execFile(program, args, (error) => {
      if (error) return;
      const file = join(path, 'snapshot.json');
      writeFile(`${file}.new`, JSON.stringify(about))
        .then(() => rename(`${file}.new`, file))
        // Removed meanwhile.
        .catch(() => {});
    });
  }
}

function missing(image: string, cause?: unknown): CodexError {
  const detail = `The prepared environment ${image} is gone.`;
  return new CodexError('imageMissing', { image, reason: 'it was removed' }, { detail, cause });
}
