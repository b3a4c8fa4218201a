import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerOf } from '../../../server/sandbox/docker/spec.ts';
import { containerSpec, describeHardening } from '../../../server/sandbox/docker/spec.ts';
import { mirrorOf } from '../../../server/sandbox/docker/debian.ts';

const OF: ContainerOf = {
  name: 'codex-task-t1-2',
  taskId: 't1',
  attempt: 2,
  repoName: 'project',
  image: 'sha256:abc',
  runnerVolume: 'codex-tasks-runner-1',
  owner: 'me',
  engine: { architecture: 'amd64', cpus: 2, limitsDisk: false },
  limits: { sandboxMemoryBytes: 1_000_000, sandboxPids: 77, sandboxCpus: 1.5, sandboxDiskBytes: 5_000_000 },
};

/** A volume without a name, which is removed with its container. */
const own = (path: string): object => ({
  Type: 'volume',
  Source: '',
  Target: path,
  ReadOnly: false,
  VolumeOptions: {
    NoCopy: true,
    Labels: { 'codex-tasks.volume': 'own', 'codex-tasks.owner': 'me' },
    DriverConfig: { Name: 'local', Options: {} },
  },
});

test('a container has no network, no privilege it does not need, and limits', () => {
  const spec = containerSpec(OF);
  assert.deepEqual(spec, {
    name: 'codex-task-t1-2',
    Image: 'sha256:abc',
    Hostname: 'sandbox',
    User: '0:0',
    WorkingDir: '/',
    Entrypoint: ['/opt/codex/tasks/node', '/opt/codex/tasks/runner.cjs', 'serve'],
    Cmd: [],
    Tty: false,
    OpenStdin: false,
    StopSignal: 'SIGTERM',
    StopTimeout: 2,
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      'codex-tasks.sandbox': 'true',
      'codex-tasks.owner': 'me',
      'codex-tasks.role': 'agent',
      'codex-tasks.task': 't1',
      'codex-tasks.attempt': '2',
      'codex-tasks.repo': 'project',
      'codex-tasks.home': '/root',
    },
    HostConfig: {
      NetworkMode: 'none',
      Init: true,
      Privileged: false,
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'],
      SecurityOpt: ['no-new-privileges:true'],
      Devices: [],
      IpcMode: 'private',
      CgroupnsMode: 'private',
      PidsLimit: 77,
      Memory: 1_000_000,
      MemorySwap: 1_000_000,
      NanoCpus: 1_500_000_000,
      OomScoreAdj: 500,
      ShmSize: 268_435_456,
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nofile', Soft: 16_384, Hard: 16_384 },
      ],
      AutoRemove: false,
      RestartPolicy: { Name: 'no' },
      ExtraHosts: ['sandbox:127.0.0.1', 'proxy:127.0.0.2'],
      Mounts: [
        {
          Type: 'volume',
          Source: 'codex-tasks-runner-1',
          Target: '/opt/codex/tasks',
          ReadOnly: true,
          VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
        },
        own('/run/codex'),
      ],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '64k', 'max-file': '1' } },
    },
  });
});

test('setup and agent are confined the same, a question has no capability at all', () => {
  const host = (role: 'agent' | 'setup' | 'ask') => containerSpec({ ...OF, role }).HostConfig;
  assert.deepEqual(host('setup'), host('agent'));
  assert.deepEqual(host('ask'), {
    ...host('agent'),
    CapAdd: [],
    // Of somebody else's: see ask.ts.
    Mounts: [...(host('agent')?.Mounts ?? []), own('/workspace')],
  });
});

test('an engine is asked for no more than it can do', () => {
  const host = (engine: Omit<ContainerOf['engine'], 'architecture'>) =>
    containerSpec({ ...OF, engine: { architecture: 'amd64', ...engine } }).HostConfig;
  assert.equal(host({ cpus: 1, limitsDisk: false })?.NanoCpus, 1_000_000_000);
  assert.equal('NanoCpus' in (host({ cpus: null, limitsDisk: false }) ?? {}), false);
  assert.deepEqual(host({ cpus: 2, limitsDisk: true })?.StorageOpt, { size: '5000000' });
  assert.equal(host({ cpus: 2, limitsDisk: false, runtime: 'runsc' })?.Runtime, 'runsc');
});

test('a container runs as the image’s user', () => {
  const user = { name: 'node', uid: 1000, gid: 1000, home: '/home/node' };
  const spec = containerSpec(OF);
  assert.deepEqual(containerSpec({ ...OF, user }), {
    ...spec,
    User: 'node',
    Labels: { ...spec.Labels, 'codex-tasks.home': '/home/node' },
  });
});

test('doctor tells what confines a sandbox', () => {
  assert.deepEqual(describeHardening(), [
    { name: 'network', value: 'none' },
    { name: 'capabilities', value: 'CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID; in ask mode none' },
    { name: 'privileges', value: 'no-new-privileges:true; privileged false' },
    { name: 'devices', value: 'none' },
    { name: 'namespaces', value: 'ipc private, cgroup private' },
    { name: 'ulimits', value: 'core 0, nofile 16384' },
    { name: 'swap', value: 'none' },
    { name: 'out of memory', value: 'score 500: before the rest of the machine' },
  ]);
});

test('the Debian mirror is the first archive of the apt sources, in either format', () => {
  assert.equal(
    mirrorOf('Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\n'),
    'http://mirror.test/debian',
  );
  assert.equal(
    mirrorOf('# deb http://no.test/debian x main\ndeb [signed-by=/k] https://m.test/debian/ bookworm main'),
    'https://m.test/debian/',
  );
  assert.equal(
    mirrorOf('URIs: http://mirror.test/debian-security\ndeb https://other.test/node_20.x nodistro main'),
    null,
  );
});
