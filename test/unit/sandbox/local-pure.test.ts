import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { Facts } from '../../../server/sandbox/local/facts.ts';
import { launchPrefix, means, meansInWords, someOf } from '../../../server/sandbox/local/limits.ts';
import { refusal, refusalAfterTrial } from '../../../server/sandbox/local/refusal.ts';
import { bwrapArguments, runnerCommand } from '../../../server/sandbox/local/spec.ts';
import { endedFor } from '../../../server/sandbox/local/told.ts';
import type { CommandResult } from '../../../server/sandbox/sandbox.ts';

const GOOD: Facts = {
  platform: 'linux',
  arch: 'x64',
  kernel: '6.8.0-40-generic',
  unprivileged: true,
  missing: [],
  bubblewrap: 'bubblewrap 0.9.0',
  seccomp: true,
  usernsClone: null,
  maxUserNamespaces: '62000',
  apparmorRestricts: null,
  scope: null,
  nice: '/usr/bin/nice',
  taskset: '/usr/bin/taskset',
  cpus: '0-7',
};

describe('a machine that can’t confine is refused in a sentence with what to do', () => {
  const cases: [string, Partial<Facts>, RegExp][] = [
    ['another system', { platform: 'freebsd' }, /no local sandbox for freebsd/],
    ['WSL 1', { kernel: '4.4.0-19041-Microsoft' }, /WSL 1 .*wsl --set-version/],
    ['no bubblewrap', { bubblewrap: null }, /Missing.*bubblewrap.*apt-get install bubblewrap/],
    [
      'no git, no mkfifo',
      { missing: ['git', 'mkfifo', 'cp'] },
      /Missing.*: git, coreutils \(apt-get install git coreutils\)/,
    ],
    ['an old bubblewrap', { bubblewrap: 'bubblewrap 0.6.1' }, /0\.6\.1 is too old: 0\.7/],
    ['another processor', { arch: 'riscv64' }, /no system call filter for riscv64/],
    ['no seccomp', { seccomp: false }, /CONFIG_SECCOMP_FILTER/],
    ['no user namespaces', { maxUserNamespaces: '0' }, /switched off.*sysctl user\.max_user_namespaces/],
    [
      'user namespaces for root alone',
      { usernsClone: '0' },
      /only for root.*kernel\.unprivileged_userns_clone=1/,
    ],
  ];
  for (const [name, less, sentence] of cases) {
    test(name, () => assert.match(refusal({ ...GOOD, ...less }) ?? 'accepted', sentence));
  }

  test('AppArmor’s restriction is named, with its remedy, once the trial has failed', () => {
    const ubuntu = { ...GOOD, apparmorRestricts: '1' };
    assert.equal(refusal(ubuntu), null, 'a profile for bubblewrap may be there');
    assert.match(
      refusalAfterTrial(ubuntu, 'setting up uid map: Permission denied'),
      /AppArmor.*profile.*docs\/local-sandbox\.md.*Docker.*uid map/,
    );
    assert.match(
      refusalAfterTrial(GOOD, 'No permissions'),
      /can’t make a sandbox here: No permissions.*Docker/,
    );
  });

  test('a machine that can is accepted', () => {
    assert.equal(refusal(GOOD), null);
    assert.equal(refusal({ ...GOOD, unprivileged: false, usernsClone: '0' }), null);
    assert.equal(refusal({ ...GOOD, kernel: '5.15.167.4-microsoft-standard-WSL2' }), null);
    assert.equal(refusal({ ...GOOD, bubblewrap: 'bubblewrap 0.11.0', arch: 'arm64' }), null);
  });
});

describe('limits', () => {
  const limits = resolveLimits({
    sandboxMemoryBytes: 1024 ** 3,
    sandboxPids: 99,
    sandboxCpus: 2,
    sandboxDiskBytes: 4096,
  });

  test('are held by systemd where there is one, else by the kernel, affinity and watching; it says which', () => {
    assert.deepEqual(means({ ...GOOD, scope: 'user' }), {
      memory: 'scope',
      processes: 'scope',
      cpus: 'scope',
    });
    assert.deepEqual(means(GOOD), { memory: 'watch', processes: 'kernel', cpus: 'affinity' });
    assert.equal(means({ ...GOOD, kernel: '5.10.0' }).processes, 'watch');
    assert.equal(means({ ...GOOD, unprivileged: false }).processes, 'watch', 'root is exempt');
    assert.equal(means({ ...GOOD, taskset: null }).cpus, 'none');
    assert.equal(
      meansInWords(means({ ...GOOD, unprivileged: false, taskset: null })),
      'CPUs not limited, memory, processes and disk only by watching (no systemd scope here)',
    );
  });

  test('become what bubblewrap is started behind', () => {
    assert.deepEqual(launchPrefix(GOOD, limits, 'u', 7), [
      '/usr/bin/nice',
      '-n',
      '5',
      '/usr/bin/taskset',
      '-c',
      '7,0',
    ]);
    assert.equal(
      launchPrefix({ ...GOOD, scope: 'user' }, limits, 'codex-tasks-1', 0).join(' '),
      'systemd-run --user --scope --quiet --collect --unit=codex-tasks-1 -p MemoryMax=1073741824 -p MemorySwapMax=0 -p TasksMax=99 -p CPUQuota=200% -- /usr/bin/nice -n 5',
    );
    assert.deepEqual(launchPrefix({ ...GOOD, nice: null, taskset: null }, limits, 'u', 0), []);
  });

  test('take so many of the processors that are there', () => {
    assert.equal(someOf('0-3', 4, 0), null);
    assert.equal(someOf('0-3,8,10-11', 3, 3), '3,8,10');
    assert.equal(someOf('0-3', 0.5, 6), '2');
    assert.equal(someOf('', 1, 0), null);
  });

  test('that were passed are told as in a container, and only of what was ended by force', () => {
    const killed: CommandResult = {
      end: 'signalled',
      exitCode: 137,
      durationMs: 1,
      outputBytes: 0,
      droppedBytes: 0,
    };
    assert.equal(endedFor(undefined, killed, limits), killed);
    assert.equal(endedFor('memory', killed, limits).end, 'outOfMemory');
    assert.equal(endedFor('memory', { ...killed, end: 'exited', exitCode: 0 }, limits).end, 'exited');
    assert.equal(endedFor('memory', { ...killed, end: 'timedOut' }, limits).end, 'timedOut');
    assert.match(endedFor('processes', killed, limits).reason ?? '', /over 99 processes/);
    assert.throws(
      () => endedFor('disk', killed, { sandboxDiskBytes: 1.5 * 1024 ** 3, sandboxPids: 1 }),
      (error) =>
        error instanceof CodexError &&
        error.code === 'sandboxDiskFull' &&
        error.wire.params.limit === '1.5 GiB',
    );
  });
});

describe('bubblewrap’s options', () => {
  const of = {
    workspace: '/d/w',
    home: '/d/h',
    tmp: '/d/t',
    run: '/d/r',
    etc: '/d/e',
    codex: '/d/c',
    node: '/n',
    topLevel: { bin: 'usr/bin', lib64: null },
    proc: ['sys', 'kcore'],
    infoFd: 3,
    seccompFd: 5,
  };
  const text = bwrapArguments(of).join(' ');

  test('name what may be written, and nothing else of the machine', () => {
    assert.deepEqual(
      [...text.matchAll(/--bind (\S+ \S+)/g)].map((match) => match[1]),
      ['/d/t /tmp', '/d/h /root', '/d/w /workspace', '/d/r /run/codex'],
    );
    assert.match(text, /^--unshare-user --unshare-all --uid 0 --gid 0 .*--cap-drop ALL .*--seccomp 5 /);
    assert.match(text, /--ro-bind \/proc\/sys \/proc\/sys --ro-bind \/dev\/null \/proc\/kcore/);
    assert.match(text, /--remount-ro \/dev --remount-ro \/ --clearenv/);
    assert.doesNotMatch(text, /--share-net|--dev-bind|--cap-add|docker/);
  });

  test('mount a read-only repository over the workspace that holds it', () => {
    assert.match(
      bwrapArguments({ ...of, readOnly: 'project' }).join(' '),
      /--bind \/d\/w \/workspace --ro-bind \/d\/w\/project \/workspace\/project /,
    );
  });

  test('start the runner without core dumps, behind limits of its own namespace', () => {
    const [shell, , script] = runnerCommand({ sandboxDiskBytes: 10 * 1024 ** 2, sandboxPids: 77 });
    assert.equal(shell, 'bash');
    assert.match(script ?? '', /ulimit -c 0; ulimit -f 10240 .*ulimit -u 77 .*exec "\$@"$/);
  });
});
