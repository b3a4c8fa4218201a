/** With what GitHub is asked: a token as it is, or an app that gets tokens for what is asked. */
import type { ForgeSecret, Identity } from '../connection.ts';
import type { GitCredential, Purpose } from '../forge.ts';
import type { Auth } from '../http/api.ts';
import type { GitHubApi } from './api.ts';
import { AppTokens, readAppKey } from './app.ts';
import { AppAnswer, UserAnswer } from './schemas.ts';

export interface Credentials {
  auth(repo: string, purpose: Purpose): Auth;
  git(repo: string, purpose: Purpose, refused?: string): Promise<GitCredential>;
  /** `said`: what the repository's answer says of it. */
  mayPush(repo: string, said: boolean | undefined): Promise<boolean>;
  whoAmI(): Promise<Identity>;
  secrets(): string[];
}

/** What GitHub takes for every kind of token. */
const GIT_USER = 'x-access-token';

export function credentialsOf(secret: ForgeSecret, host: string, api: GitHubApi): Credentials {
  switch (secret.how) {
    case 'token':
      return tokenCredentials(secret.token, api);
    case 'app':
      return appCredentials(secret, host, api);
  }
}

function tokenCredentials(token: string, api: GitHubApi): Credentials {
  const auth: Auth = { renews: false, header: async () => token };
  return {
    auth: () => auth,
    git: async () => ({ username: GIT_USER, password: token }),
    mayPush: async (_repo, said) => said ?? false,
    async whoAmI() {
      const { login, name, email } = await api.json(UserAnswer, {
        path: 'user',
        auth,
        need: 'to be a person’s token',
      });
      return { account: login, login, ...(name ? { name } : {}), ...(email ? { email } : {}) };
    },
    secrets: () => [token],
  };
}

function appCredentials(secret: { id: string; key: string }, host: string, api: GitHubApi): Credentials {
  const tokens = new AppTokens({ host, api, appId: secret.id, key: readAppKey(secret.key, host) });
  return {
    auth: (repo, purpose) => tokens.auth(repo, purpose),
    git: async (repo, purpose, refused) => ({
      username: GIT_USER,
      password: (await tokens.token(repo, purpose, refused)).token,
    }),
    // Repositories don't say it of apps.
    mayPush: (repo) => tokens.mayPush(repo),
    async whoAmI() {
      const { slug, name, html_url } = await api.json(AppAnswer, {
        path: 'app',
        auth: tokens.self,
        need: 'its key',
      });
      // Its page is named by the same word, which not every server says by itself.
      const login = `${slug ?? html_url.replace(/\/+$/, '').split('/').at(-1)}[bot]`;
      return { account: name, login, name, installUrl: installUrlOf(html_url) };
    },
    secrets: () => [secret.key, ...tokens.secrets()],
  };
}

export const installUrlOf = (appUrl: string): string => `${appUrl.replace(/\/+$/, '')}/installations/new`;
