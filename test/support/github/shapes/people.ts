/** Accounts as GitHub shows them. */
import { atLeast, type Account, type Role, type World } from '../state.ts';

export const iso = (at: number) => new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
export const isoOrNull = (at: number | null) => (at === null ? null : iso(at));
export const nodeId = (kind: string, id: number) => Buffer.from(`0:${kind}${id}`).toString('base64');

export function account(world: World, { id, login, type }: Account): Record<string, unknown> {
  const url = `${world.apiUrl}/users/${encodeURIComponent(login)}`;
  return {
    login,
    id,
    node_id: nodeId('User', id),
    avatar_url: `${world.url}/avatars/u/${id}?`,
    gravatar_id: '',
    url,
    html_url: `${world.url}/${encodeURIComponent(login)}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type,
    site_admin: false,
  };
}

export function privateUser(world: World, user: Account): Record<string, unknown> {
  return {
    ...account(world, user),
    name: user.name,
    company: null,
    blog: '',
    location: null,
    email: user.email,
    hireable: null,
    bio: null,
    public_repos: 1,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: '2015-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    private_gists: 0,
    total_private_repos: 1,
    owned_private_repos: 1,
    disk_usage: 1,
    collaborators: 0,
    two_factor_authentication: true,
  };
}

/** GitHub's older word for a role, which knows four. */
function permissionOf(role: Role): 'none' | 'read' | 'write' | 'admin' {
  switch (role) {
    case 'none':
    case 'read':
    case 'write':
    case 'admin':
      return role;
    case 'triage':
      return 'read';
    case 'maintain':
      return 'write';
  }
}

export function permissionsOf(role: Role): Record<string, boolean> {
  return {
    admin: atLeast(role, 'admin'),
    maintain: atLeast(role, 'maintain'),
    push: atLeast(role, 'write'),
    triage: atLeast(role, 'triage'),
    pull: atLeast(role, 'read'),
  };
}

export function collaboratorPermission(world: World, user: Account, role: Role): Record<string, unknown> {
  return {
    permission: permissionOf(role),
    role_name: role,
    user: { ...account(world, user), permissions: permissionsOf(role), role_name: role },
  };
}
