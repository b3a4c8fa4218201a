/**
 * Where a turn's sandboxes start from, found or made once: of several attempts the first one that needs it has
 * it set up, and the others wait for that.
 */
import type { Script } from './setup/run-script.ts';

export interface Start {
  /** Absent: the image. */
  snapshot?: string;
  /** The commit that its repository stands at. */
  sha?: string;
  /** The prepared environment's, to be forgotten when its snapshot turns out to be gone. */
  key?: string;
  /** To be run in the agent's own sandbox, after its checkout. */
  maintenance?: Script;
}

export interface SharedStart {
  get(): Promise<Start>;
  /** Another one, since this one turned out to be gone. */
  insteadOf(gone: Start): Promise<Start>;
}

export function shareStart(make: () => Promise<Start>, forget: (gone: Start) => Promise<void>): SharedStart {
  let start: Promise<Start> | undefined;
  const get = (): Promise<Start> => {
    start ??= make();
    return start;
  };
  return {
    get,
    async insteadOf(gone) {
      // Whoever comes second finds it replaced already.
      const before = start;
      if (before !== undefined && (await before) === gone && start === before) {
        start = forget(gone).then(make);
      }
      return get();
    },
  };
}
