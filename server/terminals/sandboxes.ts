/**
 * The sandboxes that terminals are in: each opened once, kept parked while somebody is in it, and given
 * back with at least as much time as it had.
 */
import type { Duplex } from 'node:stream';
import { CodexError } from '../../protocol/errors.ts';
import { TERMINAL_IDLE_MS, TERMINAL_PARKED_MS, type LimitValues } from '../../protocol/limits.ts';
import { doorGeneration, safeName } from '../sandbox/of-turn.ts';
import type { Sandbox, SandboxDriver, SandboxRef, SandboxRole } from '../sandbox/sandbox.ts';
import type { LastTurn } from './last-turn.ts';

/** Which one when there are several: where the agent worked, else where the setup failed. */
const ORDER: readonly SandboxRole[] = ['agent', 'ask', 'setup'];
/** Again and again, so that a backend that dies leaves a time behind at which the sandbox goes. */
const KEEP_EVERY_MS = 60_000;
const KEEP_MS = TERMINAL_IDLE_MS + TERMINAL_PARKED_MS;

export type ServeOrigin = (taskId: string, stream: Duplex) => void;

export interface Held {
  sandbox: Sandbox;
  /** `park`: false when a turn has it now, whose business that is. */
  release(park: boolean): Promise<void>;
}

interface Shared {
  taskId: string;
  users: number;
  opened: Promise<{ sandbox: Sandbox; until: number }>;
  keeper: ReturnType<typeof setInterval> | null;
}

export class Sandboxes {
  readonly #deps: { driver: SandboxDriver; limits: LimitValues; serveOrigin: ServeOrigin };
  readonly #shared = new Map<string, Shared>();

  constructor(deps: { driver: SandboxDriver; limits: LimitValues; serveOrigin: ServeOrigin }) {
    this.#deps = deps;
  }

  uses(taskId: string): boolean {
    for (const shared of this.#shared.values()) if (shared.taskId === taskId) return true;
    return false;
  }

  /** Throws `CodexError` terminalUnavailable when there is none, or a turn has it. */
  async hold(turn: LastTurn, attempt: number): Promise<Held> {
    const key = `${turn.taskId} ${attempt} ${doorGeneration(turn)}`;
    let shared = this.#shared.get(key);
    if (!shared) {
      shared = { taskId: turn.taskId, users: 0, opened: this.#open(turn, attempt), keeper: null };
      this.#shared.set(key, shared);
    }
    const mine = shared;
    mine.users += 1;
    const leave = async (park: boolean): Promise<void> => {
      mine.users -= 1;
      if (mine.users > 0) return;
      if (mine.keeper) clearInterval(mine.keeper);
      const opened = await mine.opened.catch(() => null);
      // The door is closed before another may be opened with the same generation.
      if (opened) {
        if (park && !opened.sandbox.lost.aborted)
          await opened.sandbox.park(Math.max(opened.until, Date.now() + TERMINAL_PARKED_MS)).catch(() => {});
        await opened.sandbox.detach();
      }
      if (mine.users === 0 && this.#shared.get(key) === mine) this.#shared.delete(key);
    };
    try {
      const { sandbox } = await mine.opened;
      if (sandbox.lost.aborted) throw new CodexError('terminalUnavailable', { busyTask: turn.taskId });
      mine.keeper ??= keepParked(sandbox);
      let held = true;
      return {
        sandbox,
        release: async (park) => {
          if (!held) return;
          held = false;
          await leave(park);
        },
      };
    } catch (error) {
      await leave(false);
      throw error;
    }
  }

  async #open(turn: LastTurn, attempt: number): Promise<{ sandbox: Sandbox; until: number }> {
    const { driver, limits, serveOrigin } = this.#deps;
    const ref = chooseSandbox(await driver.list(), turn.taskId, attempt);
    if (!ref) throw new CodexError('terminalUnavailable', { noSandbox: turn.taskId });
    let sandbox: Sandbox;
    try {
      sandbox = await driver.open({
        taskId: turn.taskId,
        attempt,
        generation: doorGeneration(turn),
        repoName: safeName(turn.repoName),
        role: ref.role,
        limits,
      });
    } catch (error) {
      if (!(error instanceof CodexError) || error.code !== 'generationSuperseded') throw error;
      throw new CodexError('terminalUnavailable', { busyTask: turn.taskId }, { cause: error });
    }
    // Gone between the two: what was made in its place has nothing of the task's.
    if (sandbox.how === 'new' || sandbox.how === 'prepared') {
      await sandbox.detach();
      await driver.remove(ref.name);
      throw new CodexError('terminalUnavailable', { noSandbox: turn.taskId });
    }
    await sandbox.park(Date.now() + KEEP_MS);
    sandbox.serve('origin', (stream) => serveOrigin(turn.taskId, stream));
    return { sandbox, until: ref.expiresAt ?? 0 };
  }
}

export function chooseSandbox(
  refs: readonly SandboxRef[],
  taskId: string,
  attempt: number,
): SandboxRef | undefined {
  const mine = refs.filter((ref) => ref.taskId === taskId && ref.attempt === attempt);
  return ORDER.flatMap((role) => mine.filter((ref) => ref.role === role))[0];
}

function keepParked(sandbox: Sandbox): ReturnType<typeof setInterval> {
  const timer = setInterval(() => {
    if (!sandbox.lost.aborted) sandbox.park(Date.now() + KEEP_MS).catch(() => {});
  }, KEEP_EVERY_MS);
  timer.unref();
  return timer;
}
