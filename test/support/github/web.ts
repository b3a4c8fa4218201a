/**
 * The pages of GitHub that a browser sees: on the way to an app the manifest's, with its one button, and the one
 * where an app is given repositories; a pull request's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Arrangement } from './arrange.ts';
import type { apps } from './apps.ts';
import type { Permissions, World } from './state.ts';

interface Manifest {
  name?: unknown;
  url?: unknown;
  redirect_url?: unknown;
  setup_url?: unknown;
  public?: unknown;
  hook_attributes?: { url?: unknown; active?: unknown };
  default_permissions?: Permissions;
  default_events?: string[];
}

const KNOWN = new Set([
  ...[
    'name',
    'url',
    'hook_attributes',
    'redirect_url',
    'callback_urls',
    'setup_url',
    'description',
    'public',
  ],
  ...['default_events', 'default_permissions', 'request_oauth_on_install', 'setup_on_update'],
]);

export function webPages(
  world: World,
  arrangement: Arrangement,
  making: ReturnType<typeof apps>,
  problem: (text: string) => void,
) {
  return (request: IncomingMessage, body: Buffer, response: ServerResponse, signedIn: string): boolean => {
    const url = new URL(request.url ?? '/', world.url);
    const form = new URLSearchParams(body.toString('utf8'));
    const owner = /^\/organizations\/([^/]+)\/settings\/apps\/new$/.exec(url.pathname)?.[1] ?? signedIn;
    const asks = url.pathname === '/settings/apps/new' || url.pathname.startsWith('/organizations/');
    if (request.method === 'POST' && asks) {
      const manifest = readManifest(form.get('manifest') ?? '', problem);
      if (!manifest) return html(response, 422, '<h1>Invalid GitHub App configuration</h1>');
      const field = (name: string, value: string) =>
        `<input type="hidden" name="${name}" value="${escape(value)}">`;
      const fields = [
        field('manifest', JSON.stringify(manifest)),
        field('state', url.searchParams.get('state') ?? ''),
        field('owner', owner),
      ];
      const button = `<button type="submit">Create GitHub App for ${escape(owner)}</button>`;
      return html(
        response,
        200,
        `<h1>Create GitHub App</h1><form method="post" action="/settings/apps/manifest">${fields.join('')}${button}</form>`,
      );
    }
    if (request.method === 'POST' && url.pathname === '/settings/apps/manifest') {
      const manifest = readManifest(form.get('manifest') ?? '', problem);
      if (!manifest) return html(response, 422, '<h1>Invalid GitHub App configuration</h1>');
      const app = making.addApp({
        name: String(manifest.name),
        owner: arrangement.account(form.get('owner') ?? signedIn).login,
        permissions: manifest.default_permissions ?? {},
        events: manifest.default_events ?? [],
      });
      const back = new URL(String(manifest.redirect_url));
      back.searchParams.set('code', making.codeFor(app));
      back.searchParams.set('state', form.get('state') ?? '');
      response.writeHead(302, { location: back.href }).end();
      return true;
    }
    if (request.method === 'GET' && OPENED.test(url.pathname)) {
      return html(response, 200, `<h1>${escape(url.pathname)}</h1>`);
    }
    return false;
  };
}

/** Where a person is led, and what a browser asks for by itself: nothing here depends on what stands there. */
const OPENED = /^\/(?:favicon\.ico|[^/]+\/[^/]+\/pull\/\d+|(?:apps|github-apps)\/[^/]+\/installations\/new)$/;

function readManifest(text: string, problem: (text: string) => void): Manifest | null {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    problem('an app manifest is no JSON');
    return null;
  }
  const unknown = Object.keys(manifest).filter((key) => !KNOWN.has(key));
  const wrong = [
    ...unknown.map((key) => `${key} is no part of it`),
    ...(['url', 'redirect_url'] as const)
      .filter((key) => !isUrl(manifest[key]))
      .map((key) => `${key} is no address`),
    ...(typeof manifest.name === 'string' && manifest.name.length <= 34 ? [] : ['its name is none']),
    ...(manifest.hook_attributes && !isUrl(manifest.hook_attributes.url)
      ? ['its webhook has no address']
      : []),
  ];
  if (wrong.length === 0) return manifest;
  problem(`an app manifest is wrong: ${wrong.join(', ')}`);
  return null;
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

function html(response: ServerResponse, status: number, content: string): true {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!DOCTYPE html><html><body>${content}</body></html>\n`);
  return true;
}
