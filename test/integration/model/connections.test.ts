/**
 * Two servers as two model connections of one backend: who decides which one is asked, what each of them
 * is sent, and that no key and no header is anywhere else.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, writeFile, mkdir } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeDemoRepository } from '../../../cli/demo/repository.ts';
import { defaultEnvironment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { knownEvent, type WireEvent } from '../../../protocol/events.ts';
import type { RepoAtCommit } from '../../../protocol/rpc.ts';
import type { Effort } from '../../../protocol/states.ts';
import { DEMO_SCRIPT } from '../../../server/model/scripted/scripts/demo.ts';
import { startScriptedModel, type ScriptedModel } from '../../../server/model/scripted/server.ts';
import { codexTasks, dataFolder, jsonLines, lineOf, temporary, type Running } from '../cli/command-line.ts';
import { client, TOKEN, type TestClient } from '../gateway/harness.ts';

/** Every value that must be nowhere begins with it. */
const NEEDLE = 'needle-';
const KEYS = { east: `${NEEDLE}east-key-0815`, west: `${NEEDLE}west-key-4711` };
const TEAM = `${NEEDLE}east-team`;
const GATEWAY = `${NEEDLE}west-gateway-1234`;

interface Recorded {
  model: ScriptedModel;
  url: string;
  headers: IncomingHttpHeaders[];
  /** The models that requests named, since it was asked last. */
  asked(): unknown[];
  close(): Promise<void>;
}

/** A scripted model behind a server that writes down the headers, and echoes them where it refuses. */
async function record(apiKey: string): Promise<Recorded> {
  const model = await startScriptedModel({ script: DEMO_SCRIPT, apiKey });
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((incoming, response) => {
    headers.push(incoming.headers);
    const { method, url = '', headers: sent } = incoming;
    if (url.endsWith('/models') && sent['x-gateway'] !== undefined) {
      response.writeHead(418, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: `Not with ${JSON.stringify(sent)}`, code: 'nope' } }));
      return;
    }
    const onward = httpRequest({ port: model.port, method, path: url, headers: sent }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  let seen = 0;
  return {
    model,
    headers,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked() {
      const bodies = model.requests.slice(seen).map(({ body }) => (body as { model: unknown }).model);
      seen = model.requests.length;
      return [...new Set(bodies)];
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await model.close();
    },
  };
}

let dataDir: string;
let folder: string;
let repo: RepoAtCommit;
let east: Recorded;
let west: Recorded;
let serve: Running;
let url: string;
let person: TestClient;
/** Everything that anybody was told. */
const told: string[] = [];
const cleanUps: (() => Promise<void>)[] = [];

const config = (connections: string) => `log: debug
models:
  default: alpha
  connections:
${connections}`;
const eastConfig = () => `    east:
      baseUrl: ${east.url}
      key: { env: EAST_KEY }
      organization: org_east
      project: proj_east
      headers: { X-Group: { env: EAST_TEAM } }
      models:
        - { name: alpha, windowTokens: 50000, prices: { inputPerMillion: 3, outputPerMillion: 8 } }
        - both
`;
const westConfig = () => `    west:
      baseUrl: ${west.url}
      key: { file: ../west.key }
      headers: { X-Gateway: ${GATEWAY} }
      models: [beta, both]
`;

async function startBackend(): Promise<void> {
  const variables = { EAST_KEY: KEYS.east, EAST_TEAM: TEAM, CODEX_SERVER_TOKEN: TOKEN };
  serve = codexTasks(['serve', '--port', '0', '--data', dataDir, '--sandbox', 'local'], variables);
  const line = await lineOf(serve, (one) => one.includes('listens on'));
  url = /http:\S+/.exec(line)?.[0] ?? '';
  person = await client(url);
  person.ws.on('message', (data: Buffer) => void told.push(data.toString('utf8')));
}

async function endBackend(signal: NodeJS.Signals): Promise<void> {
  person.close();
  serve.child.kill(signal);
  const { stdout, stderr } = await serve.ended;
  assert.ok(signal === 'SIGKILL' || stderr.includes('listening'), 'its log was looked at');
  told.push(stdout, stderr);
}

/** As a person runs it, against this backend. */
async function command(...args: string[]) {
  const ended = await codexTasks(args, { CODEX_SERVER_URL: url, CODEX_SERVER_TOKEN: TOKEN }).ended;
  told.push(ended.stdout, ended.stderr);
  return ended;
}

type Asked = { model?: string; effort?: Effort };

/** The model and effort that a turn was run with. */
async function endOf(taskId: string, turn: number) {
  await person.call('task.subscribe', { taskId, after: 0 });
  const isOf = (code: string) => (event: WireEvent) =>
    event.taskId === taskId && event.turn === turn && event.code === code;
  const { params } = await person.event(isOf('turn.finished'));
  const applied = person.events.findLast(isOf('environment.applied'))?.params ?? {};
  return { state: params['state'], error: params['error'], held: [applied['model'], applied['effort']] };
}

let requests = 0;
const requestId = () => `request-of-models-${++requests}`;

async function task(prompt: string, of: Asked & { environment?: string }): Promise<string> {
  const created = await person.call('task.create', {
    requestId: requestId(),
    prompt,
    mode: 'ask',
    repo,
    ...of,
  });
  return created.task.id;
}

async function followUp(taskId: string, of: Asked) {
  const { turn } = await person.call('turn.create', {
    requestId: requestId(),
    taskId,
    prompt: '$ echo more',
    ...of,
  });
  const { state, held } = await endOf(taskId, turn);
  assert.equal(state, 'completed');
  return held;
}

const effortSent = ({ model }: Recorded) =>
  (model.requests.at(-1)?.body as { reasoning?: { effort?: string } }).reasoning?.effort;

const outputOf = (taskId: string) =>
  person.events
    .map((event) => (event.taskId === taskId && event.code === 'output' ? String(event.params['text']) : ''))
    .join('');

before(async () => {
  const lifetime = { after: (fn: () => Promise<void>) => void cleanUps.push(fn) };
  dataDir = await dataFolder(lifetime);
  folder = join(await temporary(lifetime), 'sums');
  await makeDemoRepository(folder);
  [east, west] = await Promise.all([record(KEYS.east), record(KEYS.west)]);
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, '../west.key'), `${KEYS.west}\n`, { mode: 0o600 });
  await writeFile(join(dataDir, 'config.yaml'), config(eastConfig() + westConfig()));
  await startBackend();
});
after(async () => {
  serve.child.kill('SIGTERM');
  await serve.ended;
  for (const cleanUp of cleanUps) await cleanUp();
  await Promise.all([east.close(), west.close()]);
});

let taskId: string;

test('a task asks for a model by name on the command line, with an effort', async () => {
  const args = ['--mode', 'ask', '--model', 'east/both', '--effort', 'high', '$ echo hello'];
  const ended = await command('run', '--repo', folder, '--json', ...args);
  assert.equal(ended.code, 0, ended.stderr);
  taskId = jsonLines(ended.stdout).result.taskId ?? '';
  assert.deepEqual((await endOf(taskId, 1)).held, ['east/both', 'high']);
  const view = (await person.call('task.get', { taskId })).task;
  assert.deepEqual([view.model, view.effort], ['east/both', 'high']);
  assert.equal(effortSent(east), 'high');
  repo = view.repo;
  assert.deepEqual([east.asked(), west.asked()], [['both'], []]);
});

test('its follow-ups have the model too, unless they ask for another one for themselves', async () => {
  assert.deepEqual(await followUp(taskId, { model: 'west/both' }), ['west/both', undefined]);
  assert.deepEqual([east.asked(), west.asked()], [[], ['both']]);
  assert.deepEqual(await followUp(taskId, {}), ['east/both', 'high']);
  assert.deepEqual([east.asked(), west.asked()], [['both'], []]);
});

test('an environment names another one than the first, which is what a task gets otherwise', async () => {
  const { models } = await person.call('model.list', {});
  assert.deepEqual(
    models.map(({ name, connection }) => [name, connection]),
    [
      ['alpha', 'east'],
      ['east/both', 'east'],
      ['beta', 'west'],
      ['west/both', 'west'],
    ],
  );
  await person.call('environment.put', {
    environment: { ...defaultEnvironment('web'), model: 'beta', effort: 'low' },
  });
  const looks = '$ env; cat /proc/*/environ | tr "\\0" "\\n"';
  const [plain, ofWeb] = [await task('$ echo hello', {}), await task(looks, { environment: 'web' })];
  assert.deepEqual((await endOf(plain, 1)).held, ['alpha', undefined]);
  assert.deepEqual((await endOf(ofWeb, 1)).held, ['beta', 'low']);
  assert.deepEqual([east.asked(), west.asked()], [['alpha'], ['beta']]);
  assert.equal(effortSent(west), 'low');
  const usage = (of: string) =>
    knownEvent(
      person.events.findLast((one) => one.taskId === of && one.code === 'usage.changed') ?? ({} as WireEvent),
    );
  const [priced, unpriced] = [usage(plain), usage(ofWeb)];
  assert.ok(priced?.code === 'usage.changed' && unpriced?.code === 'usage.changed');
  const { inputTokens, outputTokens } = priced.params.usage;
  assert.ok(priced.params.costUsd !== undefined && inputTokens > 0);
  assert.ok(Math.abs(priced.params.costUsd - (inputTokens * 3 + outputTokens * 8) / 1e6) < 1e-9);
  assert.equal(priced.params.windowTokens, 50_000);
  assert.equal(unpriced.params.costUsd, undefined, 'its prices are not known');
  assert.match(outputOf(ofWeb), /^PATH=/m, 'the sandbox’s variables were looked at');
});

test('each server is sent its own key and headers, and nothing of the other’s', () => {
  const text = (headers: IncomingHttpHeaders[]) => JSON.stringify(headers);
  assert.ok(east.headers.length > 0 && west.headers.length > 0);
  for (const headers of east.headers) {
    assert.equal(headers.authorization, `Bearer ${KEYS.east}`);
    assert.equal(headers['x-group'], TEAM);
    assert.equal(headers['openai-organization'], 'org_east');
    assert.equal(headers['openai-project'], 'proj_east');
  }
  for (const headers of west.headers) {
    assert.equal(headers.authorization, `Bearer ${KEYS.west}`);
    assert.equal(headers['x-gateway'], GATEWAY);
  }
  assert.doesNotMatch(text(east.headers), /needle-west/);
  assert.doesNotMatch(text(west.headers), /needle-east|org_east|proj_east/);
});

test('a model that is nobody’s is refused with what there is, wherever it is named', async () => {
  const environment = { ...defaultEnvironment('web'), model: 'gpt-0' };
  for (const [name, request] of [
    ['gpt-0', task('$ echo hello', { model: 'gpt-0' })],
    ['both', followUp(taskId, { model: 'both' })],
    ['gpt-0', person.call('environment.put', { environment })],
  ] as const) {
    await assert.rejects(request, (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'modelUnknown');
      assert.deepEqual(error.wire.params, { name, models: 'alpha, east/both, beta, west/both' });
      return true;
    });
  }
  assert.equal((await person.call('environment.get', { name: 'web' })).environment.model, 'beta');
  assert.deepEqual([east.asked(), west.asked()], [[], []], 'nobody was sent anything');
});

test('a check tells which server answers, and repeats nothing that one of them quotes', async () => {
  const checked = await command('models', '--check');
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /^alpha +east · 50000 tokens · default$/m);
  assert.match(checked.stdout, /^✓ east answers$/m);
  assert.match(checked.stdout, /^✗ west: The model’s server refused the request: .*Not with/m);
});

test('a model that goes from the configuration ends the turn that has it with what there is', async () => {
  const gone = await task('$ echo started; sleep 600', { environment: 'web' });
  await person.call('task.subscribe', { taskId: gone, after: 0 });
  await person.event((one) => one.taskId === gone && one.code === 'output');
  const children = await descendants(serve.child.pid ?? 0);
  assert.ok(children.length > 0, 'the sandbox runs');
  for (const pid of children) {
    // One that has ended meanwhile has nothing any more.
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    assert.doesNotMatch(environment, /needle-|EAST_KEY/, `process ${pid}`);
  }
  await endBackend('SIGKILL');
  await writeFile(join(dataDir, 'config.yaml'), config(eastConfig()));
  await startBackend();
  const { state, error } = await endOf(gone, 1);
  assert.equal(state, 'failed');
  assert.deepEqual((error as { code: string; params: unknown }).code, 'modelUnknown');
  assert.deepEqual((error as { params: unknown }).params, { name: 'beta', models: 'alpha, both' });
  await assert.rejects(task('$ echo x', { environment: 'web' }), { code: 'modelUnknown' });
  // Its environment can be changed otherwise all the same.
  const { environment } = await person.call('environment.get', { name: 'web' });
  await person.call('environment.put', { environment: { ...environment, workdir: 'src' } });
});

test('no key and no header is in the database, the logs, or what anybody was told', async () => {
  await endBackend('SIGTERM');
  const all = told.join('\n');
  assert.ok(all.length > 10_000);
  assert.ok(!all.includes(NEEDLE), all.slice(all.indexOf(NEEDLE) - 300, all.indexOf(NEEDLE) + 60));
  let database = false;
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'config.yaml') continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    database ||= bytes.includes('environment.applied');
    assert.ok(!bytes.includes(NEEDLE), path);
  }
  assert.ok(database, 'the database was looked at');
});

async function descendants(pid: number): Promise<number[]> {
  const lists = await Promise.all(
    (await readdir(`/proc/${pid}/task`).catch(() => [])).map((thread) =>
      readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => ''),
    ),
  );
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}
