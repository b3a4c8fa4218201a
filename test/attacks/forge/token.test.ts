/**
 * A backend as a person starts one, with access to a forge given in each way there is, makes and updates a pull
 * request over a slow connection, and is refused. Everywhere that somebody could look the token is searched for:
 * processes while requests are under way, all files of the data folder, all that the backend prints and tells its
 * clients, and the sandbox.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import type { WireEvent } from '../../../protocol/events.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { atEnd, place, serve, type Place, type Served } from '../../faults/harness.ts';
import { git, gitAsync, write } from '../../support/git.ts';
import { startGitHub, status, type StandIn } from '../../support/github/index.ts';
import { filesWith, formsIn, newPlainValue } from '../secrets/oracle.ts';
import { makeRepository } from '../secrets/repository.ts';

const REPO = 'octocat/app';
const HUNT = '$ python3 hunt.py environ cmdline fd kept sockets env';
/** Large enough that a push goes on while processes are looked at. */
const LARGE = '$ head -c 20000000 /dev/urandom > large.bin';
const AUTHOR = { name: 'Ada', email: 'ada@example.com' };

type Way = 'a file' | 'the environment' | 'a client';

interface Scene {
  github: StandIn;
  token: string;
  backend: Served;
  one: BackendConnection;
  /** Every message of the backend to its client, as it came. */
  heard: string[];
  /** Where processes had it, by the request that was under way. */
  seen: string[];
  here: Place;
  folder: string;
}

for (const way of ['a file', 'the environment', 'a client'] satisfies Way[]) {
  describe(`a token that came by ${way}`, { timeout: 170_000 }, () => {
    test('is nowhere but at the forge', async () => {
      const scene = await open(way);
      const { github, token, backend, one, heard, here } = scene;
      const taskId = await run(scene, `${LARGE}\n${HUNT}`);
      const { preview } = await one.call('pullRequest.preview', { taskId, localChanges: 'leaveOut' });
      const { title, body, branch, base } = preview;
      const asked = { taskId, title, body, branch, base, author: AUTHOR, localChanges: 'leaveOut' } as const;

      // A forge that tells on what it was sent.
      const told = status(500, `Bearer ${token} https://x-access-token:${token}@${github.host}/`);
      github.fault('POST /repos/{owner}/{repo}/pulls', told);
      github.fault('git receive-pack', told);
      await assert.rejects(one.call('pullRequest.create', asked));
      await one.call('pullRequest.create', asked).catch(() => one.call('pullRequest.create', asked));
      await follow(scene, taskId, HUNT);
      await one.call('pullRequest.update', { taskId, author: AUTHOR });
      const { pullRequest } = await one.call('pullRequest.refresh', { taskId });
      assert.deepEqual([pullRequest.state, pullRequest.turn], ['open', 2]);
      github.expireTokens(token);
      await assert.rejects(one.call('pullRequest.refresh', { taskId }), /forgeUnauthorized/);

      assert.ok(github.asked('git receive-pack') >= 3);
      assert.deepEqual(scene.seen, [], 'no process has it in its arguments or its environment');
      assert.deepEqual(formsIn(heard.join('\n'), token), [], 'no client is told');
      assert.deepEqual(await filesWith(here.dataDir, token), [], 'no file of the data folder has it');
      assert.deepEqual(await filesWith(scene.folder, token), [], 'nor the person’s folder');
      backend.child.kill('SIGTERM');
      const { stdout, stderr } = await backend.ended;
      assert.deepEqual(formsIn(stdout + stderr, token), [], 'and it is not printed');
      assert.deepEqual(await filesWith(here.dataDir, token), [], 'nor left behind');
    });
  });
}

async function open(way: Way): Promise<Scene> {
  const github = await startGitHub();
  atEnd(() => github.close());
  const folder = makeRepository();
  await github.addRepo(REPO, { from: folder });
  const token = github.addToken('octocat', { value: newPlainValue(), scopes: ['repo', 'workflow'] }).value;
  const here = place();
  mkdirSync(here.dataDir, { recursive: true });
  const env: Record<string, string> = {};
  if (way !== 'a client') {
    const tokenFile = here.at('forge-token');
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    if (way === 'the environment') env['COMPANY_FORGE'] = token;
    const from = way === 'a file' ? { file: tokenFile } : { env: 'COMPANY_FORGE' };
    write(here.dataDir, 'config.yaml', JSON.stringify({ forges: { [github.host]: { token: from } } }));
  }
  // Before the backend, so that it is done after that has ended.
  atEnd(async () => {
    const driver = createDriver({ kind: 'docker', dataDir: here.dataDir });
    for (const { name } of await driver.list()) await driver.remove(name);
    await driver.close?.();
  });
  const backend = await serve(here, ['--port', '0', '--scripted-model'], env);
  const heard: string[] = [];
  const one = connect({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'token', version: '0' },
    openSocket: (url, headers, events) =>
      nodeSocket()(url, headers, {
        ...events,
        onMessage: (text) => {
          heard.push(text);
          events.onMessage(text);
        },
      }),
  });
  atEnd(() => one.close());
  if (way === 'a client') await one.call('forge.connect', { host: github.host, token });
  const seen: string[] = [];
  github.before(
    /./,
    () => seen.push(...processesWith(token, way === 'the environment' ? backend.child.pid : undefined)),
    { times: Infinity },
  );
  return { github, token, backend, one, heard, seen, here, folder };
}

async function run(scene: Scene, prompt: string): Promise<string> {
  const { one, backend, folder, github } = scene;
  const sha = git(folder, ['rev-parse', 'HEAD']);
  const of = { name: 'app', remote: github.gitUrl(REPO), folder, sha };
  const { repoId, pushPath } = await one.call('repo.resolve', of);
  const config = ['-c', `http.extraHeader=Authorization: Bearer ${backend.token}`];
  await gitAsync(folder, [
    ...config,
    'push',
    '-q',
    `${backend.url}${pushPath}`,
    `HEAD:refs/codex/in/${randomUUID()}`,
  ]);
  const repo = { repoId, name: 'app', sha, branch: 'main', includesLocal: false };
  const { task } = await one.call('task.create', { requestId: randomUUID(), prompt, mode: 'code', repo });
  await ended(scene, task.id, 1);
  return task.id;
}

async function follow(scene: Scene, taskId: string, prompt: string): Promise<void> {
  const { turn } = await scene.one.call('turn.create', { requestId: randomUUID(), taskId, prompt });
  await ended(scene, taskId, turn);
}

/** With nothing found by who looked for it in the sandbox. */
async function ended({ one }: Scene, taskId: string, turn: number): Promise<void> {
  const events = await new Promise<WireEvent[]>((resolve, reject) => {
    const all: WireEvent[] = [];
    const stop = one.follow(taskId, 0, {
      onEvents: (more) => {
        all.push(...more);
        if (!more.some((event) => event.code === 'turn.finished' && event.turn === turn)) return;
        stop();
        resolve(all.filter((event) => event.turn === turn));
      },
      onError: ({ code }) => reject(new Error(code)),
    });
  });
  const last = events.at(-1);
  assert.equal(last?.params['state'], 'completed', JSON.stringify(last));
  const printed = events
    .filter(({ code }) => code === 'output')
    .map(({ params }) => String(params['text']))
    .join('');
  const found = [...printed.matchAll(/^(\w+): (\d+)$/gm)];
  assert.ok(found.length >= 6, printed);
  for (const [line, , count] of found) assert.equal(count, '0', line);
}

function processesWith(token: string, butEnvironmentOf: number | undefined): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) =>
      ['cmdline', 'environ'].flatMap((file) => {
        if (file === 'environ' && Number(pid) === butEnvironmentOf) return [];
        try {
          const forms = formsIn(readFileSync(join('/proc', pid, file)), token);
          return forms.map((form) => `${pid} ${file}: ${form}`);
        } catch {
          // Ended meanwhile.
          return [];
        }
      }),
    );
}
