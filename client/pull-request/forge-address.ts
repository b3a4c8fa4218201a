/** At which forge something is, read off addresses: of remotes, and as a person writes them. Pure. */
import { ForgeHost, ForgeRepoName, type ForgeKind } from '../../protocol/forge.ts';

export const GITHUB = 'github.com';

export interface AtForge {
  host: string;
  /** `owner/name`. */
  repo: string;
}

/** Null for an address that leads to no repository of a forge. */
export function atForge(address: string): AtForge | null {
  const text = address.trim();
  // `user@host:path`; a single letter before the colon is a Windows drive.
  const [, scpHost, scpPath] = /^(?:[^@/\s:]+@)?([^:/\s@]{2,}):(?!\/\/)(\S+)$/.exec(text) ?? [];
  if (scpHost !== undefined && scpPath !== undefined && !text.includes('://')) return place(scpHost, scpPath);
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  // The port of ssh says nothing about where the forge's pages are.
  if (url.protocol === 'ssh:') return place(url.hostname, url.pathname);
  return url.protocol === 'https:' || url.protocol === 'http:' ? place(url.host, url.pathname) : null;
}

function place(host: string, path: string): AtForge | null {
  const lower = host.toLowerCase();
  const known = ForgeHost.safeParse(lower === 'ssh.github.com' ? GITHUB : lower);
  const repo = ForgeRepoName.safeParse(path.replace(/^\/+|\/+$/g, '').replace(/\.git$/i, ''));
  return known.success && repo.success ? { host: known.data, repo: repo.data } : null;
}

/** As a person writes it: `owner/name`, or with a host before it, which has a dot or a port. */
export function namedRepo(written: string, defaultHost: string): AtForge | null {
  const [first = '', ...others] = written.trim().split('/');
  const hasHost = others.length >= 2 && /[.:]/.test(first);
  const host = ForgeHost.safeParse((hasHost ? first : defaultHost).toLowerCase());
  const repo = ForgeRepoName.safeParse((hasHost ? others : [first, ...others]).join('/'));
  return host.success && repo.success ? { host: host.data, repo: repo.data } : null;
}

/** What a person wrote: a host, a host with its port, or any address there. */
export function hostOf(written: string): string | null {
  const text = written.trim().toLowerCase();
  const url = /^[a-z][a-z0-9+.-]*:\/\//.test(text) ? text : `https://${text}`;
  if (text === '' || !URL.canParse(url)) return null;
  const host = ForgeHost.safeParse(new URL(url).host);
  return host.success ? host.data : null;
}

/** Only its name tells; whoever has named it otherwise connects it in the backend's configuration. */
export function kindOf(host: string): ForgeKind {
  return /(^|\.)gitlab\./.test(host) ? 'gitlab' : 'github';
}

/** Of GitHub's REST API. `given`: of a server whose API is elsewhere. */
export function apiUrlOf(host: string, given: Readonly<Record<string, string>> = {}): string {
  const own = Object.hasOwn(given, host) ? given[host] : undefined;
  if (own !== undefined && own !== '') return own.replace(/\/+$/, '');
  if (host === GITHUB) return 'https://api.github.com';
  return host.endsWith('.ghe.com') ? `https://api.${host}` : `${schemeOf(host)}://${host}/api/v3`;
}

/** What runs on this machine has no certificate that anybody would trust. */
function schemeOf(host: string): 'http' | 'https' {
  return /^(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?$/.test(host) ? 'http' : 'https';
}

/** The page on which a person makes a token, with what it has to allow chosen already. */
export function tokenPage(host: string): string {
  if (kindOf(host) === 'gitlab')
    return `${schemeOf(host)}://${host}/-/user_settings/personal_access_tokens?name=Codex+Tasks&scopes=api,write_repository`;
  const wanted = new URLSearchParams({
    ...{ name: 'Codex Tasks', contents: 'write', pull_requests: 'write', statuses: 'read' },
  });
  return `${schemeOf(host)}://${host}/settings/personal-access-tokens/new?${wanted.toString()}`;
}

/** An address that a forge told is opened only when it leads there. */
export function isPageOf(host: string, address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return (
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.host === host &&
    url.username === '' &&
    url.password === ''
  );
}
