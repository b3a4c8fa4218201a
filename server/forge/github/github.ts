/**
 * GitHub, or a GitHub Enterprise Server, behind the interface of all forges. `http/` is how it is asked
 * and what its answers mean, `schemas.ts` what is used of them, `credentials.ts` and `app.ts` as whom.
 */
import { CodexError } from '../../../protocol/errors.ts';
import { isRepoName } from '../../../protocol/forge-address.ts';
import type { ForgeSecret, OpenForge } from '../connection.ts';
import type { ApiOptions } from '../http/api.ts';
import { fitsKind, webUrl } from '../sites.ts';
import { GitHubApi } from './api.ts';
import { credentialsOf } from './credentials.ts';
import { GitHubRepo } from './repo.ts';

export interface GitHubOptions extends Omit<ApiOptions, 'hide'> {
  secret: ForgeSecret;
}

/** Throws `CodexError` badRequest for an app's key that is none. */
export function openGitHub({ secret, ...options }: GitHubOptions): OpenForge {
  const { host, apiUrl, loopback } = options;
  const hide = (text: string) => credentials.secrets().reduce((left, one) => left.replaceAll(one, '…'), text);
  const api = new GitHubApi({ ...options, hide });
  const web = webUrl(host, apiUrl);
  const credentials = credentialsOf(secret, { host, webUrl: web, api });
  const forge = { host, kind: 'github', loopback } as const;
  return {
    ...forge,
    whoAmI: () => credentials.whoAmI(),
    repo(name) {
      if (!isRepoName(name) || !fitsKind(name, 'github'))
        throw new CodexError('forgeRepoUnknown', { host, repo: name });
      return new GitHubRepo({ forge, name, webUrl: web, api, credentials });
    },
    secrets: () => credentials.secrets(),
  };
}
