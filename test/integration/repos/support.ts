/** A store in a folder of its own, reachable over real HTTP as clients reach it. */
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { openRepos, type ReposOptions } from '../../../server/repos/store.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import { removeFolder, temporaryFolder } from '../../support/git.ts';

export interface TestStore {
  dir: string;
  dataDir: string;
  repos: Repos;
  /** `http://127.0.0.1:PORT/git/<repoId>.git` */
  url(repoId: string): string;
  /** An address at which a task's own repository is served, connection by connection. */
  originUrl(taskId: string): Promise<string>;
  repoDir(repoId: string): string;
  originDir(taskId: string): string;
  close(): Promise<void>;
}

export async function openTestStore(options: Omit<ReposOptions, 'dataDir'> = {}): Promise<TestStore> {
  const dir = temporaryFolder('codex-repos');
  const dataDir = join(dir, 'data');
  const repos = await openRepos({ dataDir, ...options });
  const servers: Server[] = [];
  const http = createServer((request, response) => {
    const match = /^\/git\/([^/]+)\.git(.*)$/.exec(request.url ?? '');
    if (!match) {
      response.writeHead(404).end();
      return;
    }
    void repos.handleHttp(match[1] ?? '', match[2] ?? '', request, response);
  });
  const port = await listen(http);
  servers.push(http);
  return {
    dir,
    dataDir,
    repos,
    url: (repoId) => `http://127.0.0.1:${port}/git/${repoId}.git`,
    async originUrl(taskId) {
      // What the sandbox's runner does: every connection becomes a stream to the backend.
      const tcp = createTcpServer((socket) => repos.serveOrigin(taskId, socket));
      servers.push(tcp);
      return `http://127.0.0.1:${await listen(tcp)}/project.git`;
    },
    repoDir: (repoId) => join(dataDir, 'repos', `${repoId}.git`),
    originDir: (taskId) => join(dataDir, 'origins', `${taskId}.git`),
    async close() {
      http.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
      removeFolder(dir);
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}
