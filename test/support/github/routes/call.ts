/** What a route is given, and the steps that most of them begin or end with. */
import { authorize, type Caller, type Needs } from '../access.ts';
import { Refusal, notFound, type Answer } from '../answer.ts';
import { fullName, findRepo, type Account, type Issue, type Level, type Repo, type World } from '../state.ts';

export interface Call {
  world: World;
  caller: Caller;
  method: string;
  /** As it was asked for, below the API's address, with its query. */
  url: URL;
  /** Of path and query, with the types of the description. */
  params: Record<string, unknown>;
  body: Record<string, unknown>;
  accept: string;
}

export type Route = (call: Call) => Answer | Promise<Answer>;

export const reads = (...permissions: string[]): Needs => needs('read', permissions);
export const writes = (...permissions: string[]): Needs => needs('write', permissions);
const needs = (level: Level, permissions: string[]): Needs =>
  permissions.map((permission) => ({ permission, level }));

/** The repository of the request's path, once the caller may do this there; where it was renamed, whereto. */
export function reach(call: Call, wanted: Needs): Repo {
  const { world, caller, params } = call;
  const found = findRepo(world, text(params['owner']), text(params['repo']));
  if (!found) throw notFound();
  authorize(caller, found.repo, wanted);
  if (found.moved) throw movedTo(call, found.repo);
  return found.repo;
}

function movedTo({ world, url, method }: Call, repo: Repo): Refusal {
  const rest = url.pathname.split('/').slice(4).join('/');
  const path = `/repositories/${repo.id}${rest === '' ? '' : `/${rest}`}`;
  const location = `${world.apiUrl}${path}${url.search}`;
  return method === 'GET'
    ? new Refusal(301, 'Moved Permanently', { url: location }, { location })
    : new Refusal(307, 'Temporary Redirect', { url: location }, { location });
}

/** `/repositories/{id}/…`, as GitHub's redirects have it, is the repository's own path. */
export function ofId(world: World, path: string): string {
  const [, id, rest = ''] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
  const repo = world.repos.find((one) => one.id === Number(id));
  return repo ? `/repos/${fullName(repo)}${rest}` : path;
}

export function author({ caller }: Call): Account {
  if (caller.kind !== 'token') throw notFound();
  return caller.token.account;
}

export function issueOf(call: Call, repo: Repo, parameter = 'issue_number'): Issue {
  const issue = repo.issues.find(({ number }) => number === call.params[parameter]);
  if (!issue) throw notFound();
  return issue;
}

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const PER_PAGE = 30;
const MOST_PER_PAGE = 100;

/** One page of a list, and the `Link` header that leads to the others. */
export function page<T>(
  { url, world, params }: Call,
  items: readonly T[],
): { items: T[]; headers: Record<string, string> } {
  const size = Math.min(Math.max(Number(params['per_page'] ?? PER_PAGE), 1), MOST_PER_PAGE);
  const current = Math.max(Number(params['page'] ?? 1), 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  const link = (rel: string, to: number) => {
    const target = new URL(`${world.apiUrl}${url.pathname}${url.search}`);
    target.searchParams.set('page', String(to));
    return `<${target.href}>; rel="${rel}"`;
  };
  const links = [
    ...(current > 1 ? [link('prev', current - 1)] : []),
    ...(current < last ? [link('next', current + 1), link('last', last)] : []),
    ...(current > 1 ? [link('first', 1)] : []),
  ];
  return {
    items: items.slice((current - 1) * size, current * size),
    headers: links.length > 0 ? { link: links.join(', ') } : {},
  };
}

/** A list's page as the answer. */
export function listed<T>(call: Call, items: readonly T[], shape: (item: T) => unknown): Answer {
  const { items: shown, headers } = page(call, items);
  return { status: 200, headers, body: shown.map(shape) };
}
