/**
 * The server: which route a request is for, what a test wants to happen before it and instead of it, then the
 * API or git. Everything is logged, nothing of it with a credential.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { makePlan, type Fault, type Plan } from './faults.ts';
import { gitRequestOf, serveGit, whole } from './git-http.ts';
import { followBranches } from './pulls.ts';
import { bodyOf, send, type Cut } from './send.ts';
import type { World } from './state.ts';

export interface Logged {
  method: string;
  /** `POST /repos/{owner}/{repo}/pulls`, `git receive-pack`, `git refs upload-pack`, …, or `unknown`. */
  route: string;
  path: string;
  query: string;
  /** 0: none was sent, or not all of it. */
  status: number;
  conditional: boolean;
  at: number;
  tookMs: number;
}

export type Before = () => unknown;

export interface Served {
  faults: Plan<Fault>;
  before: Plan<Before>;
  requests: Logged[];
  close(): Promise<void>;
}

export interface Asked {
  method: string;
  /** Below the API's address. */
  url: URL;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Place {
  apiPath: string;
  /** Null: it has no such route. */
  route: (world: World, method: string, path: string) => ApiRoute | null;
  problem: (text: string) => void;
  /** What a browser asks for; false: nothing. */
  page: (request: IncomingMessage, body: Buffer, response: ServerResponse) => boolean;
}

export interface ApiRoute {
  name: string;
  answer: (asked: Asked) => Promise<Outcome>;
}

/** `makeWorld` is given the port, since addresses stand in answers. */
export async function serve(makeWorld: (port: number) => World, place: Place): Promise<Served> {
  const faults = makePlan<Fault>();
  const before = makePlan<Before>();
  const requests: Logged[] = [];
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const world = makeWorld(port);
  server.on('request', (request, response) => {
    const entry: Logged = {
      method: request.method ?? '',
      route: 'unknown',
      path: '',
      query: '',
      status: 0,
      conditional: request.headers['if-none-match'] !== undefined,
      at: Date.now(),
      tookMs: 0,
    };
    requests.push(entry);
    const started = performance.now();
    handle({ world, place, faults, before, request, response, entry })
      .catch((thrown: unknown) => {
        place.problem(`${entry.route}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        response.destroy();
      })
      .finally(() => void (entry.tookMs = performance.now() - started));
  });
  return {
    faults,
    before,
    requests,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Handling {
  world: World;
  place: Place;
  faults: Plan<Fault>;
  before: Plan<Before>;
  request: IncomingMessage;
  response: ServerResponse;
  entry: Logged;
}

export interface Outcome {
  status: number;
  headers: Record<string, string>;
  body: Buffer | Awaited<ReturnType<typeof serveGit>>['body'];
}

async function handle(handling: Handling): Promise<void> {
  const { world, place, request, response, entry } = handling;
  const { method = '' } = request;
  const url = new URL(request.url ?? '/', world.url);
  entry.path = url.pathname;
  entry.query = url.search.slice(1);

  const asked = gitRequestOf(method, url);
  const { apiPath } = place;
  const below = url.pathname.startsWith(`${apiPath}/`) ? url.pathname.slice(apiPath.length) : null;
  const found = below === null ? null : place.route(world, method, below);
  entry.route = asked?.route ?? found?.name ?? 'unknown';

  for (const { what, hit } of handling.before.due(entry.route)) {
    hit();
    await what();
  }
  const due = handling.faults.due(entry.route);
  const cut = due.find(({ what }) => what.kind === 'cutRequest');
  const body = bodyOf(
    request,
    cut?.what.kind === 'cutRequest' ? { afterBytes: cut.what.afterBytes, hit: cut.hit } : null,
  );

  const work = async (): Promise<Outcome> => {
    if (asked) {
      const answer = await serveGit(world, asked, request, body);
      // Now, so that nobody is told of a pull request that was open before.
      if (asked.route === 'git receive-pack') {
        for (const repo of world.repos) await followBranches(world, repo);
      }
      return answer;
    }
    const bytes = await whole(body);
    if (found && below !== null) {
      const apiUrl = new URL(`${below}${url.search}`, world.url);
      return found.answer({ method, url: apiUrl, headers: request.headers, body: bytes });
    }
    if (below === null && place.page(request, bytes, response))
      return { status: -1, headers: {}, body: bytes };
    place.problem(`The forge, or the part of it that is served here, has no ${method} ${url.pathname}`);
    return {
      status: 404,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: Buffer.from(
        JSON.stringify({
          message: 'Not Found',
          documentation_url: 'https://docs.github.com/rest',
          status: '404',
        }),
      ),
    };
  };
  await underFaults(handling, due, body, work);
}

async function underFaults(
  { response, entry }: Handling,
  due: { what: Fault; hit: () => void }[],
  body: Readable,
  work: () => Promise<Outcome>,
): Promise<void> {
  let cut: Cut | null = null;
  let instead: Outcome | null = null;
  let worked = true;
  let silent = false;
  for (const { what, hit } of due) {
    switch (what.kind) {
      case 'cutRequest':
        continue;
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, what.ms));
        break;
      case 'cutAnswer':
        cut = { afterBytes: what.afterBytes, hit };
        continue;
      case 'silence':
        silent = true;
        worked = what.worked ?? false;
        break;
      case 'answer':
        worked = what.worked ?? false;
        instead = otherAnswer(what);
        break;
    }
    hit();
  }
  let outcome = instead;
  if (worked) {
    const done = await work().catch((thrown: unknown) => {
      // The request was cut, by a fault or by the client: there is nobody to answer.
      if (body.destroyed && !body.readableEnded) return null;
      throw thrown;
    });
    if (done === null || done.status === -1) return;
    if (instead || silent) await whole(done.body);
    outcome = instead ?? done;
  } else {
    body.resume();
  }
  if (silent || outcome === null) return;
  const sent = await send(response, outcome.status, outcome.headers, outcome.body, cut);
  if (sent) entry.status = outcome.status;
}

function otherAnswer({ status, headers = {}, body }: Extract<Fault, { kind: 'answer' }>): Outcome {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: Buffer.isBuffer(body) ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body)),
  };
}
