/**
 * The backend's own connections to forges: which addresses they may go to, and through which proxy.
 *
 * A forge may be on the internet, in a private network, or on this machine where `loopback` says so; never where no
 * server can be, or where clouds hand out credentials. Names are judged by what they resolve to for the very socket
 * that is about to be opened, so a name that means something else a moment later leads nowhere else.
 *
 * The proxy is the one that the environment of the backend names (`HTTPS_PROXY`, `NO_PROXY`): then that proxy resolves
 * and dials, and only addresses that are written out are judged here. What goes without TLS never takes it, since it
 * would carry a credential across the network in the clear.
 *
 * Certificates are held to what Node trusts and to what the machine does: a company's forge has one of its own.
 */
import { lookup as resolveName } from 'node:dns';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { CodexError } from '../protocol/errors.ts';
import { parseAddress, serverPlace, type ServerPlace } from './egress/policy/addresses.ts';
import { trustedContext } from './trust.ts';

export interface OutletOptions {
  /** Whether it may lead to this machine's loopback. */
  loopback: boolean;
  /** Of tests. */
  resolve?: typeof resolveName;
}

/** Of a connection that nothing uses; most servers keep theirs longer. */
const IDLE_MS = 4_000;

/** Requests to one origin. */
export class Outlet {
  readonly #origin: URL;
  readonly #options: OutletOptions;
  readonly #kept: HttpAgent | HttpsAgent;
  /** Each of one request that is under way. */
  readonly #own = new Set<HttpAgent | HttpsAgent>();

  constructor(origin: URL, options: OutletOptions) {
    this.#origin = origin;
    this.#options = options;
    this.#kept = this.#agent();
  }

  /**
   * Throws `CodexError` forgeAddressRefused, and so does the request where its name leads to such an address. `fresh`:
   * on a connection of its own, for what can't be sent again when a kept one proves to have gone.
   */
  request(url: URL, { fresh, ...options }: RequestOptions & { fresh: boolean }): ClientRequest {
    if (url.origin !== this.#origin.origin) throw new Error(`${url.origin} has an outlet of its own`);
    const refusal = this.#refusalOf(nameOf(url), placeOf(nameOf(url)));
    if (refusal) throw refusal;
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    if (!fresh) return send(url, { ...options, agent: this.#kept, lookup: this.#lookup });
    // Kept, too, as far as the server knows: one that is to be closed may be gone before an early answer is read.
    const own = this.#agent();
    this.#own.add(own);
    return send(url, { ...options, agent: own, lookup: this.#lookup }).once('close', () => {
      this.#own.delete(own);
      own.destroy();
    });
  }

  close(): void {
    for (const agent of [this.#kept, ...this.#own]) agent.destroy();
  }

  #agent(): HttpAgent | HttpsAgent {
    const kept = { keepAlive: true, timeout: IDLE_MS };
    if (this.#origin.protocol === 'http:') return new HttpAgent(kept);
    const secureContext = trustedContext();
    return new HttpsAgent({ ...kept, proxyEnv: process.env, ...(secureContext ? { secureContext } : {}) });
  }

  readonly #lookup: LookupFunction = (name, options, done) => {
    const { resolve = resolveName } = this.#options;
    resolve(name, { ...options, all: true }, (error, answers) => {
      if (error) return done(error, []);
      // Any other name is the proxy's, which is the operator's word.
      const isJudged = name === nameOf(this.#origin);
      const good = answers.filter(({ address }) => !isJudged || !this.#refusalOf(address, placeOf(address)));
      const [first] = good;
      if (first) return options.all ? done(null, good) : done(null, first.address, first.family);
      const [bad] = answers.map(({ address }) => this.#refusalOf(address, placeOf(address)));
      return done(bad ?? Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' }), []);
    });
  };

  #refusalOf(address: string, place: ServerPlace): CodexError | null {
    if (place === 'network' || (place === 'loopback' && this.#options.loopback)) return null;
    const at = place === 'loopback' ? { loopback: address } : { address };
    return new CodexError('forgeAddressRefused', { host: this.#origin.host, ...at });
  }
}

const nameOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/** Of a name: what it means everywhere. */
function placeOf(text: string): ServerPlace {
  if (/(?:^|\.)localhost\.?$/i.test(text)) return 'loopback';
  const address = parseAddress(text);
  if (address) return serverPlace(address);
  // One with a zone is good on one link alone.
  return text.includes('%') ? 'nowhere' : 'network';
}
