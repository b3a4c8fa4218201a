/**
 * A sandbox behind its door, whatever made it: keeps a door open through broken channels, and maps
 * the `Sandbox` interface to requests.
 *
 * Every request is one that may be repeated, so a channel that breaks is attached again and the
 * request repeated; a command goes on from the byte it had come to. Only when the sandbox itself is
 * gone, or somebody with a higher generation has taken it over, is it lost, and lost for good.
 */
import type { Duplex, Readable } from 'node:stream';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { CALL_ID_PATTERN, SANDBOX_HOME } from '../../protocol/door.ts';
import type { DoorCheckout, WayOut } from '../../protocol/door.ts';
import { KILL_GRACE_MS } from '../../protocol/limits.ts';
import { USUAL_PLACES } from '../../protocol/places.ts';
import type { Places } from '../../protocol/places.ts';
import type { Door } from './door.ts';
import { DoorBroken, DoorRefused, RunnerGone } from './door.ts';
import type {
  CheckoutOptions,
  CommandResult,
  CommandSpec,
  Sandbox,
  SandboxKind,
  Terminal,
} from './sandbox.ts';

/** What a driver knows about one sandbox. */
export interface Behind {
  kind: SandboxKind;
  name: string;
  how: Sandbox['how'];
  repoName: string;
  /** Default: root's. */
  home?: string;
  /** Default: the usual ones. */
  places?: Places;
  attach(): Promise<Door>;
  /** Whether it still runs; throws when that can't be found out now. */
  isRunning(): Promise<boolean>;
  park(expiresAt: number): Promise<void>;
  /** In place of the runner's own, where that may not write the workspace. */
  checkout?(wanted: DoorCheckout): Promise<void>;
  extraEnv?: Record<string, string>;
  /** Goes around each checkout, where there is something to do before and after it. */
  checkingOut?(work: () => Promise<void>): Promise<void>;
  /** The error that says why it stopped, where that is known. */
  whyStopped?(): Promise<CodexError | null>;
  /**
   * Called when the first command starts; the function that it returns, when the last has ended. `fail`
   * ends every command with this error; false when they could not be ended from inside.
   */
  whileRunning?(fail: (error: CodexError) => Promise<boolean>): () => void;
  /** What the driver has to say about a command that ran since then (ms since 1970): it may have ended it. */
  ended?(result: CommandResult, since: number): CommandResult;
}

/** Pauses before each try to attach again. */
const REATTACH_PAUSES_MS = [0, 100, 500, 2_000, 5_000];
/** A program inside that ends the pump each time it comes up must not keep us busy for ever. */
const REATTACHES_PER_MINUTE = 20;
/** The runner ends a command by itself; when it has not so long after, it does not work any more. */
const OVERRUN_MS = KILL_GRACE_MS + 60_000;
/** Ending everything takes half a second inside. */
const FAIL_TIMEOUT_MS = 10_000;
const EXIT_CANCELLED = 130;
const DEFAULT_MODE = 0o644;

export class DoorSandbox implements Sandbox {
  readonly #behind: Behind;
  readonly #lost = new AbortController();
  #door: Promise<Door>;
  #detached = false;
  readonly #served = new Map<WayOut, (stream: Duplex) => void>();
  #reattachedAt: number[] = [];
  #running = 0;
  #stopWatching: (() => void) | undefined;

  constructor(behind: Behind, door: Door) {
    this.#behind = behind;
    this.#door = Promise.resolve(door);
    this.#watch(door);
  }

  get kind(): SandboxKind {
    return this.#behind.kind;
  }
  get name(): string {
    return this.#behind.name;
  }
  get how(): Sandbox['how'] {
    return this.#behind.how;
  }
  get workdir(): string {
    return `${this.places.workspace}/${this.#behind.repoName}`;
  }
  get places(): Places {
    return this.#behind.places ?? USUAL_PLACES;
  }
  get home(): string {
    return this.#behind.home ?? SANDBOX_HOME;
  }
  get extraEnv(): Readonly<Record<string, string>> {
    return this.#behind.extraEnv ?? {};
  }
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async run(
    spec: CommandSpec,
    options: {
      after?: number;
      onOutput?: (bytes: Buffer, offset: number) => void;
      signal?: AbortSignal;
    } = {},
  ): Promise<CommandResult> {
    const { callId, ...command } = spec;
    if (!CALL_ID_PATTERN.test(callId)) throw new CodexError('badRequest', {}, { detail: 'callId' });
    const { onOutput, signal } = options;
    if (signal?.aborted && (await this.find(callId)) === 'unknown') return notEvenStarted();

    const since = Date.now();
    let at = options.after ?? 0;
    const output = (bytes: Buffer): void => {
      const offset = at;
      at += bytes.length;
      if (at > spec.maxOutputBytes) this.#lose('the runner sent more output than it may keep');
      else onOutput?.(bytes, offset);
    };
    const overrun = (): void => void this.#lose('the runner did not end a command in time');
    let watchdog = setTimeout(overrun, Math.min(spec.timeoutMs + OVERRUN_MS, 2 ** 31 - 1));
    const cancel = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(overrun, OVERRUN_MS);
      this.#through((door) => door.cancel(callId)).catch(() => {});
    };
    signal?.addEventListener('abort', cancel, { once: true });
    if (this.#running++ === 0) this.#stopWatching = this.#behind.whileRunning?.((error) => this.#fail(error));
    try {
      const result = await this.#through((door) => {
        const ended = door.command(callId, command, at, output);
        if (signal?.aborted) cancel();
        return ended;
      });
      this.#lost.signal.throwIfAborted();
      return this.#behind.ended?.(result, since) ?? result;
    } finally {
      if (--this.#running === 0) this.#stopWatching?.();
      clearTimeout(watchdog);
      signal?.removeEventListener('abort', cancel);
    }
  }

  async input(callId: string, inputId: string, bytes: Uint8Array): Promise<boolean> {
    if (!CALL_ID_PATTERN.test(callId) || !CALL_ID_PATTERN.test(inputId))
      throw new CodexError('badRequest', {}, { detail: 'callId' });
    return this.#through((door) => door.input(callId, inputId, bytes));
  }

  async find(callId: string): Promise<'unknown' | 'running' | CommandResult> {
    const state = await this.#through((door) => door.commandState(callId));
    return state.state === 'ended' ? state.result : state.state;
  }

  stopAll(): Promise<void> {
    return this.#through((door) => door.stopAll());
  }

  put(path: string, bytes: Uint8Array, mode = DEFAULT_MODE): Promise<void> {
    return this.#through((door) => door.putFile(path, bytes, mode));
  }

  get(path: string, maxBytes: number): Promise<Buffer | null> {
    return this.#through((door) => door.getFile(path, maxBytes));
  }

  /** Once: it would end with the door that it was opened through. */
  async terminal(...[spec, onOutput]: Parameters<Sandbox['terminal']>): Promise<Terminal> {
    const { terminalId, ...wanted } = spec;
    if (!CALL_ID_PATTERN.test(terminalId)) throw new CodexError('badRequest', {}, { detail: 'terminalId' });
    try {
      return await (await this.#door).terminal(terminalId, wanted, onOutput);
    } catch (error) {
      if (!(error instanceof DoorBroken)) throw error;
      throw new CodexError('sandboxLost', { detail: error.message }, { detail: error.message, cause: error });
    }
  }

  checkout(options: CheckoutOptions): Promise<void> {
    const work = (): Promise<void> =>
      this.#behind.checkout
        ? this.#behind.checkout({ workdir: this.workdir, ...options })
        : this.#through((door) => door.checkout({ workdir: this.workdir, ...options }));
    return this.#behind.checkingOut ? this.#behind.checkingOut(work) : work();
  }

  capture(base: string): Promise<{ tree: string; pack: Readable; ignored: number }> {
    return this.#through((door) => door.capture({ workdir: this.workdir, base }));
  }

  serve(way: WayOut, onConnection: (stream: Duplex) => void): void {
    this.#served.set(way, onConnection);
    this.#door.then(
      (door) => this.#serveThrough(door),
      () => {},
    );
  }

  setEgress(on: boolean): Promise<void> {
    return this.#through((door) => door.setEgress(on));
  }

  #serveThrough(door: Door): void {
    for (const way of this.#served.keys()) door.serve(way, (stream) => this.#served.get(way)?.(stream));
  }

  park(expiresAt: number): Promise<void> {
    return this.#behind.park(expiresAt);
  }

  async detach(): Promise<void> {
    this.#detached = true;
    const door = await this.#door.catch(() => null);
    door?.close();
    await door?.closed;
  }

  /** The request through the door that is open now, or through the next one when that breaks. */
  async #through<T>(request: (door: Door) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
      const door = await this.#door;
      try {
        return await request(door);
      } catch (error) {
        if (!(error instanceof DoorBroken)) throw error;
        if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
        if (this.#detached)
          throw new CodexError('sandboxLost', {}, { detail: 'the door was closed on purpose' });
        door.close();
        await door.closed;
      }
    }
  }

  #watch(door: Door): void {
    this.#serveThrough(door);
    void door.closed.then(() => {
      if (this.#detached || this.#lost.signal.aborted) return;
      if (door.replaced) return void this.#lose('another backend has taken it over');
      this.#door = this.#reattach();
      this.#door.catch(() => {});
    });
  }

  async #reattach(): Promise<Door> {
    const now = Date.now();
    this.#reattachedAt = [...this.#reattachedAt.filter((at) => at > now - 60_000), now];
    if (this.#reattachedAt.length > REATTACHES_PER_MINUTE)
      throw this.#lose('the door breaks again and again');
    let why = 'the sandbox has stopped';
    let stopped: CodexError | null | undefined;
    for (const pause of REATTACH_PAUSES_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.#detached) throw new DoorBroken('detached');
      if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
      try {
        if (!(await this.#behind.isRunning())) {
          stopped = await this.#behind.whyStopped?.().catch(() => null);
          break;
        }
        const door = await this.#behind.attach();
        if (this.#detached || this.#lost.signal.aborted) door.close();
        this.#watch(door);
        return door;
      } catch (error) {
        why = errorText(error);
        if (error instanceof DoorRefused || error instanceof RunnerGone) break;
      }
    }
    throw this.#lose(stopped ?? why);
  }

  /** Lost first: a command that is ended now fails with this, and not by its signal. */
  async #fail(error: CodexError): Promise<boolean> {
    if (this.#lost.signal.aborted) return true;
    this.#lost.abort(error);
    const door = await this.#door.catch(() => null);
    const giveUp = setTimeout(() => door?.close(), FAIL_TIMEOUT_MS);
    try {
      await door?.stopAll();
      return door !== null;
    } catch {
      return false;
    } finally {
      clearTimeout(giveUp);
      door?.close();
    }
  }

  #lose(why: string | CodexError): CodexError {
    const error =
      typeof why === 'string'
        ? new CodexError('sandboxLost', { detail: why }, { detail: `${this.name} is lost: ${why}` })
        : why;
    if (!this.#lost.signal.aborted) {
      this.#lost.abort(error);
      this.#door.then(
        (door) => door.close(),
        () => {},
      );
    }
    return error;
  }
}

function notEvenStarted(): CommandResult {
  return { end: 'cancelled', exitCode: EXIT_CANCELLED, durationMs: 0, outputBytes: 0, droppedBytes: 0 };
}
