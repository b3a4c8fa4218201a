import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerSpec } from '../../../server/sandbox/docker/spec.ts';
import { mirrorOf } from '../../../server/sandbox/docker/debian.ts';

test('a container has no network, no privilege it does not need, and limits', () => {
  const spec = containerSpec({
    name: 'codex-task-t1-2',
    taskId: 't1',
    attempt: 2,
    repoName: 'project',
    image: 'sha256:abc',
    runnerVolume: 'codex-tasks-runner-1',
    owner: 'me',
    limits: { sandboxMemoryBytes: 1_000_000, sandboxPids: 77 },
  });
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
      'codex-tasks.task': 't1',
      'codex-tasks.attempt': '2',
      'codex-tasks.repo': 'project',
    },
    HostConfig: {
      NetworkMode: 'none',
      Init: true,
      Privileged: false,
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID'],
      SecurityOpt: ['no-new-privileges:true'],
      IpcMode: 'private',
      CgroupnsMode: 'private',
      PidsLimit: 77,
      Memory: 1_000_000,
      MemorySwap: 1_000_000,
      OomScoreAdj: 500,
      ShmSize: 268_435_456,
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
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
      ],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '64k', 'max-file': '1' } },
    },
  });
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
