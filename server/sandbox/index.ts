/** Which kind of sandbox: decided by the caller, never replaced by another one here. */
import { DockerDriver } from './docker/driver.ts';
export { reportConfinement } from './docker/report.ts';
export type { ConfinementReport } from './docker/report.ts';
import { LocalDriver } from './local/driver.ts';
import type { SandboxDriver, SandboxKind } from './sandbox.ts';

export interface DriverOptions {
  kind: SandboxKind;
  dataDir: string;
  /** Where the engine is; absent: DOCKER_HOST, or the usual socket. */
  dockerOptions?: ConstructorParameters<typeof DockerDriver>[1];
  /** The container runtime of every Docker sandbox, such as gVisor's `runsc`; absent: the engine's default. */
  runtime?: string;
  /** How many Docker sandboxes are kept started for whoever comes next. Default: none. */
  pool?: number;
}

export function createDriver(options: DriverOptions): SandboxDriver {
  switch (options.kind) {
    case 'docker':
      return new DockerDriver(options.dataDir, options.dockerOptions, options.runtime, options.pool);
    case 'local':
      return new LocalDriver(options.dataDir);
  }
}
