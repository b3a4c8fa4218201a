/** What one backend has in the container engine, and in the machine. */
import { readdirSync, readFileSync } from 'node:fs';
import Docker from 'dockerode';
import { createDriver } from '../../server/sandbox/index.ts';
import { ownerOf } from '../../server/sandbox/naming.ts';

const docker = new Docker();

export interface InEngine {
  containers: string[];
  images: string[];
  /** Those of its containers, and those that are labelled as its own. */
  volumes: string[];
  networks: string[];
}

/** `seen`: volumes that containers of it had; the engine forgets whose a nameless one was. */
export async function inEngine(dataDir: string, seen: Set<string> = new Set()): Promise<InEngine> {
  const filters = { label: [`codex-tasks.owner=${ownerOf(dataDir)}`] };
  const [containers, images, volumes, networks] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listImages({ filters }),
    docker.listVolumes(),
    docker.listNetworks({ filters }),
  ]);
  for (const { Mounts } of containers)
    for (const { Name, Type } of Mounts) if (Type === 'volume' && Name !== undefined) seen.add(Name);
  const isOwn = ({ Name, Labels }: Docker.VolumeInspectInfo): boolean =>
    // The runner's is every backend's.
    (seen.has(Name) && !Name.startsWith('codex-tasks-runner-')) ||
    Labels?.['codex-tasks.owner'] === ownerOf(dataDir);
  return {
    containers: containers.map(({ Names }) => Names[0] ?? ''),
    images: images.map(({ Id }) => Id),
    volumes: volumes.Volumes.filter(isOwn).map(({ Name }) => Name),
    networks: networks.map(({ Name }) => Name),
  };
}

/** Of a test that failed. */
export async function removeAll(dataDir: string): Promise<void> {
  const driver = createDriver({ kind: 'docker', dataDir });
  for (const { name } of await driver.list()) await driver.remove(name);
  for (const { id } of await driver.snapshots()) await driver.removeSnapshot(id);
  await driver.close?.();
}

interface Process {
  pid: number;
  parent: number;
  command: string;
  residentKib: number;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Process[] => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'latin1');
        const number = (field: RegExp): number => Number(field.exec(status)?.[1] ?? 0);
        return [
          {
            pid: Number(name),
            parent: number(/^PPid:\s+(\d+)/m),
            residentKib: number(/^VmRSS:\s+(\d+)/m),
            command: readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim(),
          },
        ];
      } catch {
        // It ended while it was read.
        return [];
      }
    });
}

/** The process and all that it started. */
export function treeOf(pid: number): Process[] {
  const all = processes();
  const tree = all.filter((one) => one.pid === pid);
  for (let at = 0; at < tree.length; at++) tree.push(...all.filter((one) => one.parent === tree[at]?.pid));
  return tree;
}

/** Command lines that have the text in them. */
export function commandsWith(text: string): string[] {
  return processes()
    .map(({ command }) => command)
    .filter((command) => command.includes(text));
}

/** Memory of a process with all that it started, as its largest sum and what that was; until `stop`. */
export function watchMemory(
  pid: number,
  everyMs: number,
): { stop(): { bytes: number; ofItself: number; then: string } } {
  let [bytes, ofItself] = [0, 0];
  let then = '';
  const look = (): void => {
    const [itself, ...others] = treeOf(pid);
    // Between fork and exec a child is a copy of its parent that takes nothing; amid exec it has no name yet.
    const children = others.filter(({ command }) => command !== itself?.command && command !== '');
    const tree = itself ? [itself, ...children] : [];
    const sum = tree.reduce((kib, one) => kib + one.residentKib, 0) * 1024;
    if (sum > bytes) {
      bytes = sum;
      then = tree
        .map(({ residentKib, command }) => `${(residentKib / 1024).toFixed(0)} ${command.slice(0, 60)}`)
        .join('; ');
    }
    ofItself = Math.max(ofItself, (itself?.residentKib ?? 0) * 1024);
  };
  const timer = setInterval(look, everyMs).unref();
  return {
    stop() {
      clearInterval(timer);
      return { bytes, ofItself, then };
    },
  };
}
