/** What a setup meets the second time: snapshots that are gone, scripts under way, what an agent left behind. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { doorGeneration } from '../../../server/sandbox/of-turn.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { memoryTurn, type MemoryTask } from './memory-turn.ts';
import { openWorld, paramsOf, printed, type Ran, type World } from './world.ts';

const SECRET = { name: 'TOKEN', id: 'one', value: 'tok-5up3r-s3cr3t-value' };
const INSTALLS = 'mkdir installed && echo dep > installed/dep';
let world: World;
let folder: string;
let folders: string[];

before(async () => {
  world = await openWorld('local');
  folders = [];
  folder = repository({ '.gitignore': 'installed/\n' });
});
after(async () => {
  await world.close();
  folders.forEach(removeFolder);
});

function repository(files: Record<string, string>): string {
  const made = temporaryFolder('again-repo');
  folders.push(made);
  initRepository(made);
  write(made, 'README.md', '# Project\n');
  for (const [name, text] of Object.entries(files)) write(made, name, text);
  commitAll(made);
  return made;
}

/** A package that installs nothing but runs this script of its own while it does. */
const installing = (postinstall?: string): Record<string, string> => {
  const about = { name: 'x', version: '1.0.0' };
  const lock = { ...about, lockfileVersion: 3, requires: true };
  return {
    '.gitignore': 'node_modules/\n',
    'package.json': JSON.stringify({ ...about, ...(postinstall ? { scripts: { postinstall } } : {}) }),
    'package-lock.json': JSON.stringify({ ...lock, packages: { '': { ...about, hasInstallScript: true } } }),
  };
};

const use = (more: Partial<Environment>, secrets = [SECRET]): void => {
  world.memory.environment = { ...defaultEnvironment(), ...more };
  world.memory.secrets = secrets;
};
const codeOf = ({ error }: Ran): string => (error instanceof CodexError ? error.code : String(error));
const outcomes = (ran: Ran): string[] =>
  paramsOf(ran.events, 'environment.cache').map(({ outcome }) => outcome);
const removeSandboxes = async ({ id }: MemoryTask): Promise<void> => {
  for (const ref of await world.driver.list()) if (ref.taskId === id) await world.driver.remove(ref.name);
};

test('what an automatic setup that failed wrote is looked through too', async () => {
  use({});
  const repo = repository(installing('echo $TOKEN > ~/leaked; exit 1'));
  const ran = await world.run(await world.newTask(repo), { turn: 1, prompt: '$ cat ~/leaked' });
  assert.equal(codeOf(ran), 'secretInFiles');
});

test('an environment whose snapshot is gone is prepared again', async () => {
  for (const maintenance of ['', 'echo maintained']) {
    use({ setup: INSTALLS, maintenance });
    await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
    for (const { id } of await world.driver.snapshots()) await world.driver.removeSnapshot(id);
    const ran = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ cat installed/dep' });
    assert.equal(ran.error, null);
    assert.equal(printed(ran.events, 'agent'), 'dep\n');
    assert.deepEqual(outcomes(ran), ['hit', 'miss', 'stored']);
    const next = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
    assert.deepEqual(outcomes(next), ['hit']);
  }
});

test('what is not kept is prepared at the task’s own commit, whatever became of the default branch', async () => {
  const repo = repository({});
  git(repo, ['checkout', '-q', '-b', 'topic']);
  write(repo, 'topic.txt', 'x\n');
  commitAll(repo);
  git(repo, ['checkout', '-q', 'main']);
  write(repo, 'newer.txt', 'x\n');
  commitAll(repo);
  use({ setup: 'ls > ~/seen', cacheMs: 0 });
  const task = await world.newTask(repo, { ref: 'topic', defaultRef: 'main' });
  const ran = await world.run(task, { turn: 1, prompt: '$ cat ~/seen; ls' });
  assert.equal(printed(ran.events, 'agent'), 'README.md\ntopic.txt\nREADME.md\ntopic.txt\n');
  assert.deepEqual(outcomes(ran), ['off']);
});

test('lock files that are local changes are installed by where no default branch is known', async () => {
  const repo = repository({});
  const headSha = git(repo, ['rev-parse', 'HEAD']).trim();
  for (const [name, text] of Object.entries(installing('echo yes > ~/installed'))) write(repo, name, text);
  commitAll(repo);
  use({});
  const task = await world.newTask(repo, { defaultRef: null });
  Object.assign(task.repo, { headSha, includesLocal: true });
  const ran = await world.run(task, { turn: 1, prompt: '$ cat ~/installed; git status --short' });
  assert.equal(printed(ran.events, 'agent'), 'yes\n?? .gitignore\n?? package-lock.json\n?? package.json\n');
});

test('for a question maintenance runs where it can write', async () => {
  use({ setup: INSTALLS, maintenance: 'echo more >> installed/dep', setupForAsk: true }, []);
  const prompt = '$ cat installed/dep; echo x > README.md; cat README.md';
  const ran = await world.run(await world.newTask(folder), { turn: 1, mode: 'ask', prompt });
  assert.equal(ran.error, null);
  assert.match(printed(ran.events, 'agent'), /^dep\nmore\n.*Read-only.*\n# Project\n$/);
});

test('the same remote under another name of its folder has an environment of its own', async () => {
  use({ setup: `${INSTALLS}; pwd > installed/at` });
  await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
  const task = await world.newTask(folder);
  task.repo.name = 'renamed';
  const ran = await world.run(task, { turn: 1, prompt: '$ cat installed/at; ls /workspace' });
  assert.equal(printed(ran.events, 'agent'), '/workspace/renamed\nrenamed\n');
});

test('a retry tells what it printed itself', async () => {
  use({ setup: 'echo first; exit 1' });
  const task = await world.newTask(folder);
  await world.run(task, { turn: 1, prompt: '$ true' });
  const again = await world.run(task, { turn: 1, generation: 2, prompt: '$ true' });
  assert.equal(printed(again.events, 'setup'), 'first\n');
});

test('a retry runs every script anew while somebody looks around where one failed', async () => {
  use({ versions: { node: '22' }, setup: 'exit 1' });
  const task = await world.newTask(folder);
  const ran = await world.run(task, { turn: 1, prompt: '$ true' });
  assert.equal(codeOf(ran), 'setupFailed');
  const generation = doorGeneration({ turn: 1, generation: 1 });
  const of = { taskId: task.id, attempt: 1, generation, repoName: 'project', limits: resolveLimits() };
  await (await world.driver.open({ ...of, role: 'setup' })).detach();
  use({ versions: { node: '22' }, setup: 'echo mended' });
  const again = await world.run(task, { turn: 1, generation: 2, prompt: '$ true' });
  assert.equal(again.error, null);
  assert.match(printed(again.events, 'setup'), /mended\n$/);
});

test('a maintenance that failed can be looked at, and a retry begins anew', async () => {
  use({ setup: '', versions: { node: '22' }, maintenance: 'echo x >> ~/maintained; exit 3' }, []);
  const task = await world.newTask(folder);
  const ran = await world.run(task, { turn: 1, prompt: '$ true' });
  assert.equal(codeOf(ran), 'setupFailed');
  const left = (await world.driver.list()).filter(({ taskId }) => taskId === task.id);
  const [parked] = paramsOf(ran.events, 'sandbox.parked');
  assert.deepEqual(
    left.map(({ role, expiresAt }) => [role, expiresAt]),
    [['agent', parked?.untilMs]],
  );
  use({ setup: '', versions: { node: '22' }, maintenance: 'ls ~/maintained || echo none' }, []);
  const again = await world.run(task, { turn: 1, generation: 2, prompt: '$ true' });
  assert.match(printed(again.events, 'maintenance'), /none\n$/);
});

/** Until the script has printed something; then as when the backend is stopped. */
async function untilStoppedIn(task: MemoryTask): Promise<void> {
  const turn = memoryTurn(task, { turn: 1, prompt: '$ true' });
  const emit = turn.context.emit.bind(turn.context);
  const printing = Promise.withResolvers<void>();
  turn.context.emit = async (...events) => {
    await emit(...events);
    if (printed(task.events, 'setup') !== '') printing.resolve();
  };
  const ended = world.runTurn(turn.context, world.memory.rooms).catch((error: unknown) => error);
  await printing.promise;
  turn.stop.abort('shutdown');
  await ended;
}

test('a script goes on when the backend stops, and the next one waits for its end', async () => {
  use({ setup: 'echo begun; sleep 2; echo ended; echo once >> ~/done' });
  const task = await world.newTask(folder);
  await untilStoppedIn(task);
  const ran = await world.run(task, { turn: 1, generation: 2, prompt: '$ cat ~/done' });
  assert.equal(ran.error, null);
  assert.equal(printed(task.events, 'setup'), 'begun\nended\n');
  assert.equal(printed(ran.events, 'agent'), 'once\n');
});

test('a script that was changed meanwhile is not mistaken for the one that goes on', async () => {
  use({ setup: 'echo begun; sleep 2; echo old > ~/done' });
  const task = await world.newTask(folder);
  await untilStoppedIn(task);
  use({ setup: 'echo new > ~/done' });
  const ran = await world.run(task, { turn: 1, generation: 2, prompt: '$ cat ~/done' });
  assert.equal(printed(ran.events, 'agent'), 'new\n');
});

test('what an agent made of the repository is never run with secrets', async () => {
  use({});
  const task = await world.newTask(repository(installing()));
  const changed = installing('echo ${#TOKEN} > ~/size')['package.json'];
  const prompt = `$ echo '${changed}' > package.json; echo >> package-lock.json`;
  assert.equal((await world.run(task, { turn: 1, prompt })).error, null);
  await removeSandboxes(task);
  const ran = await world.run(task, { turn: 2, prompt: '$ cat ~/size' });
  assert.equal(printed(ran.events, 'agent'), '0\n');

  use({ setup: 'true', maintenance: 'git rev-parse HEAD >> ~/maintained' });
  await removeSandboxes(task);
  const written = await world.run(task, { turn: 3, prompt: '$ cat ~/maintained' });
  assert.equal(printed(written.events, 'agent'), `${task.repo.sha}\n`);
});

test('a branch that drops the environment file does not get the secrets by it', async () => {
  use({});
  const repo = repository({
    ...installing('echo ${#TOKEN} > ~/size'),
    '.codex/environment.yaml': 'setup: ""\n',
  });
  git(repo, ['rm', '-q', '-r', '.codex']);
  commitAll(repo);
  const task = await world.newTask(repo, { ref: 'HEAD', defaultRef: 'HEAD~1' });
  const ran = await world.run(task, { turn: 1, prompt: '$ cat ~/size' });
  assert.equal(printed(ran.events, 'agent'), '0\n');
  assert.equal(paramsOf(ran.events, 'warning')[0]?.code, 'scriptUnapproved');
});
