/**
 * Sandboxes that are started before anybody asks for them: runner up, door open, made from what was
 * asked for last. A claim gives one a task's name and raises its door's generation; from then on it is a
 * sandbox like any other, and the pool has forgotten it.
 *
 * A member is in the list of this process or it is nobody's: those of a process that is gone are removed
 * by the sweep. Filling happens one at a time, and after the open that it follows.
 */
import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import type { Door } from '../door.ts';
import { attachDoor } from './attach.ts';
import { statusOf } from './failure.ts';
import type { Ground } from './ground.ts';
import { handOver } from './ownership.ts';
import { LABEL, containerSpec } from './spec.ts';

/** Whose member it is: the process, and what tells it from one that had its number before. */
export const POOL_LABEL = `${LABEL}.pool`;
export const POOL_NAME = /^codex-tasks-pool-[0-9a-f]{16}$/;
/** Lower than any turn's: whoever attaches later wins. */
const POOL_GENERATION = 0;
/** One that nobody came for has cost its memory for long enough. */
const UNUSED_MS = 30 * 60_000;
/** An open is followed by a checkout and the first commands: the machine is theirs first. */
const FILL_PAUSE_MS = 1_000;
const TRIES_PER_GROUND = 3;

interface Member {
  container: Docker.Container;
  door: Door;
  key: string;
  image: string;
  timer: NodeJS.Timeout;
}

interface Wanted {
  key: string;
  ground: Ground;
  failures: number;
}

export interface Claimed {
  container: Docker.Container;
  door: Door;
}

export class Pool {
  readonly #docker: Docker;
  readonly #size: number;
  readonly #instance = `${process.pid}-${randomBytes(8).toString('hex')}`;
  readonly #members: Member[] = [];
  /** What was asked for, the newest first. */
  #wanted: Wanted[] = [];
  #timer: NodeJS.Timeout | undefined;
  #filling: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(docker: Docker, size: number) {
    this.#docker = docker;
    this.#size = size;
  }

  /** One that was made from this, under this name and with this generation, or null. */
  async claim(ground: Ground, name: string, generation: number): Promise<Claimed | null> {
    const key = keyOf(ground);
    for (;;) {
      const at = this.#members.findIndex((member) => member.key === key);
      // Taken out before anything is waited for: nobody else gets it.
      const member = this.#members.splice(at, at < 0 ? 0 : 1)[0];
      if (!member) return null;
      clearTimeout(member.timer);
      try {
        await Promise.all([member.container.rename({ name }), member.door.raiseGeneration(generation)]);
        return { container: member.container, door: member.door };
      } catch (error) {
        await this.#discard(member);
        // The name is somebody's: who has it is to be adopted.
        if (statusOf(error) === 409) throw error;
      }
    }
  }

  /** This was asked for: more of it may be. */
  expect(ground: Ground): void {
    if (this.#size === 0 || this.#closed) return;
    const key = keyOf(ground);
    const known = this.#wanted.find((one) => one.key === key) ?? { key, ground, failures: 0 };
    this.#wanted = [known, ...this.#wanted.filter((one) => one !== known)].slice(0, this.#size);
    this.#fillSoon();
  }

  /** Nothing is kept of an image that is to be removed. */
  async forget(image: string): Promise<void> {
    this.#wanted = this.#wanted.filter((one) => one.ground.image !== image);
    await this.#filling;
    await this.#retire((member) => member.image === image);
  }

  /** Whether a container with this label is of this process. */
  isOurs(label: string | undefined): boolean {
    return label === this.#instance;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wanted = [];
    await this.#filling;
    await this.#retire(() => true);
  }

  #fillSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#filling = this.#filling.then(() => this.#fill()).catch(() => {});
    }, FILL_PAUSE_MS);
    this.#timer.unref();
  }

  async #fill(): Promise<void> {
    for (;;) {
      await this.#retire((member) => this.#tooMany(member));
      const next = this.#closed ? undefined : this.#nextToMake();
      if (!next) return;
      try {
        await this.#make(next);
        next.failures = 0;
      } catch {
        // Whoever needs one makes it and is told why it can't be; the pool only stops trying.
        next.failures++;
      }
    }
  }

  /** The members are spread over what is wanted, the newest first. */
  #share(key: string): number {
    const at = this.#wanted.findIndex((one) => one.key === key);
    if (at < 0) return 0;
    const count = this.#wanted.length;
    return Math.floor(this.#size / count) + (at < this.#size % count ? 1 : 0);
  }

  #count(key: string): number {
    return this.#members.filter((member) => member.key === key).length;
  }

  #tooMany(member: Member): boolean {
    return this.#count(member.key) > this.#share(member.key);
  }

  #nextToMake(): Wanted | undefined {
    return this.#wanted.find(
      (one) => one.failures < TRIES_PER_GROUND && this.#count(one.key) < this.#share(one.key),
    );
  }

  async #make({ key, ground }: Wanted): Promise<void> {
    const name = `codex-tasks-pool-${randomBytes(8).toString('hex')}`;
    const spec = specOf(ground, name);
    const container = await this.#docker.createContainer({
      ...spec,
      Labels: { ...spec.Labels, [POOL_LABEL]: this.#instance },
    });
    try {
      await handOver(container, ground.user);
      await container.start();
      const door = await attachDoor(container, POOL_GENERATION);
      const timer = setTimeout(() => void this.#expire(key), UNUSED_MS).unref();
      this.#members.push({ container, door, key, image: ground.image, timer });
      void door.closed.then(() => this.#retire((member) => member.door === door)).catch(() => {});
    } catch (error) {
      await remove(container);
      throw error;
    }
  }

  async #expire(key: string): Promise<void> {
    this.#wanted = this.#wanted.filter((one) => one.key !== key);
    await this.#retire((member) => member.key === key).catch(() => {});
  }

  async #retire(which: (member: Member) => boolean): Promise<void> {
    for (let at; (at = this.#members.findIndex(which)) >= 0;) {
      const [member] = this.#members.splice(at, 1);
      if (member) await this.#discard(member);
    }
  }

  async #discard(member: Member): Promise<void> {
    clearTimeout(member.timer);
    member.door.close();
    await remove(member.container);
  }
}

/** Everything that a container is made of: two that are made of the same are the same. */
function keyOf(ground: Ground): string {
  return JSON.stringify(specOf(ground, ''));
}

function specOf(ground: Ground, name: string): Docker.ContainerCreateOptions {
  return containerSpec({ ...ground, name, taskId: 'pool', attempt: 0, repoName: '', role: 'agent' });
}

async function remove(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (![404, 409].includes(statusOf(error))) throw error;
  }
}
