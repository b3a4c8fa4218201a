/**
 * The only file that opens a connection to the outside, and only to addresses that were checked:
 * `check` resolves once, has every answer judged, and gives a `Checked` that nothing else can make;
 * `connect` takes nothing but that, and dials its addresses, never its name.
 *
 * With a company's proxy the name is resolved and judged here too, and then given to that proxy,
 * which decides by names. A name that only it can resolve is left to it.
 */
import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { checkAddresses } from '../policy/index.ts';
import type { Denial, Rules, Target } from '../policy/index.ts';
import type { Dial, EgressTimes, FailReason, Resolve } from './types.ts';

const BRAND = Symbol('checked');
/** A name with many addresses of which none answers must not hold a request for minutes. */
const TRIES_MAX = 4;
/** With another address to try one does not wait long for the first. */
const NEXT_ADDRESS_MS = 2_000;

export interface Checked {
  readonly [BRAND]: true;
  readonly target: Target;
  /** Empty only behind a company's proxy. */
  readonly addresses: readonly string[];
}

export interface Connected {
  socket: Duplex;
  address: string | null;
}

export class Failed extends Error {
  readonly reason: FailReason;

  constructor(reason: FailReason, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

export interface DialerOptions {
  resolve?: Resolve | undefined;
  dial?: Dial | undefined;
  upstreamProxy?: string | undefined;
  times: EgressTimes;
}

export class Dialer {
  readonly #resolve: Resolve;
  readonly #dial: Dial;
  readonly #proxy: URL | null;
  readonly #times: EgressTimes;

  constructor(options: DialerOptions) {
    this.#resolve = options.resolve ?? resolveName;
    this.#dial = options.dial ?? dialAddress;
    this.#proxy = options.upstreamProxy === undefined ? null : new URL(options.upstreamProxy);
    this.#times = options.times;
  }

  async check(rules: Rules, target: Target): Promise<Checked | Denial> {
    const addresses = target.ip === 0 ? await this.#addressesOf(target.host) : [target.host];
    if (!this.#proxy || addresses.length > 0) {
      const verdict = checkAddresses(rules, target.host, addresses, ownAddresses());
      if (verdict.verdict === 'deny') return verdict;
    }
    return { [BRAND]: true, target, addresses };
  }

  /** Throws `Failed`. */
  async connect(checked: Checked, signal: AbortSignal): Promise<Connected> {
    if (this.#proxy) return this.#through(this.#proxy, checked, signal);
    const tries = checked.addresses.slice(0, TRIES_MAX);
    let cause: unknown;
    for (const [index, address] of tries.entries()) {
      const last = index === tries.length - 1;
      const time = last ? this.#times.connectMs : Math.min(NEXT_ADDRESS_MS, this.#times.connectMs);
      try {
        const socket = await connected(this.#dial(address, checked.target.port), time, signal);
        return { socket, address };
      } catch (error) {
        if (signal.aborted) throw new Failed('connectFailed', error);
        cause = error;
      }
    }
    throw new Failed('connectFailed', cause);
  }

  async #addressesOf(host: string): Promise<string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string[]>((resolve) => {
      timer = setTimeout(resolve, this.#times.resolveMs, []);
    });
    try {
      return await Promise.race([this.#resolve(host), late]);
    } catch {
      return [];
    } finally {
      clearTimeout(timer);
    }
  }

  /** The company's proxy itself is the owner's word: its address is not judged. */
  async #through(proxy: URL, { target }: Checked, signal: AbortSignal): Promise<Connected> {
    try {
      const hostname = proxy.hostname.replace(/^\[|\]$/g, '');
      const secure = proxy.protocol === 'https:';
      const port = Number(proxy.port) || (secure ? 443 : 80);
      const address = isIP(hostname) ? hostname : (await this.#resolve(hostname))[0];
      if (address === undefined) throw new Error('its name has no address');
      const tcp = await connected(this.#dial(address, port), this.#times.connectMs, signal);
      const channel = secure
        ? connectTls({ socket: tcp, servername: isIP(hostname) ? '' : hostname, host: hostname })
        : tcp;
      const socket = await askProxy(channel, proxy, target, this.#times.connectMs, signal);
      return { socket, address: null };
    } catch (error) {
      throw new Failed('upstreamProxyFailed', error);
    }
  }
}

function askProxy(
  channel: Duplex,
  proxy: URL,
  target: Target,
  timeMs: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const host = target.ip === 6 ? `[${target.host}]` : target.host;
  const authority = `${host}:${target.port}`;
  const secret = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(proxy.username
          ? { 'proxy-authorization': `Basic ${Buffer.from(secret).toString('base64')}` }
          : {}),
      },
      createConnection: () => channel,
      signal,
    });
    const timer = setTimeout(() => asked.destroy(new Error('no answer in time')), timeMs);
    asked.once('close', () => clearTimeout(timer));
    asked.once('connect', (answer, socket, head) => {
      clearTimeout(timer);
      if (answer.statusCode !== 200) {
        socket.destroy();
        return reject(new Error(`it answered ${answer.statusCode}`));
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.once('response', (answer) => asked.destroy(new Error(`it answered ${answer.statusCode}`)));
    asked.once('error', reject);
    asked.end();
  });
}

function connected(socket: Socket, timeMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      socket.off('connect', onConnect).off('error', settle);
      signal.removeEventListener('abort', onAbort);
      if (!error) return resolve(socket);
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onConnect = (): void => settle();
    const onAbort = (): void => settle(new Error('no longer wanted'));
    const timer = setTimeout(() => settle(new Error('no answer in time')), timeMs);
    socket.once('connect', onConnect).once('error', settle);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

async function resolveName(host: string): Promise<string[]> {
  const answers = await lookup(host, { all: true, verbatim: true });
  return answers.map(({ address }) => address);
}

/** Half-open: a server that has said all may still be listening. */
function dialAddress(address: string, port: number): Socket {
  return connectTcp({ host: address, port, allowHalfOpen: true, noDelay: true, autoSelectFamily: false });
}

/** Asked anew each time: interfaces come and go with virtual networks. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
}
