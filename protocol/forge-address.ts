/**
 * At which forge something is, read off its address, for the backend (whose credential goes there) and for clients
 * (whose own git does). Whatever git and a parser of web addresses read differently is at no forge. Pure.
 */
import { ForgeHost, ForgeRepoName, type ForgeKind } from './forge.ts';

export interface Site {
  /** Small, with its port where the address has one. */
  host: string;
  /** `owner/name`, as the address spells it. */
  name: string;
  /** A port of SSH says nothing about the one of the web. */
  anyPort: boolean;
}

/** Parsers drop or turn what is not of these: `https://github.com\@other/…` has two hosts. */
const PLAIN = /^[\x21-\x5b\x5d-\x7e]+$/;
/** A parser takes them out of a path, so that another repository is left. */
const DOTS = /[/:](?:\.|%2e){1,2}(?:[/?#]|$)/i;
const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i;

/** `https://host/owner/name.git`, `ssh://git@host:22/owner/name`, `git@host:owner/name.git`; null: at no forge. */
export function siteOf(remote: string): Site | null {
  const text = remote.trim();
  if (!PLAIN.test(text) || DOTS.test(text)) return null;
  if (!text.includes('://')) return siteOfScp(text);
  return URL_LIKE.test(text) && URL.canParse(text) ? siteOfUrl(new URL(text)) : null;
}

const WEB = /^https?:$/;
const SSH = /^(?:ssh|git\+ssh|ssh\+git):$/;

function siteOfUrl(url: URL): Site | null {
  if (WEB.test(url.protocol)) return siteAt(url.host, url.pathname, false);
  // What begins with a dash would be an option to ssh.
  if (!SSH.test(url.protocol) || decoded(url.username).startsWith('-')) return null;
  // `host` keeps the port only of protocols that the parser knows.
  return siteAt(url.hostname, url.pathname, true);
}

const SCP = /^(?:[A-Za-z0-9._][A-Za-z0-9._+-]*@)?([A-Za-z0-9.-]+):(.+)$/;

function siteOfScp(text: string): Site | null {
  const [, host, path] = SCP.exec(text) ?? [];
  // One letter is a drive of Windows.
  return host === undefined || path === undefined || host.length === 1 ? null : siteAt(host, path, true);
}

/** GitHub and GitLab answer for SSH here too, where port 22 is closed. */
const SAME_AS: Record<string, string> = {
  'ssh.github.com': 'github.com',
  'www.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
};

export function sameAs(rawHost: string): string {
  const small = rawHost.toLowerCase();
  return SAME_AS[small] ?? small;
}

/** What a path of a host means. */
export function siteAt(rawHost: string, path: string, anyPort: boolean): Site | null {
  // A slash that is escaped is one only for some.
  if (/%2f/i.test(path)) return null;
  const host = sameAs(rawHost);
  const name = decoded(path)
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/i, '');
  return ForgeHost.safeParse(host).success && isRepoName(name) ? { host, name, anyPort } : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function isRepoName(name: string): boolean {
  return ForgeRepoName.safeParse(name).success;
}

/** Only its name tells; whoever has named it otherwise says so when it is connected. */
export function kindOf(host: string): ForgeKind {
  return /(^|\.)gitlab\./.test(host) ? 'gitlab' : 'github';
}

export const withoutPort = (host: string): string => host.replace(/:\d+$/, '');

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3})$/;
export const isLoopback = (host: string): boolean => LOOPBACK.test(withoutPort(host));

/** What runs on this machine has no certificate that anybody would trust. */
export const schemeOf = (host: string): 'http' | 'https' => (isLoopback(host) ? 'http' : 'https');

/** What is usual for a host: GitHub's own, GitHub's with data residency, a server of one's own. */
export function defaultApiUrl(host: string, kind: ForgeKind = 'github'): string {
  if (kind === 'gitlab') return `${schemeOf(host)}://${host}/api/v4`;
  if (host === 'github.com' || host.endsWith('.ghe.com')) return `https://api.${host}`;
  return `${schemeOf(host)}://${host}/api/v3`;
}

/** An address that somebody told becomes a link that people follow only when it leads there. */
export function isPageOf(host: string, address: string): boolean {
  if (!PLAIN.test(address) || !URL.canParse(address)) return false;
  const url = new URL(address);
  return WEB.test(url.protocol) && url.host === host && url.username === '' && url.password === '';
}
