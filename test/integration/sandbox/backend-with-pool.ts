/** A backend with a pool, that says when it is filled and then waits for somebody to kill it. */
import { setTimeout as wait } from 'node:timers/promises';
import Docker from 'dockerode';
import { DockerDriver } from '../../../server/sandbox/docker/driver.ts';
import { ownerOf } from '../../../server/sandbox/naming.ts';
import { newTask } from './help.ts';

const dataDir = process.argv[2] ?? '';
await new DockerDriver(dataDir, {}, undefined, 1).open(newTask());
const label = [`codex-tasks.owner=${ownerOf(dataDir)}`, 'codex-tasks.pool'];
while ((await new Docker().listContainers({ filters: { label } })).length === 0) await wait(100);
process.stdout.write('filled\n');
setInterval(() => {}, 60_000);
