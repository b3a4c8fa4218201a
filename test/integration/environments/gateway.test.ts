import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defaultEnvironment, EgressEntry, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { PATHS } from '../../../protocol/http.ts';
import type { Backend, Rooms } from '../../../server/backend.ts';
import type { NewEgressEntry } from '../../../server/environments/egress-log.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import {
  answerAtOnce,
  backend,
  client,
  finished,
  SHA,
  taskRequest,
  TOKEN,
  type TestClient,
} from '../gateway/harness.ts';

const ENTRIES = 1_203;
let running: Backend;
let one: TestClient;
/** Of turns with the prompt “wait”. */
let begun = Promise.withResolvers<{ turn: TurnContext; rooms: Rooms }>();

/** Of turns of the environment “tried”: whether each was a try. */
const setups: boolean[] = [];

before(async () => {
  running = await backend({
    runTurn: async (turn, rooms) => {
      if (turn.task.environment === 'tried') {
        setups.push(turn.onlySetup);
        if (setups.length === 1) throw new CodexError('setupFailed');
      }
      if (turn.prompt === 'surf')
        for (let at = 0; at < ENTRIES; at++) rooms.egressLog.append(asked(turn, at));
      if (turn.prompt === 'wait') {
        await turn.setState('running');
        begun.resolve({ turn, rooms });
        await new Promise((resolve) => turn.signal.addEventListener('abort', resolve));
        return;
      }
      await answerAtOnce(turn);
    },
  });
  one = await client(running.url);
});
after(async () => {
  one.close();
  await running.close();
});

const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

function asked({ task, turn }: TurnContext, at: number): NewEgressEntry {
  const where = { host: `h${at}.example`, port: 443, method: 'GET', address: null };
  const what = { verdict: 'denied', reason: 'notAllowed', bytesIn: 0, bytesOut: 0, durationMs: 1 } as const;
  return { taskId: task.id, turn, attempt: 1, at: Date.now(), phase: 'agent', ...where, ...what };
}

async function surfed(): Promise<string> {
  const { task } = await one.call('task.create', taskRequest({ prompt: 'surf' }));
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.event((event) => event.taskId === task.id && finished(event));
  return task.id;
}

const limited = (name: string, ...allow: string[]) => {
  const { internet } = defaultEnvironment();
  return { name, internet: { ...internet, agent: { ...internet.agent, access: 'on' as const, allow } } };
};

test('environments are made, listed, changed and deleted by clients', async () => {
  const { environment } = await one.call('environment.put', { environment: limited('web', 'a.example') });
  assert.equal(environment.updatedBy, 'owner');
  const { environments } = await one.call('environment.list', {});
  assert.deepEqual(
    environments.map(({ name }) => name),
    ['default', 'web'],
  );
  assert.deepEqual((await one.call('environment.get', { name: 'web' })).environment, environment);
  await assert.rejects(
    one.call('environment.put', { environment: limited('web', 'com') }),
    (error: unknown) => withCode('badPolicy')(error) && (error as CodexError).wire.params.entry === 'com',
  );
  await one.call('environment.delete', { name: 'web' });
  await assert.rejects(one.call('environment.get', { name: 'web' }), withCode('environmentUnknown'));
});

test('what is wrong with an environment is told by its place, also what no client of ours would send', async () => {
  const wrong = { ...limited('web'), image: 'Ubuntu', variables: { PATH: 'x' } };
  await assert.rejects(one.call('environment.put', { environment: wrong }), (error: unknown) => {
    assert.ok(error instanceof CodexError);
    const { name, where, problem } = error.wire.params;
    assert.deepEqual([error.code, name, where], ['badEnvironment', 'web', 'image']);
    assert.match(String(problem), /^is no image/);
    return true;
  });
  for (const environment of [[], { name: 'web' }, { ...limited('web'), setup: 5 }])
    await assert.rejects(
      one.call('environment.put', { environment: environment as never }),
      withCode('badEnvironment'),
    );
  await assert.rejects(one.call('environment.get', { name: 'web' }), withCode('environmentUnknown'));
});

test('every field is stored and listed; the next put is the whole record', async () => {
  const whole: Environment = {
    ...limited('whole'),
    image: 'universal',
    versions: { node: '22', python: '3.10' },
    variables: { A: '1', B: '' },
    workdir: 'packages/web',
    setup: 'npm ci\n',
    maintenance: '',
    commandTimeoutMs: 60_000,
    setupTimeoutMs: 120_000,
    setupForAsk: true,
    resources: { memoryBytes: 2 ** 31, cpus: 1.5, pids: 100, diskBytes: 2 ** 33 },
    cacheMs: 0,
    parkedMs: 0,
    allowSecretsIn: ['~/.npmrc'],
    approval: { policy: 'onRisk', allow: ['npm test'], deny: ['rm *'] },
  };
  await one.call('environment.put', { environment: whole });
  const { environments } = await one.call('environment.list', {});
  const listed = environments.find(({ name }) => name === 'whole');
  assert.ok(listed);
  const { updatedAt, updatedBy } = listed;
  assert.deepEqual(listed, { ...whole, updatedAt, updatedBy });
  await one.call('environment.put', { environment: limited('whole') });
  assert.equal((await one.call('environment.get', { name: 'whole' })).environment.image, undefined);
});

test('a try of an environment is a question that ends after the setup, and a retry of it is one too', async () => {
  await one.call('environment.put', { environment: limited('tried') });
  const repo = { repoId: 'abcdefgh', name: 'project', sha: SHA, includesLocal: false };
  await assert.rejects(
    one.call('environment.test', { requestId: 'try-00001', name: 'nope', repo }),
    withCode('environmentUnknown'),
  );
  await assert.rejects(
    one.call('environment.test', {
      requestId: 'try-00001',
      name: 'tried',
      repo: { ...repo, sha: 'b'.repeat(40) },
    }),
    withCode('commitMissing'),
  );
  setups.length = 0;
  const { task } = await one.call('environment.test', { requestId: 'try-00001', name: 'tried', repo });
  assert.deepEqual([task.title, task.mode, task.environment], ['Setup of tried', 'ask', 'tried']);
  const again = await one.call('environment.test', { requestId: 'try-00001', name: 'tried', repo });
  assert.equal(again.task.id, task.id);
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  const first = await one.event((event) => event.taskId === task.id && finished(event));
  await one.call('task.retry', { taskId: task.id });
  await one.event((event) => event.taskId === task.id && event.seq > first.seq && finished(event));
  await one.call('turn.create', { requestId: 'follow-up-2', taskId: task.id, prompt: 'And now?' });
  await one.event((event) => event.taskId === task.id && event.turn === 2 && finished(event));
  assert.deepEqual(setups, [true, true, false], 'a follow-up is an ordinary turn');
});

test('the default branch’s commit goes with the task when it is here, and is left out when it is not', async () => {
  const repo = { repoId: 'abcdefgh', name: 'project', sha: SHA, includesLocal: false };
  const create = async (requestId: string, defaultSha: string) =>
    (await one.call('task.create', taskRequest({ requestId, repo: { ...repo, defaultSha } }))).task.repo;
  assert.equal((await create('default-here', SHA)).defaultSha, SHA);
  assert.equal((await create('default-gone', 'b'.repeat(40))).defaultSha, undefined);

  const of = { name: 'project', remote: null, folder: 'folder', sha: SHA };
  assert.equal((await one.call('repo.resolve', of)).hasDefault, undefined);
  assert.equal((await one.call('repo.resolve', { ...of, defaultSha: SHA })).hasDefault, true);
  assert.equal((await one.call('repo.resolve', { ...of, defaultSha: 'b'.repeat(40) })).hasDefault, false);
});

test('a script of an environment file is approved for a repository that is there', async () => {
  const hash = 'c'.repeat(64);
  await one.call('environment.approveScript', { repoId: 'abcdefgh', hash });
  await assert.rejects(
    one.call('environment.approveScript', { repoId: 'zzzzzzzz', hash }),
    withCode('repoUnknown'),
  );
});

test('a task names an environment that is there, and keeps it from being deleted while it runs', async () => {
  await assert.rejects(
    one.call('task.create', taskRequest({ environment: 'nope' })),
    withCode('environmentUnknown'),
  );
  await one.call('environment.put', { environment: limited('held') });
  begun = Promise.withResolvers();
  const { task } = await one.call('task.create', taskRequest({ environment: 'held', prompt: 'wait' }));
  assert.equal(task.environment, 'held');
  const { turn } = await begun.promise;
  assert.equal(turn.task.environment, 'held');
  await assert.rejects(one.call('environment.delete', { name: 'held' }), withCode('environmentInUse'));
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.call('task.cancel', { taskId: task.id });
  await one.event((event) => event.taskId === task.id && finished(event));
  await one.call('environment.delete', { name: 'held' });
  // What would run without its policy does not run.
  await assert.rejects(one.call('task.retry', { taskId: task.id }), withCode('environmentUnknown'));
  await assert.rejects(
    one.call('turn.create', { requestId: 'follow-up-1', taskId: task.id, prompt: 'more' }),
    withCode('environmentUnknown'),
  );
});

test('allowing a domain reaches the running turn of that environment at once', async () => {
  begun = Promise.withResolvers();
  await one.call('environment.put', { environment: limited('open', 'a.example') });
  const { task } = await one.call('task.create', taskRequest({ environment: 'open', prompt: 'wait' }));
  const { rooms } = await begun.promise;
  const heard = Promise.withResolvers<string>();
  rooms.environments.onChange((name, { internet }) => {
    heard.resolve(`${name}: ${internet.agent.allow.join(' ')}`);
  });
  const { environment } = await one.call('policy.allow', { taskId: task.id, domain: 'b.example' });
  assert.deepEqual(environment.internet.agent.allow, ['a.example', 'b.example']);
  assert.equal(await heard.promise, 'open: a.example b.example');
  await assert.rejects(
    one.call('policy.allow', { taskId: task.id, domain: 'https://c.example' }),
    withCode('badPolicy'),
  );
  await assert.rejects(
    one.call('policy.allow', { taskId: 'zzzzzzzzzz', domain: 'c.example' }),
    withCode('notFound'),
  );
  await one.call('task.cancel', { taskId: task.id });
});

test('a task without an environment is the default one’s, whose access that turns on', async () => {
  const taskId = await surfed();
  const { environment } = await one.call('policy.allow', { taskId, domain: 'x.example' });
  assert.deepEqual(
    [environment.name, environment.internet.agent.access, environment.internet.agent.allow],
    ['default', 'on', ['x.example']],
  );
  await one.call('environment.delete', { name: 'default' });
});

test('the egress log comes in pages, and whole as JSON lines, of its task only', async () => {
  const [taskId, other] = [await surfed(), await surfed()];
  const first = await one.call('task.egress', { taskId });
  assert.deepEqual([first.entries.length, first.more], [200, true]);
  const second = await one.call('task.egress', {
    taskId,
    after: first.entries.at(-1)?.id ?? 0,
    limit: 1_000,
  });
  assert.deepEqual(
    [second.entries.length, second.entries[0]?.host, second.more],
    [1_000, 'h200.example', true],
  );

  const response = await fetch(`${running.url}${PATHS.egress(taskId)}`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  const lines = (await response.text()).trimEnd().split('\n');
  const entries = lines.map((line) => EgressEntry.parse(JSON.parse(line)));
  assert.deepEqual(
    entries.map(({ host }) => host),
    Array.from({ length: ENTRIES }, (_, at) => `h${at}.example`),
  );
  assert.ok(entries.every((entry) => entry.taskId === taskId));

  await one.call('task.delete', { taskId });
  await assert.rejects(one.call('task.egress', { taskId }), withCode('notFound'));
  assert.equal((await one.call('task.egress', { taskId: other })).entries.length, 200);
});

test('the export wants the token and a task that is there', async () => {
  const get = async (path: string, headers: Record<string, string>) =>
    (await fetch(`${running.url}${path}`, { headers })).status;
  const bearer = { authorization: `Bearer ${TOKEN}` };
  assert.equal(await get(PATHS.egress('zzzzzzzzzz'), {}), 401);
  assert.equal(await get(PATHS.egress('zzzzzzzzzz'), bearer), 404);
  assert.equal(await get(PATHS.egress('..%2f..'), bearer), 400);
});
