/**
 * GitLab, or a GitLab of one's own, behind the interface of all forges, with a token of a person, a project or a
 * group. Merge requests are its pull requests; it has no apps here.
 */
import { CodexError } from '../../../protocol/errors.ts';
import { isRepoName } from '../../../protocol/forge-address.ts';
import type { ForgeSecret, OpenForge } from '../connection.ts';
import { ForgeApi, type ApiOptions, type Auth, type Dialect } from '../http/api.ts';
import { webUrl } from '../sites.ts';
import { GitLabRepo, WHY } from './repo.ts';
import { UserAnswer } from './schemas.ts';

const GITLAB: Dialect = { headers: {}, json: 'application/json', diff: '*/*' };

export interface GitLabOptions extends Omit<ApiOptions, 'hide'> {
  secret: ForgeSecret;
}

/** Throws `CodexError` badRequest for what is no token. */
export function openGitLab({ secret, ...options }: GitLabOptions): OpenForge {
  const { host, apiUrl, loopback } = options;
  if (secret.how !== 'token') throw new CodexError('badRequest', { field: 'token', why: 'tokenOnly' });
  const { token } = secret;
  const api = new ForgeApi(GITLAB, { ...options, hide: (text) => text.replaceAll(token, '…') });
  const auth: Auth = { renews: false, header: async () => token };
  const forge = { host, kind: 'gitlab', loopback } as const;
  return {
    ...forge,
    async whoAmI() {
      const { username, name, email, commit_email } = await api.json(UserAnswer, {
        path: 'user',
        auth,
        why: WHY,
      });
      const address = commit_email || email;
      return {
        account: username,
        login: username,
        ...(name ? { name } : {}),
        ...(address ? { email: address } : {}),
      };
    },
    repo(name) {
      if (!isRepoName(name)) throw new CodexError('forgeRepoUnknown', { host, repo: name });
      return new GitLabRepo({ forge, name, webUrl: webUrl(host, apiUrl), api, auth, token });
    },
    secrets: () => [token],
  };
}
