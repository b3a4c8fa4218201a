/**
 * What was made beside the working tree, kept as long as checkpoints are, so that it can be found and
 * taken away later, by the command line and the extension alike. One small file each, renamed into place.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Made } from './types.ts';

/** As long as a checkpoint. */
const MAX_AGE_MS = 14 * 24 * 60 * 60_000;
const ID = /^[0-9a-z]{8,40}$/;

const Id = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const MadeRecord = z.discriminatedUnion('what', [
  z.object({ what: z.literal('branchMoved'), root: z.string(), branch: z.string(), from: Id, at: Id }),
  z.object({ what: z.literal('branchMade'), root: z.string(), branch: z.string(), at: Id }),
  z.object({
    what: z.literal('worktreeMade'),
    root: z.string(),
    folder: z.string(),
    branch: z.string().nullable(),
    at: Id,
    tree: Id,
  }),
]) satisfies z.ZodType<Made>;

const Delivery = z.object({
  id: z.string().regex(ID),
  /** Milliseconds since 1970. */
  at: z.number(),
  taskId: z.string().nullable(),
  turn: z.number().nullable(),
  label: z.string(),
  made: MadeRecord,
  undoneAt: z.number().nullable(),
});
export type Delivery = z.infer<typeof Delivery>;

export class Deliveries {
  readonly #folder: string;
  readonly #now: () => number;

  constructor(folder: string, now: () => number = Date.now) {
    this.#folder = folder;
    this.#now = now;
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  add(made: Made, of: Pick<Delivery, 'taskId' | 'turn' | 'label'>): Delivery {
    const at = this.#now();
    const id = at.toString(36).padStart(9, '0') + randomBytes(5).toString('hex');
    const delivery: Delivery = { id, at, ...of, made, undoneAt: null };
    this.#write(delivery);
    for (const old of this.list()) if (at - old.at > MAX_AGE_MS) this.remove(old.id);
    return delivery;
  }

  /** Newest first. A file that can't be read is left out, and left alone. */
  list(): Delivery[] {
    return fs
      .readdirSync(this.#folder)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => this.get(name.slice(0, -'.json'.length)) ?? [])
      .sort((one, two) => two.at - one.at || (one.id < two.id ? 1 : -1));
  }

  get(id: string): Delivery | null {
    if (!ID.test(id)) return null;
    try {
      const found = Delivery.parse(JSON.parse(fs.readFileSync(this.#path(id), 'utf8')));
      return found.id === id ? found : null;
    } catch {
      return null;
    }
  }

  markUndone(id: string): void {
    const delivery = this.get(id);
    if (delivery) this.#write({ ...delivery, undoneAt: this.#now() });
  }

  remove(id: string): void {
    if (ID.test(id)) fs.rmSync(this.#path(id), { force: true });
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  #write(delivery: Delivery): void {
    const temporary = `${this.#path(delivery.id)}.${randomBytes(4).toString('hex')}.tmp`;
    fs.writeFileSync(temporary, JSON.stringify(delivery), { mode: 0o600 });
    fs.renameSync(temporary, this.#path(delivery.id));
  }
}
