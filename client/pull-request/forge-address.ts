/** Addresses of forges as a person writes them and as remotes have them. Pure. */
import { ForgeHost, ForgeRepoName } from '../../protocol/forge.ts';
import { defaultApiUrl, kindOf, schemeOf, siteOf } from '../../protocol/forge-address.ts';

export const GITHUB = 'github.com';

export interface AtForge {
  host: string;
  /** `owner/name`. */
  repo: string;
}

/** Null for an address that leads to no repository of a forge. */
export function atForge(address: string): AtForge | null {
  const site = siteOf(address);
  return site && { host: site.host, repo: site.name };
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

/** Of GitHub's REST API. `given`: of a server whose API is elsewhere. */
export function apiUrlOf(host: string, given: Readonly<Record<string, string>> = {}): string {
  const own = Object.hasOwn(given, host) ? given[host] : undefined;
  return own !== undefined && own !== '' ? own.replace(/\/+$/, '') : defaultApiUrl(host);
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
