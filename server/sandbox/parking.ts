/** Until when a parked sandbox is kept: one small file each in the data folder, by its name. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export class Parking {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async park(name: string, expiresAt: number): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const path = join(this.#dir, name);
    await writeFile(`${path}.new`, String(expiresAt));
    await rename(`${path}.new`, path);
  }

  async expiresAt(name: string): Promise<number | undefined> {
    const value = Number(await readFile(join(this.#dir, name), 'utf8').catch(() => ''));
    return Number.isFinite(value) && value > 0 ? value : undefined;
  }

  async clear(name: string): Promise<void> {
    await rm(join(this.#dir, name), { force: true });
  }
}
