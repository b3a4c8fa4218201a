/**
 * The way out of a sandbox: HTTP and CONNECT on byte streams that the door hands over, one
 * `EgressTask` per task, so that whose connection it is cannot be forged.
 *
 *   front.ts      absolute-form requests and CONNECT of one connection
 *   tunnel.ts     CONNECT: judge, resolve, dial, read the ClientHello; then pass on, or
 *   intercept.ts  end the TLS here, and look at each request: http1.ts (with forward.ts), http2.ts
 *   task.ts       rules, caps, what is on its way, log; `permit` of everything
 *   dial.ts       the only file that opens a connection, to addresses that were checked
 *
 * What may go out is decided in `../policy` alone. Nothing here writes down a path, a query, a header
 * or a body; nothing is dialled that was not checked; nothing is buffered whole.
 */
import { readFileSync } from 'node:fs';
import type { Authority } from '../authority/index.ts';
import type { OwnerRules } from '../policy/index.ts';
import { Dialer } from './dial.ts';
import { serveFront } from './front.ts';
import { TaskCore } from './task.ts';
import { EGRESS_TIMES } from './types.ts';
import type { Dial, EgressLogEntry, EgressPhase, EgressTimes, Resolve, TaskOptions } from './types.ts';
import type { AccessPolicy } from '../../../protocol/egress.ts';
import type { Duplex } from 'node:stream';
import { Upstream } from './upstream.ts';

export * from './types.ts';

export interface EgressOptions {
  authority: Authority;
  owner: OwnerRules;
  log: (entry: EgressLogEntry) => void;
  /** How names are resolved; by default as the machine does. */
  resolve?: Resolve;
  /** How an address is dialled. */
  dial?: Dial;
  times?: Partial<EgressTimes>;
}

export interface EgressTask {
  /** One connection of the sandbox, as a byte stream. It is destroyed when it ends, and with the task. */
  accept(duplex: Duplex): void;
  /** From now on this holds; what it does not allow is cut. Throws like `openTask`, and is off then. */
  setPolicy(policy: AccessPolicy, phase: EgressPhase): void;
  /** Ends everything, with nothing left that keeps the process alive. */
  close(): void;
}

export interface Egress {
  /** Throws `CodexError` badRequest for a policy that can't be read. */
  openTask(options: TaskOptions): EgressTask;
}

/** Throws when the owner's `extraCa` can't be read or `upstreamProxy` is no URL. */
export function createEgress(options: EgressOptions): Egress {
  const { authority, owner, log } = options;
  const times = { ...EGRESS_TIMES, ...options.times };
  const extraCa = owner.extraCa === undefined ? null : readFileSync(owner.extraCa, 'utf8');
  const dialer = new Dialer({
    resolve: options.resolve,
    dial: options.dial,
    upstreamProxy: owner.upstreamProxy,
    times,
  });
  const shared = { authority, owner, log, dialer, times, upstream: new Upstream(extraCa, times.connectMs) };
  return {
    openTask(taskOptions) {
      const task = new TaskCore(shared, taskOptions);
      return {
        accept(duplex) {
          const connection = task.admit(duplex);
          if (connection) serveFront(task, connection);
        },
        setPolicy: (policy, phase) => task.setPolicy(policy, phase),
        close: () => task.close(),
      };
    },
  };
}
