/** One attempt to get out, and how it must end. */
import type { DenyReason } from '../../../../protocol/egress.ts';
import type { PolicyName } from '../fixture/world.ts';

/**
 * A reason: the proxy refused, and its log says why. `unreachable`: it never came to the proxy, nothing
 * there took it. `checked`: it goes, but only to the host that was checked, and without the mark.
 * `cut`: the proxy hangs up without a request to log.
 */
export type Ending = DenyReason | 'unreachable' | 'checked' | 'cut';

export interface Attempt {
  name: string;
  under: PolicyName;
  /** For bash, in the repository; whatever must not arrive carries the mark. */
  run: string;
  ends: Ending;
  /** What a person sees of it. */
  says?: RegExp;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Bytes to the proxy as they are; `\r\n` and other escapes are resolved inside. */
export const say = (...parts: string[]): string => `attack say ${parts.map(quote).join(' ')}`;
export const get = (url: string, host: string, more = ''): string =>
  say(`GET ${url} HTTP/1.1\\r\\nHost: ${host}\\r\\n${more}\\r\\n`);
export const tls = (authority: string, name: string, bytes: string, alpn?: string): string =>
  `attack tls ${[authority, name, bytes, ...(alpn === undefined ? [] : [alpn])].map(quote).join(' ')}`;
/** More requests on a connection that is kept alive. */
export const tlsThen = (authority: string, name: string, first: string, then: string): string =>
  `attack tls ${[authority, name, first, 'http/1.1', then].map(quote).join(' ')}`;
export const plain = (authority: string, bytes: string): string =>
  `attack plain ${quote(authority)} ${quote(bytes)}`;
export const h2 = (authority: string, name: string, headers: object, body?: string): string =>
  `node /usr/local/lib/attack/h2.mjs ${[authority, name, JSON.stringify(headers), ...(body === undefined ? [] : [body])].map(quote).join(' ')}`;
