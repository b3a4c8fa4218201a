/** One turn through everything but the database: real Docker, real git, the scripted model's real wire. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { DEFAULT_AGENT_ACCESS } from '../../../protocol/egress.ts';
import { openInternetProxy } from '../../../server/internet.ts';
import { createModelClient } from '../../../server/model/client.ts';
import { DEMO_FILES, DEMO_PROMPT } from '../../../server/model/scripted/demo-repo.ts';
import { DEMO_SCRIPT } from '../../../server/model/scripted/scripts/demo.ts';
import { startScriptedModel, type ScriptedModel } from '../../../server/model/scripted/server.ts';
import { createRunTurn } from '../../../server/pipeline/index.ts';
import { openRepos } from '../../../server/repos/store.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { memoryRooms } from './memory-rooms.ts';
import { memoryTask, memoryTurn, type MemoryTask } from './memory-turn.ts';

const dataDir = temporaryFolder('pipeline-data');
const folder = temporaryFolder('pipeline-repo');
const driver = createDriver({ kind: 'docker', dataDir });
const tasks: MemoryTask[] = [];
let repos: Repos;
let model: ScriptedModel;
let runTurn: (turn: TurnContext) => Promise<void>;
const memory = memoryRooms();
/** How many packs break off half way from now on. */
let cuts = 0;

before(async () => {
  repos = await openRepos({ dataDir });
  model = await startScriptedModel({ script: DEMO_SCRIPT });
  const run = createRunTurn({
    driver,
    repos: cutting(repos),
    proxy: await openInternetProxy({
      dataDir,
      owner: { allowPrivate: [{ host: 'localhost.test', cidr: '127.0.0.0/8' }], intercept: 'whenNeeded' },
      resolve: async () => ['127.0.0.1'],
    }),
    modelFor: () => createModelClient({ name: 'scripted', apiKey: 'none', baseUrl: model.url }),
  });
  runTurn = (turn) => run(turn, memory.rooms);
  initRepository(folder);
  for (const [path, content] of Object.entries(DEMO_FILES)) write(folder, path, content);
  commitAll(folder);
});

after(async () => {
  await model.close();
  const ids = new Set(tasks.map((task) => task.id));
  for (const ref of await driver.list()) if (ids.has(ref.taskId)) await driver.remove(ref.name);
  removeFolder(dataDir);
  removeFolder(folder);
});

function cutting(whole: Repos): Repos {
  const takeResult: Repos['takeResult'] = (repoId, result) => {
    if (cuts-- > 0) result.pack.destroy(new Error('the door broke'));
    return whole.takeResult(repoId, result);
  };
  return new Proxy(whole, {
    get(repos, name) {
      if (name === 'takeResult') return takeResult;
      const member: unknown = Reflect.get(repos, name);
      return typeof member === 'function' ? (member.bind(repos) as unknown) : member;
    },
  });
}

async function newTask(): Promise<MemoryTask> {
  const repoId = await repos.resolve({ name: 'sums', remote: null, folder });
  const sha = git(folder, ['rev-parse', 'HEAD']).trim();
  git(folder, [
    'push',
    '-q',
    join(dataDir, 'repos', `${repoId}.git`),
    `${sha}:refs/codex/in/${randomUUID()}`,
  ]);
  const id = randomUUID().replaceAll('-', '').slice(0, 20);
  const task = memoryTask(id, { repoId, name: 'sums', sha, branch: 'main', includesLocal: false });
  tasks.push(task);
  return task;
}

function outputOf(task: MemoryTask): string {
  return task.events.map((event) => (event.code === 'output' ? event.params.text : '')).join('');
}

test('a result that breaks off on its way is taken again, and not for ever', async () => {
  const task = await newTask();
  const first = memoryTurn(task, { turn: 1, prompt: '$ echo 1 > one.txt' });
  cuts = 2;
  await runTurn(first.context);
  assert.deepEqual(
    task.results.get(1)?.files.map((file) => file.path.path),
    ['one.txt'],
  );
  const second = memoryTurn(task, { turn: 2, prompt: '$ echo 2 > two.txt' });
  cuts = 99;
  await assert.rejects(runTurn(second.context), { code: 'resultUnreadable' });
  assert.equal(cuts, 96);
  cuts = 0;
});

test('a code task ends with a patch that has the fix and a binary file', async () => {
  const task = await newTask();
  const turn = memoryTurn(task, { turn: 1, prompt: DEMO_PROMPT });
  await runTurn(turn.context);
  assert.deepEqual(turn.states, ['preparing', 'running', 'completed']);
  const result = task.results.get(1);
  assert.ok(result);
  assert.deepEqual(result.files.map((file) => file.path.path).sort(), ['assets/logo.png', 'src/sum.mjs']);
  assert.ok(result.patch.includes('GIT binary patch'));
  assert.deepEqual(
    task.events.filter((event) => event.code === 'phase.finished').map((event) => event.params),
    ['checkout', 'agent', 'patch'].map((phase) => ({
      phase,
      outcome: 'ok',
      durationMs: (
        task.events.find((e) => e.code === 'phase.finished' && e.params.phase === phase)?.params as {
          durationMs: number;
        }
      ).durationMs,
    })),
  );
  assert.match(outputOf(task), /fail 1\n[^]*fail 0\n/);
  assert.deepEqual(model.problems, []);
});

test('a follow-up starts from the newest state, in the same sandbox and in a new one', async () => {
  const task = await newTask();
  await runTurn(memoryTurn(task, { turn: 1, prompt: '$ echo one > one.txt; touch /tmp/installed' }).context);
  await runTurn(
    memoryTurn(task, { turn: 2, prompt: '$ cat one.txt; ls /tmp/installed; echo two > two.txt' }).context,
  );
  assert.match(outputOf(task), /one\n\/tmp\/installed\n/);
  for (const ref of await driver.list()) if (ref.taskId === task.id) await driver.remove(ref.name);
  await runTurn(memoryTurn(task, { turn: 3, prompt: '$ cat one.txt two.txt; git status --short' }).context);
  assert.match(outputOf(task), /one\ntwo\n\?\? one.txt\n\?\? two.txt\n$/);
  assert.deepEqual(
    task.results.get(3)?.files.map((file) => file.path.path),
    ['one.txt', 'two.txt'],
  );
});

test('ask mode leaves no result, and what it wrote is gone at the next turn', async () => {
  const task = await newTask();
  await runTurn(memoryTurn(task, { turn: 1, mode: 'ask', prompt: '$ echo junk > junk.txt' }).context);
  assert.equal(task.results.size, 0);
  await runTurn(memoryTurn(task, { turn: 2, prompt: '$ ls' }).context);
  assert.deepEqual(task.results.get(2)?.files, []);
});

test('a command that kills the runner is interrupted, the files are kept and the turn goes on', async () => {
  const task = await newTask();
  const turn = memoryTurn(task, {
    turn: 1,
    prompt: '$ echo kept > kept.txt; pkill -9 -f runner.cjs; sleep 60\n$ cat kept.txt',
  });
  await runTurn(turn.context);
  assert.equal(turn.states.at(-1), 'completed');
  assert.equal(task.events.filter((event) => event.code === 'sandbox.lost').length, 1);
  assert.deepEqual(
    task.results.get(1)?.files.map((file) => file.path.path),
    ['kept.txt'],
  );
});

test('an agent that keeps killing its runner ends the turn, not the backend', async () => {
  const task = await newTask();
  const kill = '$ pkill -9 -f runner.cjs; sleep 60';
  const turn = memoryTurn(task, { turn: 1, prompt: Array(6).fill(kill).join('\n') });
  await assert.rejects(
    async () => runTurn(turn.context),
    (error) => error instanceof CodexError && error.code === 'sandboxLost',
  );
});

test('a cancelled turn answers within a second and hands back what is there', async () => {
  const task = await newTask();
  const turn = memoryTurn(task, { turn: 1, prompt: '$ echo partial > partial.txt\n$ sleep 300' });
  const running = runTurn(turn.context).catch((error: unknown) => error);
  while (
    !task.events.some(
      (e) =>
        e.code === 'item.started' &&
        e.params.item.type === 'command' &&
        e.params.item.command.includes('sleep 300'),
    )
  ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const at = performance.now();
  turn.stop.abort('cancelled');
  const error = await running;
  assert.ok(error instanceof CodexError && error.code === 'cancelled');
  assert.ok(performance.now() - at < 20_000, `${performance.now() - at} ms`);
  assert.deepEqual(
    task.results.get(1)?.files.map((file) => file.path.path),
    ['partial.txt'],
  );
});

test('no key of the model, no token and nothing of the backend is in the sandbox', async () => {
  const task = await newTask();
  process.env['OPENAI_API_KEY'] = 'sk-must-not-be-seen';
  try {
    const prompt = '$ env; cat /proc/*/environ /proc/*/cmdline | tr "\\0" "\\n"; cat .git/config';
    await runTurn(memoryTurn(task, { turn: 1, prompt }).context);
  } finally {
    delete process.env['OPENAI_API_KEY'];
  }
  assert.match(outputOf(task), /PATH=/);
  assert.doesNotMatch(outputOf(task), /sk-must-not-be-seen|OPENAI|CODEX_SERVER|Bearer|DATABASE_URL/);
});

test('with access off nothing listens, and no variable names a proxy', async () => {
  const task = await newTask();
  const prompt =
    '$ env | grep -i proxy=; curl -sS --max-time 5 -x http://proxy:8080 http://example.com 2>&1; true';
  await runTurn(memoryTurn(task, { turn: 1, prompt }).context);
  assert.match(outputOf(task), /Connection refused|Failed to connect|Could not connect/i);
  assert.doesNotMatch(outputOf(task), /http_proxy=/i);
  assert.deepEqual(
    task.events.flatMap((event) => (event.code === 'policy.changed' ? [event.params] : [])),
    [{ access: 'off', phase: 'agent' }],
  );
});

test('what is allowed is reached through the proxy, what is not is refused, told once and logged', async () => {
  const upstream = createServer((_request, response) => response.end('from the outside\n'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  memory.setAgentAccess({ ...DEFAULT_AGENT_ACCESS, access: 'on', allow: [`localhost.test:${port}`] });
  try {
    const task = await newTask();
    memory.entries.length = 0;
    const prompt = `$ curl -sS http://localhost.test:${port}/; for n in 1 2; do curl -sS http://other.test/; done; echo; test -s "$SSL_CERT_FILE" && grep -c BEGIN "$CODEX_PROXY_CERT"`;
    await runTurn(memoryTurn(task, { turn: 1, prompt }).context);
    assert.match(outputOf(task), /from the outside\n/);
    assert.match(outputOf(task), /not in the environment|notAllowed/);
    assert.match(outputOf(task), /\n1\n$/);
    assert.deepEqual(
      task.events.flatMap((event) => (event.code === 'policy.denied' ? [event.params] : [])),
      [{ host: 'other.test', port: 80, method: 'GET', reason: 'notAllowed', domain: 'other.test' }],
    );
    assert.deepEqual(
      memory.entries.map(({ host, verdict }) => [host, verdict]),
      [
        ['localhost.test', 'allowed'],
        ['other.test', 'denied'],
        ['other.test', 'denied'],
      ],
    );
  } finally {
    memory.setAgentAccess(DEFAULT_AGENT_ACCESS);
    upstream.close();
    upstream.closeAllConnections();
  }
});

test('a policy that is withdrawn while a command runs cuts its connection at once', async () => {
  let reached: () => void = () => {};
  const asked = new Promise<void>((resolve) => (reached = resolve));
  const upstream = createServer((_request, response) => {
    response.write('the beginning\n');
    reached();
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  memory.setAgentAccess({ ...DEFAULT_AGENT_ACCESS, access: 'on', allow: [`localhost.test:${port}`] });
  try {
    const task = await newTask();
    const prompt = `$ curl -sSN --max-time 60 http://localhost.test:${port}/; echo "ended with $?"\n$ env | grep -c http_proxy=; curl -sS --max-time 5 http://proxy:8080; echo "then $?"`;
    const running = runTurn(memoryTurn(task, { turn: 1, prompt }).context);
    await asked;
    const at = performance.now();
    memory.setAgentAccess(DEFAULT_AGENT_ACCESS);
    await running;
    assert.ok(performance.now() - at < 20_000, 'the command was cut, not timed out');
    assert.match(outputOf(task), /ended with (18|52|56)\n0\n[^]*then 7\n/);
    assert.deepEqual(
      task.events.flatMap((event) => (event.code === 'policy.changed' ? [event.params.access] : [])),
      ['limited', 'off'],
    );
  } finally {
    memory.setAgentAccess(DEFAULT_AGENT_ACCESS);
    upstream.close();
    upstream.closeAllConnections();
  }
});
