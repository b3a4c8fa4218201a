/**
 * A setup that leaves its secret in everything that lives longer than a script: processes, memory, sockets,
 * kernel objects. Then an agent, and one that is asked only, that looks for it everywhere. One container each;
 * every way is an attempt of its own.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { git, removeFolder, write, commitAll } from '../../support/git.ts';
import { formsIn, formsOf, newValue } from './oracle.ts';
import { makeRepository } from './repository.ts';
import { foundIn, printed, startWorld, type Ended, type World } from './world.ts';

const run = promisify(execFile);
/** Stands in a program that is part of what was prepared. */
const CONTROL = 'The pattern does not match itself';
const OUTPUT_BYTES = 256 * 1024 * 1024;

/** What `hunt.py` looks into, and what it would find there. */
const HUNTS: Record<string, string> = {
  environ: 'the environment of every process, the runner’s and the first one’s too',
  cmdline: 'the arguments of every process',
  mem: 'the memory of every process, the runner’s too',
  ptrace: 'the memory of every process that can be traced',
  strangers: 'a process of the setup that took no notice of signals',
  fd: 'files that processes hold open, deleted ones too',
  everything: 'every file, name and link of the whole file system, core dumps too',
  kept: 'the kept output, the script and the notes of the setup in /run/codex',
  shm: 'POSIX shared memory and message queues',
  sysv: 'System V shared memory and messages',
  keyring: 'the keyrings of the kernel',
  xattr: 'extended attributes',
  mounted: '/etc/hosts and its like, which the engine mounts',
  fifo: 'what was written into a pipe with a name',
  sockets: 'servers on loopback and on abstract sockets',
  'git-cache': 'git’s credential cache',
  env: 'variables, functions and history of the agent’s shell',
  dmesg: 'the kernel’s log',
};
const COMMAND = `$ python3 hunt.py ${Object.keys(HUNTS).join(' ')}`;
const SETUP = 'set -x; : "$NEEDLE"; set +x; python3 plant.py; echo look now; sleep 2; echo go on';

describe('what lives on after a setup', { timeout: 170_000 }, () => {
  const value = newValue();
  let world: World;
  let folder: string;
  /** Of the machine, while the setup ran, and afterwards. */
  let during: Record<string, string>;
  let later: Record<string, string>;
  const ran: Record<string, Ended> = {};

  before(async () => {
    world = await startWorld();
    folder = makeRepository();
    await world.put({ name: 'alive', setup: SETUP, setupForAsk: true }, { NEEDLE: value });
    let looking: Promise<Record<string, string>> | undefined;
    ran['agent'] = await world.run({
      environment: 'alive',
      folder,
      prompt: COMMAND,
      onEvent: (event) => {
        if (event.code === 'output' && event.params.text.includes('look now')) looking ??= lookAround(world);
      },
    });
    assert.ok(looking, `the setup did not print: ${JSON.stringify(ran['agent'].events.at(-1))}`);
    during = await looking;
    later = await lookAround(world);
    ran['ask'] = await world.run({ environment: 'alive', folder, prompt: COMMAND, mode: 'ask' });

    const defaultRef = git(folder, ['rev-parse', 'HEAD']);
    write(folder, 'later.txt', 'x');
    commitAll(folder);
    await world.put(
      { name: 'kept-up', setup: 'true', maintenance: 'set -x; : "$NEEDLE"; python3 plant.py' },
      { NEEDLE: value },
    );
    ran['maintained'] = await world.run({ environment: 'kept-up', folder, prompt: COMMAND, defaultRef });
  });
  after(async () => {
    await world.end();
    removeFolder(folder);
  });

  test('the setup could plant all of it, and was let through', () => {
    const { state, events } = ran['agent'] as Ended;
    assert.equal(state, 'completed', JSON.stringify(events.at(-1)));
    assert.match(printed(events, 'setup'), /: '?\[secret NEEDLE\]'?\n/);
    assert.match(printed(events, 'setup'), /\nplanted\nlook now\ngo on\n/);
    assert.deepEqual(foundIn(events), []);
    assert.equal((ran['maintained'] as Ended).state, 'completed');
    assert.match(printed((ran['maintained'] as Ended).events, 'maintenance'), /\nplanted\n/);
  });

  for (const [who, title] of [
    ['agent', 'an agent'],
    ['ask', 'one that is asked only'],
    ['maintained', 'an agent after maintenance'],
  ] as const) {
    for (const [hunt, where] of Object.entries(HUNTS)) {
      test(`${title} does not find it in ${where}`, () => {
        const { events } = ran[who] as Ended;
        const text = printed(events, 'agent');
        assert.match(text, new RegExp(`^${hunt}: 0$`, 'm'), text);
        assert.doesNotMatch(text, /\[secret NEEDLE\]/);
      });
    }
  }

  test('the kernel refuses keyrings, which no sandbox has for itself', () => {
    assert.match(printed((ran['agent'] as Ended).events, 'setup'), /keyring refused\n/);
  });

  for (const what of ['processes', 'containers', 'execs', 'events'] as const) {
    test(`whoever looks at the machine’s ${what} does not see it, neither during the setup nor after`, () => {
      for (const seen of [during, later]) {
        assert.match(seen[what] ?? '', what === 'processes' ? /runner/ : /codex/, 'it looks at something');
        assert.deepEqual(formsIn(seen[what] ?? '', value), []);
      }
      assert.match(during[what] ?? '', what === 'processes' ? /plant|innocent/ : /codex-setup/);
    });
  }

  test('configuration, labels and history of what was prepared do not have it', async () => {
    const snapshots = await world.driver.snapshots();
    assert.ok(snapshots.length >= 2);
    for (const { id } of snapshots) {
      const image = world.docker.getImage(id);
      const text = JSON.stringify([await image.inspect(), await image.history()]);
      assert.match(text, /codex-tasks\.prepared/);
      assert.deepEqual(formsIn(text, value), []);
    }
  });

  test('what was prepared, saved as an archive, does not have it in any form', async () => {
    const [snapshot] = await world.driver.snapshots();
    const forms = [...formsOf(value).values()].filter((form) => !form.includes(0)).map(String);
    const search = 'docker save "$0" | LC_ALL=C grep -aoF "$1" | sort -u';
    const { stdout } = await run('bash', ['-c', search, snapshot?.id ?? '', [...forms, CONTROL].join('\n')]);
    assert.equal(stdout, `${CONTROL}\n`);
  });

  test('no container of the setup is left, and no volume of one', async () => {
    const setups = (await world.containers()).filter(({ Name }) => Name.includes('codex-setup'));
    assert.deepEqual(
      setups.map(({ Name }) => Name),
      [],
    );
    const filters = { label: ['codex-tasks.volume=own', `codex-tasks.owner=${world.owner}`] };
    const { Volumes } = await world.docker.listVolumes({ filters: { ...filters, dangling: ['true'] } });
    assert.deepEqual(Volumes ?? [], []);
  });
});

/** As somebody with the engine and the machine, but without the processes' own memory. */
async function lookAround(world: World): Promise<Record<string, string>> {
  const containers = await world.containers();
  const execs = containers.flatMap(({ ExecIDs }) => (ExecIDs as string[] | null) ?? []);
  const since = Math.floor(Date.now() / 1000) - 60;
  const [processes, inspected, events] = await Promise.all([
    run('ps', ['-ewwo', 'pid,args'], { maxBuffer: OUTPUT_BYTES }),
    Promise.all(execs.map((id) => world.docker.getExec(id).inspect())),
    run(
      'docker',
      ['events', '--since', String(since), '--until', String(since + 60), '--format', '{{json .}}'],
      {
        maxBuffer: OUTPUT_BYTES,
      },
    ),
  ]);
  return {
    // The setup's own programs put it into their arguments.
    processes: processes.stdout
      .split('\n')
      .filter((line) => !/innocent|sleep 1000/.test(line) || !/Qz9/.test(line))
      .join('\n'),
    containers: JSON.stringify(containers),
    execs: JSON.stringify([inspected, 'codex', containers.map(({ Name }) => Name)]),
    events: events.stdout,
  };
}
