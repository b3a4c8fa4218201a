/** What an app of one's own is asked for at GitHub: as little as pull requests need. Pure. */
import type { Connection } from '../connection.ts';
import type { z } from 'zod';
import type { AppAnswer, ConversionAnswer } from './schemas.ts';

export interface ManifestParts {
  /** Different each time: GitHub has one app of a name. */
  suffix: string;
  /** Where the browser reaches the backend. */
  redirectUrl: string;
  homepage: string;
  /** Absent: GitHub can't reach the backend, which then looks by itself. */
  webhookUrl?: string;
  /** It may write below issues, too: what answers to comments that start tasks need. */
  answersIssues: boolean;
}

/** https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest */
export function appManifest({ suffix, redirectUrl, homepage, webhookUrl, answersIssues }: ManifestParts) {
  return {
    name: `Codex Tasks ${suffix}`,
    url: homepage,
    redirect_url: redirectUrl,
    public: false,
    // An address is wanted even of one that is off.
    hook_attributes: { url: webhookUrl ?? 'https://example.com', active: webhookUrl !== undefined },
    default_permissions: {
      contents: 'write',
      pull_requests: 'write',
      metadata: 'read',
      issues: answersIssues ? 'write' : 'read',
      checks: 'read',
    },
    default_events:
      webhookUrl === undefined
        ? []
        : [
            'pull_request',
            'pull_request_review',
            'pull_request_review_comment',
            'issue_comment',
            'check_run',
            'push',
          ],
  };
}

export const manifestTarget = (webUrl: string, state: string, organization?: string): string => {
  const whose = organization === undefined ? '' : `/organizations/${encodeURIComponent(organization)}`;
  return `${webUrl}${whose}/settings/apps/new?state=${encodeURIComponent(state)}`;
};

/** Where it is given repositories. */
export const installUrlOf = (appUrl: string): string => `${appUrl.replace(/\/+$/, '')}/installations/new`;

/** Where its owner gives it more. */
export function appSettingsUrl(
  webUrl: string,
  { slug, owner }: Pick<z.infer<typeof AppAnswer>, 'slug' | 'owner'>,
): string | null {
  if (slug === undefined) return null;
  const whose = owner?.type === 'Organization' ? `/organizations/${encodeURIComponent(owner.login)}` : '';
  return `${webUrl}${whose}/settings/apps/${encodeURIComponent(slug)}/permissions`;
}

/** The app that GitHub made of it. */
export function appConnection(
  { host, apiUrl }: Pick<Connection, 'host' | 'apiUrl'>,
  { id, name, html_url, pem, webhook_secret }: z.infer<typeof ConversionAnswer>,
): Connection {
  return {
    host,
    kind: 'github',
    apiUrl,
    how: 'app',
    from: 'client',
    secret: { how: 'app', id: String(id), key: pem },
    ...(webhook_secret ? { webhookSecret: webhook_secret } : {}),
    account: name,
    installUrl: installUrlOf(html_url),
  };
}
