/** What an app asks for with its own signature: itself, its installations, their tokens. */
import { randomBytes } from 'node:crypto';
import { Refusal, notFound } from '../answer.ts';
import { findRepo, type App, type Level, type Permissions, type Repo } from '../state.ts';
import { installationShape, integration } from '../shapes/app.ts';
import { iso } from '../shapes/people.ts';
import { repository } from '../shapes/repo.ts';
import { text, type Call, type Route } from './call.ts';

const TOKEN_MS = 60 * 60_000;
const LEVELS: readonly Level[] = ['read', 'write', 'admin'];

function appOf({ caller }: Call): App {
  if (caller.kind === 'app') return caller.app;
  throw new Refusal(401, 'A JSON web token could not be decoded');
}

const app: Route = (call) => ({ status: 200, body: integration(call.world, appOf(call)) });

const installationOfRepo: Route = (call) => {
  const { world, params } = call;
  const asking = appOf(call);
  const found = findRepo(world, text(params['owner']), text(params['repo']));
  const installation = asking.installations.find(
    ({ account, repos }) => account === found?.repo.owner && (repos === null || repos.has(found.repo)),
  );
  if (!found || !installation) throw notFound();
  if (found.moved) {
    const location = `${world.apiUrl}/repositories/${found.repo.id}/installation`;
    throw new Refusal(301, 'Moved Permanently', { url: location }, { location });
  }
  return { status: 200, body: installationShape(world, asking, installation) };
};

const token: Route = (call) => {
  const { world, body } = call;
  const asking = appOf(call);
  const installation = asking.installations.find(({ id }) => id === call.params['installation_id']);
  if (!installation) throw notFound();
  if (installation.suspended) throw new Refusal(403, 'This installation has been suspended');

  const mine = world.repos.filter(
    (repo) => repo.owner === installation.account && (installation.repos?.has(repo) ?? true),
  );
  const names = body['repositories'] as string[] | undefined;
  const ids = body['repository_ids'] as number[] | undefined;
  const chosen = names || ids ? chosenOf(mine, names ?? [], ids ?? []) : null;
  const permissions = (body['permissions'] as Permissions | undefined) ?? installation.permissions;
  for (const [permission, level = 'read'] of Object.entries(permissions)) {
    const granted = installation.permissions[permission] ?? (permission === 'metadata' ? 'read' : undefined);
    if (granted === undefined || LEVELS.indexOf(granted) < LEVELS.indexOf(level)) {
      throw new Refusal(422, 'The permissions requested are not granted to this installation.');
    }
  }

  const value = `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, 'x')}`;
  const expiresAt = world.now() + TOKEN_MS;
  const granted: Permissions = { ...permissions, metadata: 'read' };
  world.tokens.set(value, {
    value,
    kind: 'installation',
    account: asking.bot,
    scopes: [],
    repos: chosen && new Set(chosen),
    permissions: granted,
    installation: { app: asking, installation },
    expiresAt,
    used: 0,
  });
  return {
    status: 201,
    body: {
      token: value,
      expires_at: iso(expiresAt),
      permissions: granted,
      repository_selection: chosen || installation.repos ? 'selected' : 'all',
      ...(chosen ? { repositories: chosen.map((repo) => repository(world, repo)) } : {}),
    },
  };
};

function chosenOf(mine: readonly Repo[], names: readonly string[], ids: readonly number[]): Repo[] {
  const found = [
    ...names.map((name) => mine.find((repo) => repo.name.toLowerCase() === name.toLowerCase())),
    ...ids.map((id) => mine.find((repo) => repo.id === id)),
  ].filter((repo) => repo !== undefined);
  if (found.length === names.length + ids.length) return found;
  throw new Refusal(
    422,
    'There is at least one repository that does not exist or is not accessible to the parent installation.',
  );
}

/** Each code once, without any credential: the code is one. */
const fromManifest: Route = ({ world, params }) => {
  const code = text(params['code']);
  const made = world.manifests.get(code);
  if (!made) throw notFound();
  world.manifests.delete(code);
  const {
    clientId: client_id,
    clientSecret: client_secret,
    webhookSecret: webhook_secret,
    privateKey: pem,
  } = made;
  return {
    status: 201,
    body: { ...integration(world, made), client_id, client_secret, webhook_secret, pem },
  };
};

export const APP_ROUTES: Record<string, Route> = {
  'GET /app': app,
  'POST /app-manifests/{code}/conversions': fromManifest,
  'POST /app/installations/{installation_id}/access_tokens': token,
  'GET /repos/{owner}/{repo}/installation': installationOfRepo,
};
