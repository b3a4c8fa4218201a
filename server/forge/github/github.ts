/**
 * GitHub, or a GitHub Enterprise Server, behind the interface of all forges. `api.ts` is how it is asked,
 * `meaning.ts` what its answers mean, `schemas.ts` what is used of them, `credentials.ts` and `app.ts` as whom.
 */
import { CodexError } from '../../../protocol/errors.ts';
import type { ForgeSecret } from '../connection.ts';
import type { Forge } from '../forge.ts';
import { fitsKind, isRepoName, webUrl } from '../sites.ts';
import { GitHubApi, type ApiOptions } from './api.ts';
import { credentialsOf, type Identity } from './credentials.ts';
import { GitHubRepo } from './repo.ts';

export interface OpenForge extends Forge {
  whoAmI(): Promise<Identity>;
  /** What is secret of it now: also what an app was handed. */
  secrets(): string[];
}

export interface GitHubOptions extends Omit<ApiOptions, 'hide'> {
  secret: ForgeSecret;
}

/** Throws `CodexError` badRequest for an app's key that is none. */
export function openGitHub({ secret, ...options }: GitHubOptions): OpenForge {
  const { host, apiUrl } = options;
  const hide = (text: string) => credentials.secrets().reduce((left, one) => left.replaceAll(one, '…'), text);
  const api = new GitHubApi({ ...options, hide });
  const credentials = credentialsOf(secret, host, api);
  const forge = { host, kind: 'github' } as const;
  return {
    ...forge,
    whoAmI: () => credentials.whoAmI(),
    repo(name) {
      if (!isRepoName(name) || !fitsKind(name, 'github'))
        throw new CodexError('forgeRepoUnknown', { host, repo: name });
      return new GitHubRepo({ forge, name, webUrl: webUrl(host, apiUrl), api, credentials });
    },
    secrets: () => credentials.secrets(),
  };
}
