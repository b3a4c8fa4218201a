/**
 * An app of one's own at GitHub: proves who it is with a signed note (JWT), and is handed tokens, one per
 * repository and purpose, good for an hour. They are kept in memory alone, and each is asked for once, however
 * many wait for it.
 */
import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { CodexError } from '../../../protocol/errors.ts';
import type { Purpose } from '../forge.ts';
import type { z } from 'zod';
import { withSettings, type Auth } from '../http/api.ts';
import type { GitHubApi } from './api.ts';
import { appSettingsUrl } from './manifest.ts';
import { AppAnswer, InstallationAnswer, InstallationTokenAnswer, RepoAnswer } from './schemas.ts';

/** GitHub takes ten minutes at most; its clock may be behind ours. */
const JWT_BACK_S = 60;
const JWT_AHEAD_S = 540;

/** https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app */
export function appJwt(appId: string, key: KeyObject, now: number): string {
  const seconds = Math.floor(now / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iat: seconds - JWT_BACK_S, exp: seconds + JWT_AHEAD_S, iss: appId };
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}

/** Throws `CodexError` badRequest, without the key. */
export function readAppKey(pem: string, host: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // Its message could quote the key.
  }
  throw new CodexError('badRequest', { host, why: 'appKey' });
}

type Permissions = Record<string, string>;

/** What a token is asked for: what must be, and what is taken where the app has it. */
export const WANTED: Record<Purpose, { must: Permissions; may: Permissions }> = {
  read: {
    must: { contents: 'read', metadata: 'read' },
    may: { pull_requests: 'read', issues: 'read', checks: 'read', statuses: 'read' },
  },
  write: {
    must: { contents: 'write', pull_requests: 'write', metadata: 'read' },
    // Answers below issues, and workflow files that a person confirmed.
    may: { issues: 'write', workflows: 'write' },
  },
};

const LEVELS = ['none', 'read', 'write', 'admin'];
const covers = (has: string | undefined, level: string) =>
  LEVELS.indexOf(has ?? 'none') >= LEVELS.indexOf(level);

/** Asking for more than the app was given would be refused as a whole. */
export function grantedOf(purpose: Purpose, has: Permissions): { ask: Permissions } | { missing: string } {
  const { must, may } = WANTED[purpose];
  // Everybody who was given a repository has it, named or not.
  const all: Permissions = { metadata: 'read', ...has };
  const missing = Object.entries(must).filter(([name, level]) => !covers(all[name], level));
  if (missing.length > 0)
    return { missing: missing.map(([name, level]) => `${name.replaceAll('_', ' ')}: ${level}`).join(', ') };
  const more = Object.entries(may).filter(([name, level]) => covers(all[name], level));
  return { ask: { ...must, ...Object.fromEntries(more) } };
}

function isAll(purpose: Purpose, asked: Permissions): boolean {
  const { must, may } = WANTED[purpose];
  return Object.keys({ ...must, ...may }).every((name) => name in asked);
}

export interface AppToken {
  token: string;
  /** A new one is asked for then. */
  usedUntil: number;
  /** What the app was given where this is for; the token itself may have less. */
  installed: Permissions;
}

/** One that ends sooner could end while it is used. */
const LEFT_MS = 5 * 60_000;
/** One with less than could be asked for: whoever was told to give the app more tries again soon. */
const LESS_MS: Record<Purpose, number> = { read: 10 * 60_000, write: 60_000 };

export interface AppPlace {
  host: string;
  webUrl: string;
  api: GitHubApi;
}

export interface AppTokensOptions extends AppPlace {
  appId: string;
  key: KeyObject;
  now?: () => number;
}

export class AppTokens {
  readonly #options: AppTokensOptions;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Promise<AppToken>>();
  /** Until they end, replaced ones too: they are still taken out of what is logged. */
  readonly #known = new Map<string, number>();
  #settings: Promise<string | null> | null = null;
  /** By how much GitHub's clock is before ours, as far as that was noticed. */
  #aheadMs = 0;

  constructor(options: AppTokensOptions) {
    this.#options = options;
    const { now = Date.now } = options;
    this.#now = () => now() + this.#aheadMs;
  }

  /**
   * As the app itself: it may only ask about itself, and for tokens. A machine that slept can be minutes behind, and
   * GitHub takes no note that ends before now, or begins later: then its own clock counts.
   */
  readonly self: Auth = {
    renews: true,
    header: async (_refused, theirTime) => {
      if (theirTime !== undefined) this.#aheadMs += theirTime - this.#now();
      return appJwt(this.#options.appId, this.#options.key, this.#now());
    },
  };

  auth(repo: string, purpose: Purpose): Auth {
    return {
      renews: true,
      header: async (refused) => (await this.token(repo, purpose, refused)).token,
      settings: this.settings,
      isShutOut: () => this.#isShutOut(repo),
    };
  }

  /** Whether what is forbidden there is all: a token that was made before says nothing of that. */
  async #isShutOut(repo: string): Promise<boolean> {
    try {
      return (await this.#installation(repo)).suspended_at != null;
    } catch (error) {
      if (error instanceof CodexError && error.code === 'forgeRepoUnknown') return true;
      throw error;
    }
  }

  about(): Promise<z.infer<typeof AppAnswer>> {
    return this.#options.api.json(AppAnswer, { path: 'app', auth: this.self });
  }

  /** Where the app is given more. Asked for once. */
  readonly settings = (): Promise<string | null> => {
    this.#settings ??= this.about().then(
      (app) => appSettingsUrl(this.#options.webUrl, app),
      () => (this.#settings = null),
    );
    return this.#settings;
  };

  /** Another one than `refused`. */
  async token(repo: string, purpose: Purpose, refused?: string): Promise<AppToken> {
    const key = `${purpose} ${repo.toLowerCase()}`;
    const there = this.#tokens.get(key);
    if (there) {
      const found = await there;
      if (found.token !== refused && found.usedUntil > this.#now()) return found;
    }
    // Whoever finds another one there than before waits for that one.
    const newer = this.#tokens.get(key);
    const minting = newer && newer !== there ? newer : this.#mint(repo, purpose);
    this.#tokens.set(key, minting);
    try {
      return await minting;
    } catch (error) {
      if (this.#tokens.get(key) === minting) this.#tokens.delete(key);
      throw error;
    }
  }

  /** Whether the app was given enough there to make a pull request. */
  async mayPush(repo: string): Promise<boolean> {
    const there = await this.token(repo, 'read');
    if ('ask' in grantedOf('write', there.installed)) return true;
    // It may have been given more since, because we said so.
    const newer = await this.token(repo, 'read', there.token);
    return 'ask' in grantedOf('write', newer.installed);
  }

  secrets(): string[] {
    const now = this.#now();
    for (const [token, until] of this.#known) if (until < now) this.#known.delete(token);
    return [...this.#known.keys()];
  }

  async #mint(repo: string, purpose: Purpose): Promise<AppToken> {
    const { host, api } = this.#options;
    const about = { about: repo, why: 'installation' } as const;
    const installation = await this.#installation(repo);
    const granted = grantedOf(purpose, installation.permissions);
    if ('missing' in granted) {
      const error = new CodexError('forgeForbidden', { host, repo, need: granted.missing });
      throw await withSettings(error, this);
    }
    const ask = async (of: object, permissions: Permissions): Promise<AppToken> => {
      const { token, expires_at } = await api.json(InstallationTokenAnswer, {
        method: 'POST',
        path: `app/installations/${installation.id}/access_tokens`,
        body: { ...of, permissions },
        auth: this.self,
        // A token too many is no harm.
        repeatable: true,
        ...about,
      });
      this.#known.set(token, expires_at);
      const soon = isAll(purpose, granted.ask) ? Infinity : this.#now() + LESS_MS[purpose];
      return {
        token,
        usedUntil: Math.min(expires_at - LEFT_MS, soon),
        installed: installation.permissions,
      };
    };
    try {
      return await ask({ repositories: [repo.split('/')[1]] }, granted.ask);
    } catch (error) {
      if (!(error instanceof CodexError && error.code === 'forgeRefused')) throw error;
      // It has another name now: a token that only sees names says which repository it is.
      const { token } = await ask({}, { metadata: 'read' });
      const auth = { renews: false, header: async () => token };
      const { id } = await api.json(RepoAnswer, { path: pathOf(repo), auth, ...about });
      return ask({ repository_ids: [id] }, granted.ask);
    }
  }

  #installation(repo: string): Promise<z.infer<typeof InstallationAnswer>> {
    return this.#options.api.json(InstallationAnswer, {
      path: `${pathOf(repo)}/installation`,
      auth: this.self,
      about: repo,
      why: 'installation',
    });
  }
}

const pathOf = (repo: string): string => `repos/${repo.split('/').map(encodeURIComponent).join('/')}`;
