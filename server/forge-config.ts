/**
 * The owner's forges, from `forges` in `config.yaml`: where their API is, and with which token or app. They
 * outrank what a client connected. A token never stands in the file (`key-places.ts`), and none is taken from a
 * variable that is not named here: `GITHUB_TOKEN` is too often there for something else.
 *
 * What is wrong is an error with its place before anything starts. A variable that is not set makes its forge
 * unusable and no other.
 */
import { z } from 'zod';
import { wireError } from '../protocol/errors.ts';
import { ForgeHost, ForgeKind, ForgeToken } from '../protocol/forge.ts';
import { defaultApiUrl } from '../protocol/forge-address.ts';
import type { Connection, ForgeSecret } from './forge/connection.ts';
import { API_URL_PROBLEMS, apiUrlProblem } from './forge/sites.ts';
import { KEY_PLACE, Place, placesVariables, valueAt, type KeyShape, type KeySources } from './key-places.ts';

const KeyPlace = (what: string) =>
  z.union(Place.options, {
    error: ({ input }) =>
      input === undefined ? `is missing: ${KEY_PLACE}` : `a ${what} never stands in this file: ${KEY_PLACE}`,
  });

const ApiUrl = z.string().superRefine((text, context) => {
  const problem = apiUrlProblem(text);
  if (problem !== null) context.addIssue({ code: 'custom', message: API_URL_PROBLEMS[problem] });
});

const App = z.strictObject({
  /** The app's number, or its client id. */
  id: z.union([z.number().int().positive().transform(String), z.string().regex(/^[A-Za-z0-9._-]{1,100}$/)]),
  key: KeyPlace('key'),
  webhookSecret: KeyPlace('secret').optional(),
});

const OneForge = z
  .strictObject({
    kind: ForgeKind.default('github'),
    apiUrl: ApiUrl.optional(),
    token: KeyPlace('token').optional(),
    app: App.optional(),
    /** Of webhooks that were set up by hand, beside a token. */
    webhookSecret: KeyPlace('secret').optional(),
  })
  .superRefine(({ kind, token, app, webhookSecret }, context) => {
    if (kind === 'gitlab' && (app !== undefined || webhookSecret !== undefined))
      context.addIssue({ code: 'custom', message: 'GitLab is connected with a token alone' });
    if ((token === undefined) === (app === undefined))
      context.addIssue({ code: 'custom', message: 'needs either token or app' });
  });

export const ForgesConfig = z.record(z.string(), OneForge).superRefine((forges, context) => {
  for (const host of Object.keys(forges)) {
    if (!ForgeHost.safeParse(host).success)
      context.addIssue({ code: 'custom', path: [host], message: 'is no host such as github.com' });
  }
});
export type ForgesConfig = z.infer<typeof ForgesConfig>;

/** Where browsers and forges reach this backend. */
export const PublicUrl = z
  .string()
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    return url?.protocol === 'https:' && url.pathname === '/' && url.search + url.hash + url.username === '';
  }, 'is an address such as https://codex.example.org')
  .transform((text) => new URL(text).origin);

/** The variables that hold tokens and keys: no child of the backend needs them. */
export function forgeVariables(config: ForgesConfig): string[] {
  return placesVariables(
    Object.values(config).flatMap(({ token, app, webhookSecret }) => [
      token,
      app?.key,
      app?.webhookSecret,
      webhookSecret,
    ]),
  );
}

/** In the file's order, each with its token or key. */
export async function ownersForges(config: ForgesConfig, sources: KeySources): Promise<Connection[]> {
  const connections: Connection[] = [];
  for (const [host, { kind, apiUrl, token, app, webhookSecret }] of Object.entries(config)) {
    let missing: string | undefined;
    const read = async (of: Place | undefined, at: string, shape?: KeyShape): Promise<string> => {
      if (of === undefined) return '';
      const value = await valueAt(of, `forges.${host}.${at}`, sources, shape);
      if (value === null && 'env' in of) missing ??= of.env;
      return value ?? '';
    };
    const secret: ForgeSecret = app
      ? { how: 'app', id: app.id, key: await read(app.key, 'app.key', 'pem') }
      : { how: 'token', token: await read(token, 'token') };
    if (secret.how === 'token' && missing === undefined && !ForgeToken.safeParse(secret.token).success)
      throw sources.wrong(`forges.${host}.token`, 'what is there is no token');
    const signed =
      (await read(app?.webhookSecret, 'app.webhookSecret')) || (await read(webhookSecret, 'webhookSecret'));
    connections.push({
      host,
      kind,
      apiUrl: (apiUrl ?? defaultApiUrl(host, kind)).replace(/\/+$/, ''),
      how: secret.how,
      from: 'owner',
      secret: missing === undefined ? secret : null,
      ...(signed === '' ? {} : { webhookSecret: signed }),
      ...(missing === undefined
        ? {}
        : { problem: wireError('forgeNotConfigured', { host, variable: missing }) }),
    });
  }
  return connections;
}
