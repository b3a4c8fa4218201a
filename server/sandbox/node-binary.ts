/**
 * A Node for the runner: the one that runs us where that is a real, self-contained Node for that system
 * and the right architecture, else the npm platform package's where it is installed.
 */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { assetPath } from '../assets.ts';

export interface NodeBinary {
  path: string;
  bytes: number;
  /** Changes when another Node stands at the path. */
  identity: string;
}

/** `arch` as Node names it: x64, arm64. */
export async function findNode(
  arch: string,
  platform: 'linux' | 'darwin' = 'linux',
): Promise<NodeBinary | null> {
  for (const path of candidates(arch, platform)) {
    if (!existsSync(path)) continue;
    const { size, mtimeMs } = await stat(path);
    return { path, bytes: size, identity: `${arch} ${size} ${Math.round(mtimeMs)}` };
  }
  return null;
}

function* candidates(arch: string, platform: string): Generator<string> {
  const isOurs = process.platform === platform && process.arch === arch;
  if (isOurs && isSelfContained()) yield process.execPath;
  yield assetPath('node', `${platform}-${arch}`, 'node');
  const require = createRequire(import.meta.url);
  for (const name of [`node-${platform}-${arch}`, ...(isOurs ? ['node'] : [])]) {
    try {
      yield join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node');
    } catch {
      // Not installed.
    }
  }
}

/** Not Electron's, and not a distribution's that is little more than a link to its own libraries. */
function isSelfContained(): boolean {
  const variables = process.config.variables as Record<string, unknown>;
  const shared = variables['node_shared'] === true || variables['node_shared'] === 'true';
  return process.versions['electron'] === undefined && process.versions['bun'] === undefined && !shared;
}
