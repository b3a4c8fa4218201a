/** Which of the connected forges an address means, and which links of a text lead to one. Pure. */
import type { ForgeKind } from '../../protocol/forge.ts';
import { isLoopback, sameAs, siteAt, withoutPort, type Site } from '../../protocol/forge-address.ts';

/** GitHub has no groups. */
export const fitsKind = (name: string, kind: ForgeKind): boolean =>
  kind !== 'github' || name.split('/').length === 2;

/** The one of these hosts that an address means. */
export function hostFor(hosts: readonly string[], { host, anyPort }: Pick<Site, 'host' | 'anyPort'>) {
  const exact = hosts.find((one) => one === host);
  if (exact !== undefined || !anyPort) return exact ?? null;
  const sameName = hosts.filter((one) => withoutPort(one) === host);
  return sameName.length === 1 ? (sameName[0] ?? null) : null;
}

const WEB = /^https?:$/;

/** What the owner reads of an address in `config.yaml`; clients have sentences of their own. */
export const API_URL_PROBLEMS = {
  apiUrlForm: 'write an address such as https://git.example/api/v3',
  apiUrlPassword: 'a name and a password never stand in an address',
  apiUrlEnd: 'an address ends before ? and #',
  apiUrlPlain: 'without TLS everybody on the way could read the token: write https://',
} as const;
export type ApiUrlProblem = keyof typeof API_URL_PROBLEMS;

/** Never repeats it: it may hold a password. */
export function apiUrlProblem(text: string): ApiUrlProblem | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !WEB.test(url.protocol)) return 'apiUrlForm';
  if (url.username !== '' || url.password !== '') return 'apiUrlPassword';
  if (url.search !== '' || url.hash !== '') return 'apiUrlEnd';
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return 'apiUrlPlain';
  return null;
}

/** Where people and git go. Without TLS only where the API has none either, on this machine. */
export function webUrl(host: string, apiUrl: string): string {
  const api = new URL(apiUrl);
  return `${api.protocol === 'http:' && isLoopback(host) ? 'http' : 'https'}://${host}`;
}

export interface FoundLink {
  /** As it stands in the text. */
  url: string;
  kind: 'issue' | 'pull' | 'diff';
  host: string;
  name: string;
  number: number;
}

/**
 * An address ends where Markdown or prose goes on, in any script (`…/pull/3。`, `…/pull/3に`: no page of ours has such
 * a sign in its path), before the next of a list, or where it is longer than any of ours.
 */
const ADDRESS = /\bhttps?:\/\/(?:(?![,;]https?:\/\/)[!#$%&*+,\-./0-9:;=?@A-Z_a-z~]){1,2000}/gi;
const TRAILING = /[.,;:!?*_~]+$/;
const TARGETS: Record<ForgeKind, RegExp> = {
  github: /^\/([^/]+\/[^/]+)\/(issues|pull)\/([1-9]\d{0,9})(\.diff|\.patch)?(\/[^?#]*)?$/,
  gitlab:
    /^\/([^/]+(?:\/[^/]+)+?)\/-\/(issues|work_items|merge_requests)\/([1-9]\d{0,9})(\.diff|\.patch)?(\/[^?#]*)?$/,
};

/** Issues, pull requests and their diffs at these forges; different ones, in the text's order. */
export function findLinks(text: string, forges: readonly { host: string; kind: ForgeKind }[]): FoundLink[] {
  const found = new Map<string, FoundLink>();
  for (const [raw] of text.matchAll(ADDRESS)) {
    const url = raw.replace(TRAILING, '');
    const link = linkOf(url, forges);
    if (!link) continue;
    const key = [link.kind, link.host, link.name.toLowerCase(), link.number].join(' ');
    if (!found.has(key)) found.set(key, link);
  }
  return [...found.values()];
}

function linkOf(url: string, forges: readonly { host: string; kind: ForgeKind }[]): FoundLink | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const forge = parsed && forges.find(({ host }) => host === sameAs(parsed.host));
  if (!parsed || !forge) return null;
  const [, path = '', what, number, ending, below] = TARGETS[forge.kind].exec(parsed.pathname) ?? [];
  const isPull = what === 'pull' || what === 'merge_requests';
  if (what === undefined || (ending !== undefined && (!isPull || below !== undefined))) return null;
  const at = siteAt(parsed.host, path, false);
  if (!at) return null;
  const kind = ending === undefined ? (isPull ? 'pull' : 'issue') : 'diff';
  return { url, kind, host: at.host, name: at.name, number: Number(number) };
}
