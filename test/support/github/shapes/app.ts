/** Apps and where they are installed, as GitHub shows them. */
import type { App, Installation, World } from '../state.ts';
import { account, isoOrNull, nodeId } from './people.ts';

const MADE = '2026-01-01T00:00:00Z';

export function integration(world: World, app: App): Record<string, unknown> {
  return {
    id: app.id,
    slug: app.slug,
    client_id: app.clientId,
    node_id: nodeId('Integration', app.id),
    owner: account(world, app.owner),
    name: app.name,
    description: '',
    external_url: 'https://example.com/',
    html_url: `${world.url}/github-apps/${app.slug}`,
    created_at: MADE,
    updated_at: MADE,
    permissions: app.permissions,
    events: app.events,
    installations_count: app.installations.length,
  };
}

export function installationShape(world: World, app: App, installation: Installation) {
  const url = `${world.apiUrl}/app/installations/${installation.id}`;
  return {
    id: installation.id,
    account: account(world, installation.account),
    repository_selection: installation.repos === null ? 'all' : 'selected',
    access_tokens_url: `${url}/access_tokens`,
    repositories_url: `${world.apiUrl}/installation/repositories`,
    html_url: `${world.url}/settings/installations/${installation.id}`,
    app_id: app.id,
    client_id: app.clientId,
    app_slug: app.slug,
    target_id: installation.account.id,
    target_type: installation.account.type,
    permissions: installation.permissions,
    events: app.events,
    created_at: MADE,
    updated_at: MADE,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: installation.suspended ? isoOrNull(world.now()) : null,
  };
}
