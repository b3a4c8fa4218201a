/**
 * One long task on a real backend with real containers, while the backend is killed again and again.
 *
 * The model is in this process and waits with every step until the kills that belong before it have
 * happened, so that each finds the moment it is meant for. At the end everything is held against what an
 * undisturbed run has: the answer, the patch byte for byte, `seq`, the log of each command, and what is
 * left in the engine and the machine.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type BackendConnection } from '../../../client/connection/index.ts';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import { knownEvent, type WireEvent } from '../../../protocol/events.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { commandsWith, inEngine } from '../../load/engine.lib.ts';
import { git, gitAsync } from '../../support/git.ts';
import { codexTasks, repository, serve, type Place, type Served } from '../harness.ts';
import { startKillModel } from './model.ts';
import { planOf, type Plan } from './plan.ts';
import { seeded } from '../../support/random.ts';
import { scheduleOf, type Kill, type KillKind } from './schedule.ts';

export interface KillRunOptions {
  here: Place;
  /** Of the plan. */
  planSeed: number;
  steps: number;
  /** Of the kills. */
  seed: number;
  kills: number;
  /** A folder of the place's own for this run. */
  name: string;
  /** Each kill as it happens. */
  tell?: (line: string) => void;
}

export interface KillRun {
  patch: Buffer;
  /** In their order. */
  killed: KillKind[];
  /** Commands of whose end nothing was known, so that the model looked. */
  interrupted: number;
  lost: number;
  tookMs: number;
}

type Bus = EventEmitter<{ step: [number]; answered: [number]; event: [WireEvent] }>;

export async function killRun({
  here,
  planSeed,
  steps,
  seed,
  kills,
  name,
  tell = () => undefined,
}: KillRunOptions): Promise<KillRun> {
  const startedAt = Date.now();
  const plan = planOf(planSeed, steps);
  const schedule = scheduleOf(seeded(seed), kills, steps);
  const bus: Bus = new EventEmitter();
  bus.setMaxListeners(50);
  const progress = new Progress(schedule, bus);
  const model = await startKillModel({
    plan,
    before: (step) => progress.before(step),
    answered: (step) => void bus.emit('answered', step),
  });
  const place = { ...here, dataDir: here.at(name, 'data') };
  const env = { OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: model.url, CODEX_MODEL: 'scripted' };
  let backend: Served = await serve(place, ['--port', '0', '--sandbox', 'docker'], env);
  const args = ['--port', String(backend.port), '--sandbox', 'docker'];
  const connection = connect({
    url: backend.url,
    token: async () => backend.token,
    client: { name: 'kills', version: '0' },
    openSocket: nodeSocket(),
  });
  const told = `seed ${seed}, ${kills} kills: ${schedule.map(({ kind, step }) => `${kind}@${step}`).join(' ')}`;
  try {
    const repo = await repository(here.at(name, 'repo'), plan.files);
    const taskId = await createTask(connection, backend, repo);
    const ended = followed(connection, taskId, bus);

    const killed: KillKind[] = [];
    let isRunning = true;
    for (const kill of schedule) {
      const moment = progress.next();
      if (kill.kind === 'start') {
        const starting = codexTasks(['serve', '--data', place.dataDir, ...args], { env });
        await delay(kill.delayMs);
        starting.child.kill('SIGKILL');
        await starting.ended;
      } else {
        if (!isRunning) backend = await serve(place, args, env);
        isRunning = true;
        const end = await Promise.race([moment, ended]);
        // Too early, except for a moment that may be shorter than its delay: then the end itself is disturbed.
        if (end !== undefined && kill.kind !== 'patch' && kill.kind !== 'time') break;
        backend.child.kill('SIGKILL');
        await backend.ended;
        isRunning = false;
      }
      progress.happened(kill);
      killed.push(kill.kind);
      tell(`${Date.now() - startedAt} ms: ${kill.kind}@${kill.step}+${kill.delayMs}`);
    }
    if (!isRunning) backend = await serve(place, args, env);
    const events = await ended;
    assert.deepEqual(model.problems, [], told);
    checkLog(events, plan, told);
    const patch = Buffer.from(await connection.patch(taskId, 1, 1));
    await checkNothingLeft(place.dataDir, taskId, told);
    connection.close();
    backend.child.kill('SIGTERM');
    assert.equal((await backend.ended).code, 0, told);
    assert.deepEqual(commandsWith(place.dataDir), [], `no process stays: ${told}`);
    const { interrupted, lost } = model;
    return { patch, killed, interrupted: interrupted.length, lost, tookMs: Date.now() - startedAt };
  } finally {
    connection.close();
    await model.close();
    backend.child.kill('SIGKILL');
    await backend.ended;
    const driver = createDriver({ kind: 'docker', dataDir: place.dataDir });
    for (const one of await driver.list()) await driver.remove(one.name);
    await driver.close?.();
  }
}

/** Which kill is next, and what the model has to wait for. */
class Progress {
  readonly #left: Kill[];
  readonly #bus: Bus;
  #reached = -1;
  #happened: (() => void)[] = [];

  constructor(schedule: readonly Kill[], bus: Bus) {
    this.#left = [...schedule];
    this.#bus = bus;
    bus.on('step', (step) => (this.#reached = Math.max(this.#reached, step)));
  }

  /** Resolves at the moment of the next kill; it is watched for from now on. */
  async next(): Promise<void> {
    const [kill] = this.#left;
    if (!kill || kill.kind === 'start') return;
    const seen = this.#moment(kill);
    await seen;
    await delay(kill.delayMs);
  }

  happened(kill: Kill): void {
    assert.equal(this.#left.shift(), kill);
    for (const resolve of this.#happened.splice(0)) resolve();
  }

  async before(step: number): Promise<boolean> {
    this.#bus.emit('step', step);
    for (;;) {
      const [kill] = this.#left;
      if (kill === undefined || kill.step > step) return true;
      const isHere = kill.step === step;
      if (isHere && kill.kind !== 'request' && kill.kind !== 'start') return true;
      await new Promise<void>((resolve) => this.#happened.push(resolve));
      if (isHere && kill.kind === 'request') return false;
    }
  }

  async #moment({ kind, step }: Kill): Promise<void> {
    switch (kind) {
      case 'checkout':
        return this.#event((event) => event.code === 'phase.started' && event.params.phase === 'checkout');
      case 'start':
        return;
      case 'patch':
        return this.#event((event) => event.code === 'phase.started' && event.params.phase === 'patch');
      case 'request':
      case 'time':
        return this.#atStep(step);
      case 'answer':
        await this.#atStep(step);
        return new Promise((resolve) => this.#bus.once('answered', () => resolve()));
      case 'command':
        await this.#atStep(step);
        return this.#event((event) => isCommand(event, 'item.started'));
      case 'output':
        await this.#atStep(step);
        // One that prints nothing has at least an end.
        return this.#event((event) => event.code === 'output' || isCommand(event, 'item.completed'));
      case 'result':
        await this.#atStep(step);
        return this.#event((event) => isCommand(event, 'item.completed'));
    }
  }

  #atStep(step: number): Promise<void> | void {
    if (this.#reached >= step) return;
    return new Promise((resolve) => {
      const onStep = (reached: number) => {
        if (reached < step) return;
        this.#bus.off('step', onStep);
        resolve();
      };
      this.#bus.on('step', onStep);
    });
  }

  #event(fits: (event: Known) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const onEvent = (event: WireEvent) => {
        const known = knownEvent(event);
        if (!known || !fits(known)) return;
        this.#bus.off('event', onEvent);
        resolve();
      };
      this.#bus.on('event', onEvent);
    });
  }
}

type Known = NonNullable<ReturnType<typeof knownEvent>>;

function isCommand(event: Known, code: 'item.started' | 'item.completed'): boolean {
  return event.code === code && event.params.item.type === 'command';
}

async function createTask(to: BackendConnection, { url, token }: Served, folder: string): Promise<string> {
  const sha = git(folder, ['rev-parse', 'HEAD']);
  const { repoId, pushPath } = await to.call('repo.resolve', { name: 'repo', remote: null, folder, sha });
  await gitAsync(folder, ['push', '-q', `${url}${pushPath}`, `HEAD:refs/codex/in/${randomUUID()}`], {
    env: {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Bearer ${token}`,
    },
  });
  const repo = { repoId, name: 'repo', sha, branch: 'main', includesLocal: false, defaultSha: sha };
  const { task } = await to.call('task.create', {
    requestId: randomUUID(),
    prompt: 'Do all steps.',
    mode: 'code',
    repo,
  });
  return task.id;
}

function followed(to: BackendConnection, taskId: string, bus: Bus): Promise<WireEvent[]> {
  const events: WireEvent[] = [];
  return new Promise((resolve, reject) => {
    const stop = to.follow(taskId, 0, {
      onEvents: (more) => {
        events.push(...more);
        for (const event of more) bus.emit('event', event);
        if (!more.some(({ code }) => code === 'turn.finished')) return;
        stop();
        resolve(events);
      },
      onError: ({ code }) => reject(new Error(code)),
    });
  });
}

function checkLog(events: readonly WireEvent[], plan: Plan, told: string): void {
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, at) => at + 1),
    `seq is whole: ${told}`,
  );
  const known = events.flatMap((event) => knownEvent(event) ?? []);
  const [finished] = known.filter((event) => event.code === 'turn.finished');
  assert.ok(finished?.code === 'turn.finished');
  assert.equal(finished.params.state, 'completed', `${JSON.stringify(finished.params.error)}: ${told}`);
  assert.equal(finished.params.answer, plan.answer, told);

  const started = new Map<string, number>();
  const completed = new Map<string, string | undefined>();
  const printed = new Map<string, string>();
  const planned = new Map<string, string>();
  const answers: string[] = [];
  for (const event of known) {
    if (event.code === 'output') {
      const { itemId, offset, text } = event.params;
      const before = printed.get(itemId) ?? '';
      assert.equal(offset, Buffer.byteLength(before), `the output of ${itemId} has no gap: ${told}`);
      printed.set(itemId, before + text);
    }
    if (event.code !== 'item.started' && event.code !== 'item.completed') continue;
    const { item } = event.params;
    if (item.type === 'message' && event.code === 'item.completed') answers.push(item.text);
    if (item.type !== 'command') continue;
    if (event.code === 'item.started') started.set(item.id, (started.get(item.id) ?? 0) + 1);
    else {
      assert.ok(!completed.has(item.id), `${item.id} ends once: ${told}`);
      completed.set(item.id, item.end);
    }
    const id = /^: run:(\w+)/.exec(item.command)?.[1];
    if (id !== undefined) planned.set(item.id, id);
  }
  assert.deepEqual(answers, [plan.answer], `the answer is told once: ${told}`);
  for (const [itemId, count] of started) assert.equal(count, 1, `${itemId} starts once: ${told}`);
  const outputs = new Map(plan.steps.flat().map(({ id, output }) => [id, output]));
  const whole = new Map<string, number>();
  for (const [itemId, end] of completed) {
    const id = planned.get(itemId);
    if (id === undefined || end === 'interrupted') continue;
    whole.set(id, (whole.get(id) ?? 0) + 1);
    assert.ok(started.has(itemId), `${itemId} was announced: ${told}`);
    assert.equal(printed.get(itemId) ?? '', outputs.get(id), `the output of ${id} is whole: ${told}`);
  }
  for (const [id, count] of whole) assert.equal(count, 1, `${id} is in the log once: ${told}`);
}

/** Parked for a follow-up, and empty but for our own. */
async function checkNothingLeft(dataDir: string, taskId: string, told: string): Promise<void> {
  const driver = createDriver({ kind: 'docker', dataDir });
  try {
    const there = (await driver.list()).map((one) => [one.taskId, one.role]);
    assert.deepEqual(there, [[taskId, 'agent']], `one sandbox is parked: ${told}`);
    const { containers, networks } = await inEngine(dataDir);
    assert.deepEqual([containers.length, networks.length], [1, 0], told);
  } finally {
    await driver.close?.();
  }
}
