/** What can happen to a setup from outside, in real containers: killed, removed, a clock that jumps, an image that does not fit, no room. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, mock, test } from 'node:test';
import Docker from 'dockerode';
import { errorWords } from '../../../client/words/errors.ts';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { sweepOnce } from '../../../server/pipeline/sweep.ts';
import type { SandboxRole } from '../../../server/sandbox/sandbox.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { memoryTurn, type MemoryTask } from './memory-turn.ts';
import { openWorld, paramsOf, printed, type Ran, type World } from './world.ts';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const docker = new Docker();
let world: World;
let folder: string;
const folders: string[] = [];

before(async () => {
  world = await openWorld('docker');
  folder = repository({ '.gitignore': 'installed/\n' });
});
after(async () => {
  await world.close();
  folders.forEach(removeFolder);
});

function repository(files: Record<string, string>): string {
  const made = temporaryFolder('faults-repo');
  folders.push(made);
  initRepository(made);
  write(made, 'README.md', '# Project\n');
  for (const [name, text] of Object.entries(files)) write(made, name, text);
  commitAll(made);
  return made;
}

const use = (more: Partial<Environment>): void => {
  world.memory.environment = { ...defaultEnvironment(), ...more };
  world.memory.prepared.clear();
};
const outcomes = ({ events }: Pick<Ran, 'events'>): string[] =>
  paramsOf(events, 'environment.cache').map(({ outcome }) => outcome);

async function containersOf({ id }: MemoryTask): Promise<string[]> {
  const all = await docker.listContainers({ all: true });
  return all.flatMap(({ Names }) => Names).filter((name) => name.includes(id));
}

function asFailure(error: unknown): CodexError {
  assert.ok(error instanceof CodexError, String(error));
  return error;
}

/** Done to the container from outside while a command of it runs, as somebody at the engine would. */
const HARM = {
  killed: (name: string) => docker.getContainer(name).kill(),
  removed: (name: string) => docker.getContainer(name).remove({ force: true }),
};

/** Runs a turn whose container is harmed once, when the first thing is printed. */
async function runHarmed(
  task: MemoryTask,
  of: { turn: number; prompt: string },
  [by, role]: ['setup', 'setup'] | ['agent', SandboxRole],
  harm: (name: string) => Promise<unknown>,
): Promise<Ran> {
  const turn = memoryTurn(task, of);
  const emit = turn.context.emit.bind(turn.context);
  let done: Promise<unknown> | undefined;
  turn.context.emit = async (...events) => {
    await emit(...events);
    if (printed(task.events, by) !== '') done ??= findAndHarm();
  };
  const findAndHarm = async (): Promise<void> => {
    const refs = await world.driver.list();
    const ref = refs.find((one) => one.taskId === task.id && one.role === role);
    assert.ok(ref, `there is a container for ${role}`);
    await harm(ref.name);
  };
  let error: unknown = null;
  await world.runTurn(turn.context, world.memory.rooms).catch((thrown: unknown) => (error = thrown));
  assert.ok(done, 'it printed something');
  await done;
  return { turn, error, events: task.events };
}

for (const [what, harm] of Object.entries(HARM)) {
  test(`a container that is ${what} during the setup ends the turn; a retry sets up anew`, async () => {
    use({ setup: 'echo begun; sleep 3; mkdir installed; echo dep >> installed/dep; echo ended' });
    const task = await world.newTask(folder);
    const ran = await runHarmed(task, { turn: 1, prompt: '$ true' }, ['setup', 'setup'], harm);
    const { wire } = asFailure(ran.error);
    assert.equal(wire.code, 'sandboxLost');
    assert.equal(wire.retryable, true);
    assert.match(errorWords(wire).text, /^The sandbox stopped in the middle of the work.*retry/i);
    assert.deepEqual(await containersOf(task), []);
    assert.equal(world.memory.prepared.size, 0);
    const again = await world.run(task, { turn: 1, generation: 2, prompt: '$ cat installed/dep' });
    assert.equal(again.error, null);
    assert.equal(printed(again.events, 'setup'), 'begun\nended\n');
    assert.equal(printed(again.events, 'agent'), 'dep\n');
    assert.deepEqual(outcomes(again), ['miss', 'stored']);
    const told = again.events.filter(
      ({ code, params }) => code === 'output' && params.itemId.startsWith('setup'),
    );
    assert.ok(
      told.length > 0 && told.every(({ attempt }) => attempt === 1),
      'all of it is told of the attempt',
    );
    assert.deepEqual(
      (await world.driver.list()).filter(({ taskId }) => taskId === task.id).map(({ role }) => role),
      ['agent'],
    );
  });

  test(`a container that is ${what} during a command is told, and goes on with what was set up`, async () => {
    use({ setup: 'mkdir installed; echo dep > installed/dep; echo tool > ~/tool' });
    const task = await world.newTask(folder);
    const prompt = '$ echo up; sleep 60\n$ cat installed/dep ~/tool';
    const ran = await runHarmed(task, { turn: 1, prompt }, ['agent', 'agent'], harm);
    assert.equal(ran.error, null);
    assert.equal(printed(ran.events, 'agent'), 'up\ndep\ntool\n');
    assert.equal(printed(ran.events, 'setup'), '');
    const [lost] = paramsOf(ran.events, 'sandbox.lost');
    assert.ok(lost?.reason, 'it says so');
    const started = paramsOf(ran.events, 'sandbox.started').map(({ how }) => how);
    assert.deepEqual(started, what === 'removed' ? ['prepared', 'prepared'] : ['prepared', 'restarted']);
    assert.deepEqual(outcomes(ran), ['miss', 'stored'], 'the turn knows where it started from');
    assert.match(JSON.stringify(task.history), /interrupted/);
  });
}

test('a clock that jumps back makes no time negative, and what was prepared stays in use', async () => {
  use({ setup: 'echo ready > ~/ready' });
  mock.timers.enable({ apis: ['Date'], now: Date.now() });
  try {
    const task = await world.newTask(folder);
    const jumpBack = (): void => mock.timers.setTime(Date.now() - HOUR_MS);
    const turn = memoryTurn(task, { turn: 1, prompt: '$ cat ~/ready' });
    const emit = turn.context.emit.bind(turn.context);
    turn.context.emit = async (...events) => {
      await emit(...events);
      if (events.some(({ code }) => code === 'item.started')) jumpBack();
    };
    await world.runTurn(turn.context, world.memory.rooms);
    const [prepared] = world.memory.prepared.values();
    assert.ok(prepared && prepared.setupMs >= 0, `${prepared?.setupMs} ms`);
    jumpBack();
    assert.ok(prepared.createdAt > Date.now(), 'it was made in what is the future now');
    const next = await world.newTask(folder);
    const ran = await world.run(next, { turn: 1, prompt: '$ cat ~/ready' });
    assert.equal(ran.error, null);
    assert.equal(printed(ran.events, 'agent'), 'ready\n');
    assert.deepEqual(outcomes(ran), ['hit']);
    for (const events of [task.events, next.events]) {
      for (const { ageMs = 0, savedMs = 0 } of paramsOf(events, 'environment.cache'))
        assert.ok(ageMs >= 0 && savedMs >= 0, `${ageMs} ms, ${savedMs} ms`);
      for (const { durationMs } of paramsOf(events, 'sandbox.started')) assert.ok(durationMs >= 0);
    }
  } finally {
    mock.timers.reset();
  }
});

test('a parked sandbox is used by a follow-up whatever its clock says, and does not stay for ever', async () => {
  use({ setup: '' });
  const parkedAt = async (at: number): Promise<MemoryTask> => {
    mock.timers.enable({ apis: ['Date'], now: at });
    try {
      const task = await world.newTask(folder);
      const ran = await world.run(task, { turn: 1, prompt: '$ echo mine > ~/mine' });
      assert.equal(ran.error, null);
      return task;
    } finally {
      mock.timers.reset();
    }
  };
  const past = await parkedAt(Date.now() - 100 * HOUR_MS);
  const future = await parkedAt(Date.now() + 10_000 * HOUR_MS);
  for (const task of [past, future]) {
    const ran = await world.run(task, { turn: 2, prompt: '$ cat ~/mine' });
    assert.equal(printed(ran.events, 'agent'), 'mine\n');
    assert.equal(paramsOf(ran.events, 'sandbox.started')[0]?.how, 'parked');
  }
  const again = async (task: MemoryTask, at: number): Promise<void> => {
    mock.timers.enable({ apis: ['Date'], now: at });
    await world.run(task, { turn: 3, prompt: '$ true' }).finally(() => mock.timers.reset());
  };
  await again(past, Date.now() - 100 * HOUR_MS);
  await again(future, Date.now() + 10_000 * HOUR_MS);
  const swept = await sweepOnce(world.driver, async () => 'idle');
  for (const task of [past, future]) assert.equal(swept.filter((name) => name.includes(task.id)).length, 1);
  const [untilMs] = paramsOf(future.events, 'sandbox.parked').map((params) => params.untilMs);
  assert.ok((untilMs ?? 0) > Date.now() + LIMITS.parkedMs.cap);
});

test('a repository with a submodule is worked on without it', async () => {
  use({ setup: 'ls -A vendor/library | wc -l' });
  const library = repository({ 'lib.txt': 'lib\n' });
  const repo = repository({});
  git(repo, ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'vendor/library']);
  commitAll(repo);
  const task = await world.newTask(repo);
  const ran = await world.run(task, {
    turn: 1,
    prompt: '$ ls -A vendor/library; git status --short; echo x > new.txt',
  });
  assert.equal(ran.error, null);
  assert.equal(printed(ran.events, 'setup'), '0\n');
  assert.equal(printed(ran.events, 'agent'), '');
  assert.deepEqual(
    task.results.get(1)?.files.map(({ path }) => path.path),
    ['new.txt'],
  );
});

for (const [what, change, says] of [
  ['has no git', 'rm -f /usr/bin/git', /it has no git/],
  ['is built on musl', 'touch /lib/ld-musl-x86_64.so.1; rm -f /usr/lib/*/libstdc++.so.6', /musl.*glibc/],
] as const)
  test(`an image that ${what} is refused by its name, before anything is set up`, async () => {
    const image = `codex-tasks-test/unfit:${randomBytes(6).toString('hex')}`;
    const base = await world.driver.imageIdentity(undefined);
    const dockerfile = `FROM ${base}\nRUN ${change}\n`;
    execFileSync('docker', ['build', '-q', '-t', image, '-'], {
      input: dockerfile,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    try {
      use({ image, setup: 'echo never' });
      const task = await world.newTask(folder);
      const { error, events } = await world.run(task, { turn: 1, prompt: '$ true' });
      const { wire } = asFailure(error);
      assert.equal(wire.code, 'sandboxStartFailed');
      const sentence = errorWords(wire).text;
      assert.match(sentence, says);
      assert.ok(sentence.includes(image), sentence);
      assert.equal(printed(events, 'setup'), '');
      assert.deepEqual(await containersOf(task), []);
    } finally {
      await docker.getImage(image).remove({ force: true });
    }
  });

for (const [what, resources, setup, code, hint] of [
  [
    'the disk',
    { diskBytes: 64 * MIB },
    'head -c 2000000000 /dev/zero > ~/ballast; sleep 60',
    'sandboxDiskFull',
    'disk',
  ],
  [
    'the memory',
    { memoryBytes: 128 * MIB },
    'head -c 1000000000 /dev/zero | tail -n 1',
    'outOfMemory',
    'memory',
  ],
] as const)
  test(`a setup that uses up ${what} is told so, and the next one is not hurt`, async () => {
    use({ setup, resources });
    const { error } = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
    const { wire } = asFailure(error);
    assert.ok(wire.code === code || wire.params['hint'] === hint, JSON.stringify(wire));
    assert.match(errorWords(wire).text, new RegExp(hint));
    use({ setup: 'echo fine > ~/fine', resources });
    const next = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ cat ~/fine' });
    assert.equal(next.error, null);
    assert.equal(printed(next.events, 'agent'), 'fine\n');
  });
