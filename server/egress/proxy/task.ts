/**
 * One task's way out: its rules, its share, what is on its way, and its log.
 *
 * Everything that goes out is a `Flight`, made before the first check and looked at again at every
 * change of policy; `permit` is the one place where target, request and addresses are judged.
 */
import type { Duplex } from 'node:stream';
import { CodexError } from '../../../protocol/errors.ts';
import type { AccessPolicy, DenyReason } from '../../../protocol/egress.ts';
import type { Authority } from '../authority/index.ts';
import { checkRequest, checkTarget, compileRules } from '../policy/index.ts';
import type { Denial, OwnerRules, RequestHead, Rules, Target } from '../policy/index.ts';
import { Connection } from './connection.ts';
import { denial, refuseRaw } from './denials.ts';
import type { Checked, Dialer } from './dial.ts';
import { Flight } from './flight.ts';
import { Gauge } from './gauge.ts';
import type { Meter } from './pump.ts';
import type { EgressLogEntry, EgressPhase, EgressTimes, TaskOptions } from './types.ts';
import { CheckedAgent } from './upstream.ts';
import type { Upstream } from './upstream.ts';

/** What all tasks of a backend share. */
export interface Shared {
  authority: Authority;
  owner: OwnerRules;
  dialer: Dialer;
  upstream: Upstream;
  times: EgressTimes;
  log: (entry: EgressLogEntry) => void;
}

const OFF: AccessPolicy = { access: 'off', preset: 'none', allow: [], deny: [], methods: 'all' };
const MAX_SWEEP_MS = 5_000;

export class TaskCore {
  readonly shared: Shared;
  readonly agent: CheckedAgent;
  readonly #options: TaskOptions;
  readonly #gauge: Gauge;
  readonly #connections = new Set<Connection>();
  readonly #flights = new Set<Flight>();
  readonly #sweeper: NodeJS.Timeout;
  #rules: Rules;
  #phase: EgressPhase;
  #closed = false;

  constructor(shared: Shared, options: TaskOptions) {
    this.shared = shared;
    this.#options = options;
    this.#phase = options.phase;
    this.#rules = this.#compile(options.policy);
    this.#gauge = new Gauge(options.caps, (limit, value) => options.onLimit?.(limit, value));
    this.agent = new CheckedAgent((checked, signal) => shared.dialer.connect(checked, signal));
    const every = Math.min(MAX_SWEEP_MS, shared.times.headMs / 2, shared.times.idleMs / 2);
    this.#sweeper = setInterval(() => this.#sweep(), every).unref();
  }

  /** Takes a connection in, or hangs up. */
  admit(duplex: Duplex): Connection | null {
    duplex.on('error', () => duplex.destroy());
    if (this.#closed) {
      duplex.destroy();
      return null;
    }
    const { connections } = this.#options.caps;
    if (this.#connections.size >= connections) {
      this.#gauge.tell('egressConnections', connections);
      const asked = { host: '', port: null, method: '' };
      this.begin('request', null, null, asked).finish('denied', 'connectionLimit');
      refuseRaw(duplex, denial('connectionLimit', { limit: connections }), {});
      return null;
    }
    const connection = new Connection(duplex);
    this.#connections.add(connection);
    duplex.once('close', () => this.#connections.delete(connection));
    return connection;
  }

  /**
   * From now on this holds, and what it does not allow ends: tunnels, downloads, and what is only
   * being looked up. A policy that can't be read closes the way out, and throws.
   */
  setPolicy(policy: AccessPolicy, phase: EgressPhase): void {
    if (phase !== this.#phase) this.#gauge.nextPhase();
    this.#phase = phase;
    try {
      this.#rules = this.#compile(policy);
    } catch (error) {
      this.#rules = this.#compile(OFF);
      throw error;
    } finally {
      for (const flight of this.#flights) {
        if (!this.#stillAllowed(flight)) flight.cut('denied', 'policyChanged');
      }
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    for (const flight of this.#flights) flight.cut('denied', 'accessOff');
    for (const { duplex } of this.#connections) duplex.destroy();
    this.agent.destroy();
  }

  begin(
    kind: Flight['kind'],
    target: Target | null,
    head: RequestHead | null,
    asked: Flight['asked'],
  ): Flight {
    const phase = this.#phase;
    const { taskId, attempt } = this.#options;
    const flight = new Flight({ kind, target, head, asked }, (ended, measured) => {
      this.#flights.delete(ended);
      this.shared.log({ taskId, attempt, phase, ...measured });
    });
    this.#flights.add(flight);
    return flight;
  }

  /** Ends a flight without an entry. */
  forget(flight: Flight): void {
    flight.forget();
    this.#flights.delete(flight);
  }

  /** Where to, judged by name; `intercept` when TLS has to be ended here. */
  judge(target: Target): { verdict: 'allow'; intercept: boolean } | Denial {
    if (this.#gauge.exhausted) return denial('byteLimit', { limit: this.#options.caps.bytes });
    return checkTarget(this.#rules, target);
  }

  judgeRequest(target: Target, head: RequestHead): ReturnType<typeof checkRequest> {
    const where = this.judge(target);
    return where.verdict === 'deny' ? where : checkRequest(this.#rules, target, head);
  }

  /** Resolves and judges the addresses; also a denial when the policy changed in the meantime. */
  async check(flight: Flight, target: Target): Promise<Checked | Denial> {
    const checked = await this.shared.dialer.check(this.#rules, target);
    return flight.signal.aborted ? denial((flight.why ?? 'policyChanged') as DenyReason) : checked;
  }

  meter(flight: Flight, direction: 'in' | 'out'): Meter {
    return (bytes) => {
      if (direction === 'in') flight.bytesIn += bytes;
      else flight.bytesOut += bytes;
      flight.lastByteAt = Date.now();
      const rest = this.#gauge.take(bytes);
      if (this.#gauge.exhausted) for (const other of this.#flights) other.cut('denied', 'byteLimit');
      return rest;
    };
  }

  #compile(policy: AccessPolicy): Rules {
    const compiled = compileRules(policy, this.shared.owner);
    if (compiled.ok) return compiled.rules;
    const detail = compiled.errors
      .map(({ list, entry, problem }) => `${list} ${entry}: ${problem}`)
      .join('; ');
    throw new CodexError('badRequest', {}, { detail });
  }

  #stillAllowed({ kind, target, head }: Flight): boolean {
    if (target === null) return true;
    const where = checkTarget(this.#rules, target);
    if (where.verdict === 'deny') return false;
    if (kind === 'tunnel') return !where.intercept;
    return head === null || checkRequest(this.#rules, target, head).verdict === 'allow';
  }

  #sweep(): void {
    const now = Date.now();
    for (const flight of this.#flights) {
      if (flight.kind !== 'intercepted' && flight.lastByteAt < now - this.shared.times.idleMs)
        flight.cut('failed', 'timeout');
    }
    for (const connection of this.#connections) {
      if (connection.owesSince(now - this.shared.times.headMs)) connection.duplex.destroy();
    }
  }
}
