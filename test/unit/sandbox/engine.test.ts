import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  factsOf,
  maySizeDisk,
  nodeArchitecture,
  runtimeMissing,
  weaknessesOf,
} from '../../../server/sandbox/docker/engine.ts';
import type { EngineInfo } from '../../../server/sandbox/docker/engine.ts';
import { describeEngine } from '../../../server/sandbox/docker/report.ts';

const INFO: EngineInfo = {
  Architecture: 'x86_64',
  NCPU: 2,
  CpuCfsQuota: true,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
  CgroupVersion: '2',
  Driver: 'overlay2',
  DriverStatus: [['Backing Filesystem', 'extfs']],
  DefaultRuntime: 'runc',
  Runtimes: { runc: {}, runsc: {}, 'io.containerd.runc.v2': {} },
  SecurityOptions: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=cgroupns'],
};

test('a runtime that is there is nothing to say; another is named with those that are', () => {
  assert.equal(runtimeMissing(INFO, undefined), null);
  assert.equal(runtimeMissing(INFO, 'runsc'), null);
  assert.match(runtimeMissing(INFO, 'kata') ?? '', /“kata”; it has runc, runsc\./);
});

test('an engine without a filter or a limit is said to be weaker', () => {
  assert.deepEqual(weaknessesOf(INFO, undefined), []);
  const weak = (more: Partial<EngineInfo>, runtime?: string): string =>
    weaknessesOf({ ...INFO, ...more }, runtime).join(' ');
  assert.match(weak({ SecurityOptions: ['name=seccomp,profile=unconfined'] }), /without a seccomp filter/);
  assert.match(weak({ SecurityOptions: [] }), /without a seccomp filter/);
  assert.equal(weak({ SecurityOptions: [] }, 'runsc'), '');
  assert.match(weak({ SecurityOptions: ['name=seccomp,profile=/etc/own.json'] }), /own\.json/);
  assert.match(weak({ MemoryLimit: false }), /memory/);
  assert.match(weak({ SwapLimit: false }), /swap/);
  assert.match(weak({ PidsLimit: false }), /fork bomb/);
  assert.match(weak({ CpuCfsQuota: false }), /processors/);
});

test('what an engine can do is read from what it says', () => {
  const facts = factsOf(INFO, 'runsc', false);
  assert.deepEqual(facts, { architecture: 'amd64', cpus: 2, runtime: 'runsc', limitsDisk: false });
  assert.equal(nodeArchitecture(facts), 'x64');
  assert.equal(factsOf({ ...INFO, CpuCfsQuota: false }, undefined, true).cpus, null);
  assert.equal(maySizeDisk(INFO), false);
  assert.equal(maySizeDisk({ ...INFO, DriverStatus: [['Backing Filesystem', 'xfs']] }), true);
  assert.equal(maySizeDisk({ ...INFO, Driver: 'btrfs' }), true);
});

test('doctor names the runtime, the filters, who root is outside, and who watches the disk', () => {
  assert.deepEqual(
    describeEngine(INFO, 'runsc').map(({ name, value }) => `${name}: ${value}`),
    [
      'runtime: runsc (there are also runc)',
      'kernel filters: seccomp builtin, AppArmor on',
      'root inside: is root outside too, without most rights; rootless Docker or userns-remap is stronger',
      'control groups: version 2',
      'disk: overlay2; not limited by the engine: watched while commands run',
    ],
  );
  const rootless = { ...INFO, SecurityOptions: ['name=seccomp,profile=default', 'name=rootless'] };
  assert.match(describeEngine(rootless, undefined)[2]?.value ?? '', /rootless/);
});
