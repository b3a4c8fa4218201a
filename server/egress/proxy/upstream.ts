/** Connections to servers, on what was dialled: pooled for HTTP/1, and TLS that is always verified. */
import { Agent } from 'node:http';
import type { ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext } from 'node:tls';
import { trustedAuthorities } from '../../trust.ts';
import type { SecureContext, TLSSocket } from 'node:tls';
import { Failed } from './dial.ts';
import type { Checked, Connected } from './dial.ts';

/** Servers close idle connections after 5 to 60 s; ours end first, so that a request rarely meets that. */
const IDLE_SOCKET_MS = 4_000;
const IDLE_SOCKETS = 16;

/** Pools per address that was checked, and opens through `open` only. */
export class CheckedAgent extends Agent {
  readonly #open: (checked: Checked, signal: AbortSignal) => Promise<Connected>;
  readonly #addresses = new WeakMap<Duplex, string>();

  constructor(open: (checked: Checked, signal: AbortSignal) => Promise<Connected>) {
    super({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS, timeout: IDLE_SOCKET_MS, scheduling: 'lifo' });
    this.#open = open;
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { checked, flightSignal } = options as ClientRequestArgs & {
      checked: Checked;
      flightSignal: AbortSignal;
    };
    this.#open(checked, flightSignal).then(
      ({ socket, address }) => {
        if (address !== null) this.#addresses.set(socket, address);
        callback?.(null, socket);
      },
      (error: Error) => callback?.(error, undefined as never),
    );
  }

  /** What was dialled for this connection; null when the company's proxy did that. */
  addressOf(socket: Duplex): string | null {
    return this.#addresses.get(socket) ?? null;
  }
}

export class Upstream {
  readonly #extraCa: string | null;
  readonly #timeMs: number;
  #context: SecureContext | undefined;

  /** `extraCa`: PEM, beside the authorities that this machine trusts. */
  constructor(extraCa: string | null, timeMs: number) {
    this.#extraCa = extraCa;
    this.#timeMs = timeMs;
  }

  /** TLS over a connection, verified for the target's name. Throws `Failed`. */
  secure(socket: Duplex, checked: Checked, alpn: readonly string[]): Promise<TLSSocket> {
    const { host, ip } = checked.target;
    return new Promise((resolve, reject) => {
      const tls = connect({
        socket,
        host,
        ...(ip === 0 ? { servername: host } : {}),
        ALPNProtocols: [...alpn],
        secureContext: this.#trust(),
        rejectUnauthorized: true,
      });
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        tls.off('secureConnect', onSecure).off('error', settle).off('close', onClose);
        if (!error) return resolve(tls);
        tls.on('error', () => {});
        tls.destroy();
        socket.destroy();
        reject(new Failed('upstreamCertificate', error));
      };
      const onSecure = (): void => settle();
      const onClose = (): void => settle(new Error('closed during the handshake'));
      const timer = setTimeout(() => settle(new Error('no handshake in time')), this.#timeMs);
      tls.once('secureConnect', onSecure).once('error', settle).once('close', onClose);
    });
  }

  /** Made once: reading a few hundred certificates takes some 30 ms. */
  #trust(): SecureContext {
    this.#context ??= createSecureContext({
      ca: [...trustedAuthorities(), ...(this.#extraCa === null ? [] : [this.#extraCa])],
      minVersion: 'TLSv1.2',
    });
    return this.#context;
  }
}
