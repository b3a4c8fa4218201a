/** GitHub Apps: made by a test, or by a manifest that a browser posts; where they are installed. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Arrangement } from './arrange.ts';
import { repoNamed, type App, type Installation, type Permissions, type World } from './state.ts';

export interface NewApp {
  name?: string;
  owner?: string;
  permissions?: Permissions;
  events?: string[];
}

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

export function apps(world: World, arrangement: Arrangement) {
  function addApp(options: NewApp = {}): App {
    const { name = 'Codex Tasks', owner = 'octocat', permissions = {}, events = [] } = options;
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      // What GitHub hands out begins with BEGIN RSA PRIVATE KEY.
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const id = world.nextId();
    const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const app: App = {
      id,
      slug,
      name,
      owner: arrangement.account(owner),
      bot: arrangement.addAccount(`${slug}[bot]`, { type: 'Bot', name: null }),
      clientId: `Iv23${hex(8)}`,
      clientSecret: hex(20),
      webhookSecret: hex(20),
      privateKey,
      publicKey,
      permissions: { metadata: 'read', contents: 'write', pull_requests: 'write', ...permissions },
      events,
      installations: [],
    };
    world.apps.push(app);
    return app;
  }

  return {
    addApp,

    /** Those that a manifest made, too. */
    allApps: (): readonly App[] => world.apps,

    /** `repos`: names; absent: all of the account's. */
    install(
      app: App,
      account: string,
      options: { repos?: string[]; permissions?: Permissions } = {},
    ): Installation {
      const installation: Installation = {
        id: world.nextId(),
        account: arrangement.account(account),
        repos: options.repos ? new Set(options.repos.map((name) => repoNamed(world, name))) : null,
        permissions: options.permissions ?? app.permissions,
        suspended: false,
      };
      app.installations.push(installation);
      return installation;
    },

    /** What an app signs, for a test that speaks for one; `claims` may be as wrong as it wants. */
    assertion(
      app: App,
      claims: { iat?: number; exp?: number; iss?: unknown } = {},
      key = app.privateKey,
    ): string {
      const now = Math.floor(world.now() / 1000);
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const all = { iat: now - 60, exp: now + 540, iss: String(app.id), ...claims };
      const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(all)}`;
      return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
    },

    /** Registers an app whose key is handed out once, for the code. */
    codeFor(app: App): string {
      const code = hex(20);
      world.manifests.set(code, app);
      return code;
    },
  };
}
