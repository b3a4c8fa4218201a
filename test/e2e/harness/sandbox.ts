/** Commands in a task's container that go on when the test says so: no test has to be quicker than a `sleep`. */
import { execFileSync } from 'node:child_process';
import type { BackendConnection } from '../../../client/connection/index.ts';
import { eventually } from './window.ts';

/** In a prompt or a script of the model: what comes after it waits for `letGo`. Nothing in it is risky. */
export const WAITS = 'until test -e /tmp/go; do sleep 0.1; done';

/** The running container of the newest task with this title. */
export async function containerOf(backend: BackendConnection, title: string): Promise<string> {
  return eventually(`a container of “${title}”`, async () => {
    const { tasks } = await backend.call('task.list', {});
    const task = tasks.find((one) => one.title.startsWith(title));
    if (!task) return false;
    const filter = ['ps', '--format', '{{.Names}}', '--filter', `name=${task.id}`];
    return execFileSync('docker', filter, { encoding: 'utf8' }).split('\n')[0] || false;
  });
}

export function letGo(container: string): void {
  execFileSync('docker', ['exec', container, 'touch', '/tmp/go']);
}
