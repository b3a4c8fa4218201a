/**
 * Internet access of one turn: the policy of its environment and phase, the proxy behind the sandbox's
 * second way out, and what both did.
 *
 * In order: policy → the task's way out with that policy → certificate and variables in the sandbox →
 * only then the port inside listens. A change of the environment's policy takes effect at once; the
 * end of the turn closes everything. While the policy is off nothing listens at all.
 */
import type { AccessLevel } from '../../protocol/egress.ts';
import { accessLevel } from '../../protocol/egress.ts';
import { CodexError, errorText } from '../../protocol/errors.ts';
import type { EgressLogEntry, EgressPhase, EgressTask, TaskOptions } from '../egress/proxy/index.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Redactor } from '../secrets/types.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import type { Rooms } from './rooms.ts';
import { proxyCertOf, proxyEnvironment, trustScript } from './internet-env.ts';

/** A Java key store and a system bundle take a second or two, on a busy machine half a minute; more is a hang. */
const TRUST_TIMEOUT_MS = 120_000;
const TRUST_OUTPUT_BYTES = 64 * 1024;
/** Told to the person as events; every denial is in the log. */
const DENIALS_TOLD = 50;

/** The backend's proxy, as a turn uses it. */
export interface InternetProxy {
  certificatePem: string;
  openTask(options: TaskOptions, onEntry: (entry: EgressLogEntry) => void): EgressTask;
}

/** Of the rooms what internet access needs. */
export interface InternetRooms {
  environments: Pick<Rooms['environments'], 'policyOf' | 'onChange'>;
  egressLog: Rooms['egressLog'];
}

export interface Internet {
  readonly level: AccessLevel;
  /** What commands get beside their own environment; changes with the policy. */
  variables(): Record<string, string>;
  close(): Promise<void>;
}

export async function openInternet(
  proxy: InternetProxy,
  { environments, egressLog }: InternetRooms,
  turn: TurnContext,
  attempt: number,
  phase: EgressPhase,
  sandbox: Sandbox,
  redactor: Redactor,
): Promise<Internet> {
  const of = { taskId: turn.task.id, turn: turn.turn, attempt };
  const read = () => environments.policyOf(turn.task.environment, phase);
  const denials = new Set<string>();
  const { limits } = turn;

  // Events are told on the side: the turn does not wait for them, and a turn that has ended needs none.
  const tell = (...events: Parameters<TurnContext['emit']>) => void turn.emit(...events).catch(() => {});
  const onEntry = (entry: EgressLogEntry): void => {
    const host = redactor.text(entry.host);
    egressLog.append({ ...entry, ...of, host });
    const key = `${entry.host} ${entry.reason}`;
    if (entry.verdict !== 'denied' || denials.has(key) || denials.size >= DENIALS_TOLD) return;
    denials.add(key);
    tell({
      code: 'policy.denied',
      attempt,
      params: {
        host,
        port: entry.port ?? 0,
        method: entry.method,
        reason: entry.reason ?? '',
        // One that holds a secret is none to be allowed.
        ...(entry.reason === 'notAllowed' && host === entry.host ? { domain: host } : {}),
      },
    });
  };

  let policy = await read();
  const task = proxy.openTask(
    {
      taskId: of.taskId,
      attempt,
      policy,
      phase,
      caps: {
        connections: limits.egressConnections,
        bytes: limits.egressBytes,
        bytesPerSecond: limits.egressBytesPerSecond,
      },
      onLimit: (limit, value) => tell({ code: 'limit.reached', attempt, params: { limit, value } }),
    },
    onEntry,
  );
  sandbox.serve('egress', (stream) => task.accept(stream));

  let variables: Record<string, string> = {};
  const apply = async (): Promise<void> => {
    task.setPolicy(policy, phase);
    const level = accessLevel(policy);
    if (level !== 'off' && Object.keys(variables).length === 0) {
      await trustProxy(sandbox, proxy.certificatePem, `trust-${turn.turn}-${turn.generation}`);
    }
    await sandbox.setEgress(level !== 'off');
    variables = level === 'off' ? {} : proxyEnvironment(sandbox.home, sandbox.places);
    await turn.emit({ code: 'policy.changed', attempt, params: { access: level, phase } });
  };

  let closed = false;
  let line: Promise<void> = Promise.resolve();
  const onChange = (): void => {
    line = line
      .then(async () => {
        const newer = await read();
        if (closed || JSON.stringify(newer) === JSON.stringify(policy)) return;
        policy = newer;
        await apply();
      })
      .catch((error: unknown) => {
        // A policy that can't be put in force lets nothing through.
        task.close();
        tell({
          code: 'warning',
          attempt,
          params: { code: 'internetFailed', params: { reason: errorText(error) } },
        });
      });
  };
  const stopListening = [
    environments.onChange(onChange),
    egressLog.onFull(({ taskId, limit }) => {
      if (taskId !== of.taskId) return;
      tell({ code: 'limit.reached', attempt, params: { limit: 'egressLogEntries', value: limit } });
    }),
  ];
  const close = async (): Promise<void> => {
    closed = true;
    for (const stop of stopListening) stop();
    task.close();
    await line;
    // The sandbox may be gone, or another's: then there is nothing to close.
    await sandbox.setEgress(false).catch(() => {});
  };
  try {
    await apply();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get level() {
      return accessLevel(policy);
    },
    variables: () => variables,
    close,
  };
}

/** Only when the sandbox trusts the proxy does anything go through it. */
async function trustProxy(sandbox: Sandbox, certificatePem: string, callId: string): Promise<void> {
  await sandbox.put(proxyCertOf(sandbox.home), Buffer.from(certificatePem));
  const printed: Buffer[] = [];
  const result = await sandbox.run(
    {
      callId,
      argv: ['bash', '-c', trustScript(sandbox.home)],
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: sandbox.home },
      timeoutMs: TRUST_TIMEOUT_MS,
      maxOutputBytes: TRUST_OUTPUT_BYTES,
    },
    { onOutput: (bytes) => printed.push(bytes) },
  );
  if (result.exitCode === 0) return;
  const detail = `The proxy's certificate could not be installed: ${Buffer.concat(printed).toString('utf8').slice(-500)}`;
  throw new CodexError('sandboxStartFailed', { detail }, { detail });
}
