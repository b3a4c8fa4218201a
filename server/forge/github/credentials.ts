/** With what GitHub is asked: a token as it is, or an app that gets tokens for what is asked. */
import type { ForgeSecret, Identity } from '../connection.ts';
import type { GitCredential, Purpose } from '../forge.ts';
import type { Auth } from '../http/api.ts';
import { AppTokens, readAppKey, type AppPlace } from './app.ts';
import { installUrlOf } from './manifest.ts';
import { UserAnswer } from './schemas.ts';

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

export function credentialsOf(secret: ForgeSecret, at: AppPlace): Credentials {
  switch (secret.how) {
    case 'token':
      return tokenCredentials(secret.token, at);
    case 'app':
      return appCredentials(secret, at);
  }
}

function tokenCredentials(token: string, { api, host }: Pick<AppPlace, 'api' | 'host'>): Credentials {
  const auth: Auth = { renews: false, header: async () => token };
  return {
    auth: () => auth,
    git: async () => ({ username: GIT_USER, password: token }),
    mayPush: async (_repo, said) => said ?? false,
    async whoAmI() {
      const { id, login, name, email } = await api.json(UserAnswer, {
        path: 'user',
        auth,
        why: 'personToken',
      });
      // The address of whoever shows none: GitHub knows them by the number, whatever their name is later.
      const hidden = `${id}+${login}@users.noreply.${host.replace(/:\d+$/, '')}`;
      return { account: login, login, ...(name ? { name } : {}), email: email || hidden };
    },
    secrets: () => [token],
  };
}

function appCredentials(secret: { id: string; key: string }, at: AppPlace): Credentials {
  const tokens = new AppTokens({ ...at, appId: secret.id, key: readAppKey(secret.key, at.host) });
  return {
    auth: (repo, purpose) => tokens.auth(repo, purpose),
    git: async (repo, purpose, refused) => ({
      username: GIT_USER,
      password: (await tokens.token(repo, purpose, refused)).token,
    }),
    // Repositories don't say it of apps.
    mayPush: (repo) => tokens.mayPush(repo),
    async whoAmI() {
      const { slug, name, html_url } = await tokens.about();
      // Its page is named by the same word, which not every server says by itself.
      const login = `${slug ?? html_url.replace(/\/+$/, '').split('/').at(-1)}[bot]`;
      return { account: name, login, name, installUrl: installUrlOf(html_url) };
    },
    secrets: () => [secret.key, ...tokens.secrets()],
  };
}
