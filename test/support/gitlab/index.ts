/**
 * A stand-in GitLab for tests, on loopback: its API below `/api/v4`, real git at `/<group>/<name>.git`. What it
 * keeps, git over HTTP and faults are the stand-in GitHub's (`../github`); here is only the face of GitLab. It is
 * held to no description, since GitLab's has no shapes of these answers.
 *
 * Routes are called `GET /projects/:id/merge_requests/:iid`, git's as there. Merge requests and issues are numbered
 * each by themselves; `numberOf` leads to what the arrangements want.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arrange, type Arrangement } from '../github/arrange.ts';
import type { Armed, Fault, On, Times } from '../github/faults.ts';
import { serve, type Logged } from '../github/server.ts';
import { emptyWorld, type World } from '../github/state.ts';
import { answerOf, routeOf } from './api.ts';
import { numberedAs, type Kind } from './shapes.ts';

export interface GitLabStandIn extends Arrangement {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  /** `http://127.0.0.1:<port>/api/v4`. */
  readonly apiUrl: string;
  gitUrl(name: string): string;
  /** Of a merge request's or an issue's own number, the one that the arrangement knows it by; and back. */
  numberOf(name: string, kind: Kind, iid: number): number;
  iidOf(name: string, number: number): number;
  fault(on: On, fault: Fault, times?: Times): Armed;
  readonly requests: readonly Logged[];
  assertNoProblems(): void;
  close(): Promise<void>;
}

const API_PATH = '/api/v4';

export async function startGitLab(): Promise<GitLabStandIn> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codex-gitlab-')));
  const problems: string[] = [];
  const problem = (text: string) => void problems.push(text);
  let world!: World;
  const served = await serve((port) => (world = emptyWorld(folder, port, API_PATH)), {
    apiPath: API_PATH,
    route(_world, method, path) {
      const route = routeOf(method, path);
      return route && { name: route.name, answer: (asked) => answerOf(world, route, asked, problem) };
    },
    problem,
    page: () => false,
  });
  const arrangement = arrange(world);
  return {
    ...arrangement,
    host: new URL(world.url).host,
    url: world.url,
    apiUrl: world.apiUrl,
    gitUrl: (name) => `${world.url}/${name}.git`,
    numberOf: (name, kind, iid) => numberedAs(arrangement.repo(name), kind)[iid - 1]?.number ?? 0,
    iidOf(name, number) {
      const { issues } = arrangement.repo(name);
      const kind = issues[number - 1]?.pull ? 'merge_requests' : 'issues';
      return numberedAs(arrangement.repo(name), kind).findIndex((one) => one.number === number) + 1;
    },
    fault: (on, fault, times) => served.faults.add(on, fault, times),
    requests: served.requests,
    assertNoProblems() {
      if (problems.length > 0) throw new Error(`Not as GitLab has it:\n${problems.join('\n')}`);
    },
    async close() {
      await served.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}
