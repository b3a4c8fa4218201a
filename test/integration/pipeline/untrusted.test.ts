/** A task on a fork's code, in real containers: what its setup, its maintenance and its agent go without. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { DEFAULT_SETUP_ACCESS } from '../../../protocol/egress.ts';
import { defaultEnvironment, type Environment } from '../../../protocol/environment.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { Trigger } from '../../../server/tasks/trigger.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { openWorld, paramsOf, printed, type Ran, type World } from './world.ts';

const TOKEN = 'tok-5up3r-s3cr3t-value';
const FORK: Trigger = {
  host: 'github.test',
  repo: 'acme/shop',
  number: 8,
  commentId: '1',
  author: 'alice',
  fork: true,
};
/** Says what it has: secrets, the proxy. */
const LOOK =
  'echo "[$TOKEN]"; env | grep -ci ^https_proxy= || true; (exec 3<>/dev/tcp/127.0.0.2/8080) 2>/dev/null && echo open || echo shut';
const NOTHING = '[]\n0\nshut\n';

let world: World;
let folder: string;

before(async () => {
  world = await openWorld('docker');
  folder = temporaryFolder('untrusted-repo');
  initRepository(folder);
  write(folder, 'README.md', '# Project\n');
  commitAll(folder);
  git(folder, ['checkout', '-q', '-b', 'fork']);
  write(folder, 'theirs.txt', 'theirs\n');
  commitAll(folder);
});
beforeEach(() => {
  world.memory.prepared.clear();
  world.memory.approved.clear();
});
after(async () => {
  await world.close();
  removeFolder(folder);
});

function use(more: Partial<Environment>, secrets = [{ name: 'TOKEN', id: 'one', value: TOKEN }]): void {
  const internet = { setup: DEFAULT_SETUP_ACCESS, agent: DEFAULT_SETUP_ACCESS };
  world.memory.environment = { ...defaultEnvironment(), internet, ...more };
  world.memory.secrets = secrets;
}
const outcomes = ({ events }: Ran): string[] =>
  paramsOf(events, 'environment.cache').map(({ outcome, reason }) =>
    reason ? `${outcome} ${reason}` : outcome,
  );
const levels = ({ events }: Ran): string[] => [
  ...new Set(paramsOf(events, 'policy.changed').map(({ access }) => access)),
];
const fork = async (prompt: string, more = {}): Promise<Ran> =>
  world.run(await world.newTask(folder, { ref: 'fork', defaultRef: 'main' }), {
    turn: 1,
    prompt,
    trigger: FORK,
    ...more,
  });

test('its setup and its agent get no secret and no internet, and nothing of it is kept', async () => {
  use({ setup: LOOK });
  const ran = await fork(`$ ${LOOK}; cat theirs.txt`);
  assert.equal(ran.error, null);
  assert.equal(printed(ran.events, 'setup'), NOTHING);
  assert.equal(printed(ran.events, 'agent'), `${NOTHING}theirs\n`);
  assert.deepEqual(levels(ran), ['off']);
  assert.deepEqual(outcomes(ran), ['off untrusted']);
  assert.equal(world.memory.prepared.size, 0);
  assert.deepEqual(world.memory.entries, []);
  assert.deepEqual(paramsOf(ran.events, 'environment.applied')[0]?.secrets, []);
  assert.ok(paramsOf(ran.events, 'warning').some(({ code }) => code === 'untrustedTask'));
});

test('the same task of the repository’s own has all of it', async () => {
  use({ setup: LOOK });
  const ran = await world.run(await world.newTask(folder), { turn: 1, prompt: '$ true' });
  assert.equal(ran.error, null);
  assert.match(printed(ran.events, 'setup'), /^\[\[secret TOKEN\]\]\n[1-9]\d*\nopen\n$/);
  assert.deepEqual(levels(ran), ['on']);
  assert.deepEqual(outcomes(ran), ['miss', 'stored']);
});

test('a script that it brings gets nothing either, although a person approved it', async () => {
  use({});
  git(folder, ['checkout', '-q', 'fork']);
  write(folder, '.codex/environment.yaml', `version: 1\nsetup: |\n  ${LOOK}\n`);
  commitAll(folder);
  world.memory.approved.has = () => true;
  try {
    const ran = await fork('$ true');
    assert.equal(ran.error, null);
    assert.equal(printed(ran.events, 'setup'), NOTHING);
    assert.equal(world.memory.prepared.size, 0);
  } finally {
    world.memory.approved = new Set();
    git(folder, ['reset', '-q', '--hard', 'HEAD~1']);
  }
});

test('what was prepared with secrets is not used, what was prepared without any is', async () => {
  const setup = 'echo "made with ${#TOKEN}" > ~/made';
  use({ setup, maintenance: LOOK });
  await world.run(await world.newTask(folder, { ref: 'main' }), { turn: 1, prompt: '$ true' });
  assert.equal(world.memory.prepared.size, 1);
  const alone = await fork('$ cat ~/made');
  assert.deepEqual(outcomes(alone), ['off untrusted']);
  assert.equal(printed(alone.events, 'agent'), 'made with 0\n');

  use({ setup, maintenance: LOOK }, []);
  await world.run(await world.newTask(folder, { ref: 'main' }), { turn: 1, prompt: '$ true' });
  assert.equal(world.memory.prepared.size, 2);
  const ran = await fork('$ cat ~/made');
  assert.deepEqual(outcomes(ran), ['hit']);
  assert.equal(printed(ran.events, 'maintenance'), NOTHING);
  assert.equal(printed(ran.events, 'agent'), 'made with 0\n');
  assert.equal(world.memory.prepared.size, 2);
});

test('a policy that is changed while it runs changes nothing for it, nor for its follow-up', async () => {
  use({});
  const task = await world.newTask(folder, { ref: 'fork', defaultRef: 'main' });
  const first = world.run(task, { turn: 1, prompt: `$ sleep 1; ${LOOK}`, trigger: FORK });
  world.memory.setAgentAccess(DEFAULT_SETUP_ACCESS);
  assert.equal(printed((await first).events, 'agent'), NOTHING);
  const next = await world.run(task, { turn: 2, prompt: `$ ${LOOK}`, trigger: FORK });
  assert.equal(printed(next.events, 'agent'), NOTHING);
  assert.deepEqual(levels(next), ['off']);
});

test('a written setup that needs the internet fails, and says so', async () => {
  use({ setup: 'git ls-remote https://github.test/acme/shop.git' });
  const ran = await fork('$ true');
  assert.ok(ran.error instanceof CodexError);
  assert.equal(ran.error.code, 'setupFailed');
  assert.equal(ran.error.wire.params['hint'], 'noAccess');
});
