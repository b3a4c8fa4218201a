/**
 * Shells in the sandboxes of tasks whose newest turn has ended: parked ones, and those whose setup failed.
 *
 * A sandbox is opened once for all its terminals, with the generation of the turn that had it last: a
 * turn that starts has a higher one, takes the door over, and the terminals end. So a turn never waits
 * for a terminal, and a terminal never gets in between. Each belongs to the connection that opened it and
 * ends with it. Never: a sandbox that is made for a terminal, a secret, the internet.
 */
import { randomUUID } from 'node:crypto';
import { CodexError } from '../../protocol/errors.ts';
import {
  TERMINALS_MOST,
  TERMINALS_PER_CONNECTION,
  TERMINAL_TYPED_BYTES,
  type LimitValues,
} from '../../protocol/limits.ts';
import type { ParamsOf } from '../../protocol/rpc.ts';
import type { Environments } from '../environments/environments.ts';
import type { Log } from '../log.ts';
import type { SandboxDriver } from '../sandbox/sandbox.ts';
import { TERMINAL_SHELL, terminalEnvironment } from '../sandbox/shell-env.ts';
import type { Store } from '../store/store.ts';
import type { Sink } from '../tasks/hub.ts';
import { type LastTurn, isSameTurn, lastTurn } from './last-turn.ts';
import { type EndReason, OpenTerminal } from './open-terminal.ts';
import { type Held, Sandboxes, type ServeOrigin } from './sandboxes.ts';

export interface TerminalDeps {
  store: Store;
  driver: SandboxDriver;
  environments: Pick<Environments, 'get'>;
  limits: LimitValues;
  log: Log;
  serveOrigin: ServeOrigin;
}

export class Terminals {
  readonly #deps: TerminalDeps;
  readonly #sandboxes: Sandboxes;
  readonly #open = new Map<string, OpenTerminal>();
  /** Those that are being opened count too. */
  readonly #count = new Map<Sink, number>();
  #total = 0;

  constructor(deps: TerminalDeps) {
    this.#deps = deps;
    this.#sandboxes = new Sandboxes(deps);
  }

  /** Whether a terminal keeps this task's sandbox from being removed. */
  uses(taskId: string): boolean {
    return this.#sandboxes.uses(taskId);
  }

  /** Throws `CodexError` terminalUnavailable. */
  async open(of: ParamsOf<'terminal.open'>, sink: Sink): Promise<string> {
    const uncount = this.#counted(sink);
    try {
      const turn = await lastTurn(this.#deps.store, of.taskId);
      if (!turn.hasEnded) throw new CodexError('terminalUnavailable', { busyTask: of.taskId });
      const held = await this.#sandboxes.hold(turn, of.attempt ?? turn.attempt);
      try {
        return await this.#start(of, sink, turn, held, uncount);
      } catch (error) {
        await held.release(true);
        throw error;
      }
    } catch (error) {
      uncount();
      throw error;
    }
  }

  async write(terminalId: string, bytes: Buffer, sink: Sink): Promise<void> {
    const terminal = this.#of(terminalId, sink);
    if (terminal.waiting + bytes.length > TERMINAL_TYPED_BYTES)
      throw new CodexError('limitReached', { limit: 'terminal input', value: TERMINAL_TYPED_BYTES });
    await terminal.write(bytes);
  }

  resize(terminalId: string, columns: number, rows: number, sink: Sink): void {
    this.#of(terminalId, sink).resize(columns, rows);
  }

  /** Not an error when it has ended meanwhile. */
  close(terminalId: string, sink: Sink): void {
    const terminal = this.#open.get(terminalId);
    if (terminal?.sink === sink) terminal.close('closed');
  }

  /** With the backend. */
  async closeAll(): Promise<void> {
    const all = [...this.#open.values()];
    for (const terminal of all) terminal.close('closed');
    await Promise.all(all.map((terminal) => terminal.over));
  }

  async #start(
    of: ParamsOf<'terminal.open'>,
    sink: Sink,
    turn: LastTurn,
    held: Held,
    uncount: () => void,
  ): Promise<string> {
    const { sandbox } = held;
    const terminalId = `terminal-${randomUUID()}`;
    // A shell helps also when the environment is gone.
    const variables = await this.#deps.environments.get(turn.environment).then(
      (environment) => environment.variables ?? {},
      () => ({}),
    );
    const terminal = new OpenTerminal(terminalId, sink);
    await terminal.start(sandbox, {
      argv: TERMINAL_SHELL,
      cwd: sandbox.workdir,
      env: { ...variables, ...terminalEnvironment(sandbox.home, sandbox.places), ...sandbox.extraEnv },
      columns: of.columns,
      rows: of.rows,
    });
    this.#open.set(terminalId, terminal);
    const whyLost = async (): Promise<EndReason> => {
      const now = await lastTurn(this.#deps.store, of.taskId).catch(() => null);
      return now && !isSameTurn(now, turn) ? 'turnStarted' : 'sandboxLost';
    };
    void terminal
      .follow(whyLost)
      .then((reason) => held.release(reason !== 'turnStarted'))
      .catch((error: unknown) => this.#deps.log.warn('a terminal left something behind', { error }))
      .finally(() => {
        this.#open.delete(terminalId);
        uncount();
      });
    return terminalId;
  }

  #of(terminalId: string, sink: Sink): OpenTerminal {
    const terminal = this.#open.get(terminalId);
    // Another connection's is not told from one that is not there.
    if (!terminal || terminal.sink !== sink) throw new CodexError('notFound', {}, { detail: terminalId });
    return terminal;
  }

  #counted(sink: Sink): () => void {
    const mine = this.#count.get(sink) ?? 0;
    if (mine >= TERMINALS_PER_CONNECTION)
      throw new CodexError('terminalUnavailable', { most: TERMINALS_PER_CONNECTION });
    if (this.#total >= TERMINALS_MOST) throw new CodexError('terminalUnavailable', { most: TERMINALS_MOST });
    this.#count.set(sink, mine + 1);
    this.#total += 1;
    let counts = true;
    return () => {
      if (!counts) return;
      counts = false;
      this.#total -= 1;
      const left = (this.#count.get(sink) ?? 1) - 1;
      if (left > 0) this.#count.set(sink, left);
      else this.#count.delete(sink);
    };
  }
}
