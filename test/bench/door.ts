/**
 * The door's speed, as `name value unit budget`: throughput, one command, and from nothing to an open
 * door. `node test/bench/door.ts [docker|local]`
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { resolveLimits } from '../../protocol/limits.ts';
import { createDriver } from '../../server/sandbox/index.ts';
import type { SandboxKind } from '../../server/sandbox/sandbox.ts';

const COMMANDS = 200;
const STARTS = 5;
const BULK_MIB = 250;

const kind: SandboxKind = process.argv[2] === 'local' ? 'local' : 'docker';
const dataDir = mkdtempSync(join(tmpdir(), 'codex-tasks-bench-'));
const driver = createDriver({ kind, dataDir });
const limits = resolveLimits();
const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };

try {
  const starts: number[] = [];
  for (let at = 0; at <= STARTS; at++) {
    const taskId = `bench-${process.pid}-${at}`;
    const started = performance.now();
    const sandbox = await driver.open({ taskId, attempt: 1, generation: 1, repoName: 'bench', limits });
    // The first one also fills the volume, and builds the image where it is not there.
    if (at > 0) starts.push(performance.now() - started);
    if (at === STARTS) {
      const commands: number[] = [];
      for (let call = 0; call < COMMANDS; call++) {
        const before = performance.now();
        await sandbox.run({
          callId: `c${call}`,
          argv: ['true'],
          cwd: '/',
          env,
          timeoutMs: 10_000,
          maxOutputBytes: 1_000,
        });
        commands.push(performance.now() - before);
      }
      print('door.command', median(commands), 'ms', 10);
      const before = performance.now();
      let bytes = 0;
      await sandbox.run(
        {
          callId: 'bulk',
          argv: ['head', '-c', `${BULK_MIB}M`, '/dev/zero'],
          cwd: '/',
          env,
          timeoutMs: 60_000,
          maxOutputBytes: BULK_MIB * 1024 * 1024,
        },
        { onOutput: (chunk) => (bytes += chunk.length) },
      );
      print('door.throughput', bytes / 1e6 / ((performance.now() - before) / 1_000), 'MB/s', 150);
    }
    await sandbox.detach();
    await driver.remove(sandbox.name);
  }
  print('sandbox.open', median(starts), 'ms', 500);
} finally {
  for (const ref of await driver.list()) await driver.remove(ref.name);
  rmSync(dataDir, { recursive: true, force: true });
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function print(name: string, value: number, unit: string, budget: number): void {
  process.stdout.write(`${kind}.${name} ${value.toFixed(1)} ${unit} ${budget}\n`);
}
