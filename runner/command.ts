/**
 * One command as others see it: its output so far, its result once it has ended, and where it takes input.
 * Who follows it is told of every change.
 */
import type { DoorCommandResult } from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';
import type { Typing } from './typing.ts';

export class Command {
  readonly outPath: string;
  /** Bytes of output that are in the file. */
  kept = 0;
  result: DoorCommandResult | undefined;
  /** Set while it runs. */
  cancel: () => void = () => {};
  /** Where it takes input; null: it takes none. */
  typing: Typing | null = null;
  readonly #typed = new Set<string>();
  readonly #followers = new Set<() => void>();

  constructor(outPath: string) {
    this.outPath = outPath;
  }

  /** Calls back once, at the next output or end; returns how to take that back. */
  onChange(callback: () => void): () => void {
    this.#followers.add(callback);
    return () => this.#followers.delete(callback);
  }

  /**
   * Types it, unless this id was typed already; false when the command has ended. Throws `DoorRefusal`
   * notFound (it takes no input) | busy (it does not read what it has).
   */
  typeOnce(id: string, bytes: Buffer): boolean {
    if (this.result) return false;
    if (this.#typed.has(id)) return true;
    if (this.typing === null) throw new DoorRefusal('notFound', 'the command takes no input');
    if (!this.typing.type(bytes)) throw new DoorRefusal('busy', 'the program does not read its input');
    this.#typed.add(id);
    return true;
  }

  changed(): void {
    const waiting = [...this.#followers];
    this.#followers.clear();
    for (const callback of waiting) callback();
  }
}
