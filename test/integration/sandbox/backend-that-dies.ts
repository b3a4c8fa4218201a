/** A backend that starts a command and tells what it hears, until somebody kills it. */
import { createDriver } from '../../../server/sandbox/index.ts';
import type { CommandSpec, SandboxKind, SandboxSpec } from '../../../server/sandbox/sandbox.ts';

const { kind, dataDir, task, call } = JSON.parse(process.argv[2] ?? '') as {
  kind: SandboxKind;
  dataDir: string;
  task: SandboxSpec;
  call: CommandSpec;
};
const sandbox = await createDriver({ kind, dataDir }).open(task);
await sandbox.run(call, { onOutput: (bytes) => void process.stdout.write(bytes) });
