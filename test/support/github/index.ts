/**
 * A stand-in GitHub for tests, as a GitHub Enterprise Server on loopback: the API below `/api/v3`, real git at
 * `/<owner>/<name>.git`. What is asked and what is answered is held to GitHub's own OpenAPI description.
 *
 *   const github = await startGitHub();
 *   await github.addRepo('octocat/hello', { private: true, files: { 'a.txt': 'a\n' } });
 *   const token = github.addToken('octocat').value;
 *   // the client: forge host `github.host`, its API at `github.apiUrl`, git at `github.gitUrl('octocat/hello')`
 *   github.fault('POST /repos/{owner}/{repo}/pulls', { kind: 'cutAnswer', afterBytes: 0 });
 *   github.before('git receive-pack', () => github.expireTokens());
 *   …
 *   await github.close();
 *   github.assertNoProblems();   // each request and answer was one of GitHub's
 *
 * Routes are called by what the description calls them (`GET /repos/{owner}/{repo}/pulls`), git's
 * `git refs upload-pack`, `git upload-pack`, `git refs receive-pack`, `git receive-pack`; `api` and `git` are all
 * of a kind. Limits, accounts, repositories, reviews, checks: see `arrange.ts`; faults: `faults.ts`.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerApi } from './api.ts';
import { apps } from './apps.ts';
import { arrange, type Arrangement } from './arrange.ts';
import type { Armed, Fault, On, Times } from './faults.ts';
import { loadDescription } from './openapi.ts';
import { serve, type Before, type Logged, type Place } from './server.ts';
import { ofId } from './routes/call.ts';
import { emptyWorld, type World } from './state.ts';
import { webPages } from './web.ts';
import { webhooks } from './webhooks.ts';

export { bareCall, barePush } from './bare.ts';
export { garbage, rateLimit, secondaryRateLimit, status, type Armed, type Fault } from './faults.ts';
export type { Delivery, Payload } from './webhooks.ts';
export type { Logged } from './server.ts';
export type { App, Installation, Token } from './state.ts';

export interface StandIn extends Arrangement, ReturnType<typeof apps>, ReturnType<typeof webhooks> {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  /** `http://127.0.0.1:<port>/api/v3`. */
  readonly apiUrl: string;
  gitUrl(name: string): string;
  /** Of one of its repositories, bare: for looking at what was pushed. */
  gitDir(name: string): string;
  /** Small ones make a limit a test's subject. */
  readonly limits: World['limits'];
  /** Who uses the browser. */
  signedIn: string;

  fault(on: On, fault: Fault, times?: Times): Armed;
  /** Does this before the request is looked at; once, unless said. */
  before(on: On, what: Before, times?: Times): Armed;

  readonly requests: readonly Logged[];
  /** How often a route was asked for. */
  asked(route: string): number;
  /** Resolves with the next request for the route, before it is answered. */
  arrival(on: On): Promise<void>;
  /** What was asked or answered as GitHub does not have it. */
  readonly problems: readonly string[];
  assertNoProblems(): void;
  close(): Promise<void>;
}

const API_PATH = '/api/v3';

export async function startGitHub(): Promise<StandIn> {
  const description = await loadDescription();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codex-github-')));
  const problems: string[] = [];
  const problem = (text: string) => void problems.push(text);
  const place: Place = {
    apiPath: API_PATH,
    route(world, method, path) {
      const found = description.find(method, ofId(world, path));
      return (
        found && {
          name: found.operation.name,
          answer: (asked) => answerApi(world, description, { ...asked, found }, problem),
        }
      );
    },
    problem,
    page: () => false,
  };

  let world!: World;
  const served = await serve((port) => (world = emptyWorld(folder, port, API_PATH)), place);
  const arrangement = arrange(world);
  const making = apps(world, arrangement);
  const pages = webPages(world, arrangement, making, problem);

  const github: StandIn = {
    ...arrangement,
    ...making,
    ...webhooks(world, description, problem),
    host: new URL(world.url).host,
    url: world.url,
    apiUrl: world.apiUrl,
    gitUrl: (name) => `${world.url}/${name}.git`,
    gitDir: (name) => arrangement.repo(name).dir,
    limits: world.limits,
    signedIn: 'octocat',
    fault: (on, fault, times) => served.faults.add(on, fault, times),
    before: (on, what, times) => served.before.add(on, what, times),
    requests: served.requests,
    asked: (route) => served.requests.filter((one) => one.route === route).length,
    arrival: (on) => new Promise((resolve) => served.before.add(on, resolve)),
    problems,
    assertNoProblems() {
      if (problems.length > 0) throw new Error(`Not as GitHub has it:\n${problems.join('\n')}`);
    },
    async close() {
      await served.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
  place.page = (request, body, response) => pages(request, body, response, github.signedIn);
  return github;
}
