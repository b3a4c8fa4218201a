/** Which scripts a turn's environment needs, and the key under which what they make is kept. */
import { createHash } from 'node:crypto';
import { DOOR_VERSION } from '../../../protocol/door.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { Repos } from '../../repos/repos.ts';
import { safeName } from '../../sandbox/of-turn.ts';
import { sorted, type TurnEnvironment } from '../environment.ts';
import { automaticSetup } from './automatic.ts';

/** Raised when the same key would stand for something else. */
const KEY_VERSION = 1;
/** The largest lock files of large monorepos have a few megabytes. */
const LOCK_FILE_BYTES = 64 * 1024 * 1024;

/** Switches an image of the universal kind to other versions. */
export const SWITCH_VERSIONS = `if [ -r /opt/codex/setup_universal.sh ]; then
  bash --login /opt/codex/setup_universal.sh
else
  echo 'The image does not switch versions: choose the image universal, or one that has them.' >&2
fi`;

export interface Plan {
  switchVersions: boolean;
  /** Null: nothing beside the versions. */
  text: string | null;
  /** By a person. */
  written: boolean;
  /** What an automatic one goes by. */
  files: string[];
}

/** From here on it is worth it to keep the clone alone: below, making it takes less than keeping it. */
const LARGE_REPOSITORY_BYTES = 8 * 1024 * 1024;

/** Null when there is nothing to set up; with neither text nor versions the clone alone is kept. */
export async function planSetup(
  repos: Repos,
  { repoId, sha }: { repoId: string; sha: string },
  { settings, base }: TurnEnvironment,
): Promise<Plan | null> {
  const switchVersions = Object.keys(settings.versions).length > 0;
  const { setup, workdir } = settings;
  const plan: Plan = { switchVersions, text: null, written: setup.kind !== 'automatic', files: [] };
  if (setup.kind === 'script') return { ...plan, text: setup.text };
  if (setup.kind === 'automatic') {
    const found = automaticSetup(await repos.listTree(repoId, base.sha, workdir));
    if (found) return { ...plan, text: found.script, files: found.files };
    // What only the task's commit has is installed by its maintenance.
    const later = sha === base.sha ? null : automaticSetup(await repos.listTree(repoId, sha, workdir));
    if (later) return plan;
  }
  if (switchVersions) return plan;
  return base.uncached === null && (await repos.packBytes(repoId)) > LARGE_REPOSITORY_BYTES ? plan : null;
}

/** What brings an environment that was prepared at one commit to another one; null when nothing has to. */
export async function planMaintenance(
  repos: Repos,
  repoId: string,
  { settings }: TurnEnvironment,
  plan: Plan,
  { from, to }: { from: string; to: string },
): Promise<{ text: string; written: boolean } | null> {
  const { maintenance, workdir } = settings;
  if (maintenance.kind === 'script') return { text: maintenance.text, written: true };
  // What a person wrote is theirs to repeat; what went by lock files goes by them again.
  if (maintenance.kind === 'none' || plan.written || from === to) return null;
  const now = automaticSetup(await repos.listTree(repoId, to, workdir));
  if (!now) return null;
  for (const file of new Set([...now.files, ...plan.files])) {
    const path = workdir === '' ? file : `${workdir}/${file}`;
    const [before, after] = await Promise.all([from, to].map((sha) => lockFile(repos, repoId, sha, path)));
    const same = before && after ? before.equals(after) : before === null && after === null;
    if (!same) return { text: now.script, written: false };
  }
  return null;
}

/** Null: nothing is there. Undefined: a link, a folder or too large, so that it is taken as changed. */
async function lockFile(
  repos: Repos,
  repoId: string,
  sha: string,
  path: string,
): Promise<Buffer | null | undefined> {
  try {
    return await repos.readFile(repoId, sha, path, LOCK_FILE_BYTES);
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    if (error.code === 'limitReached' || error.wire.params['reason'] === 'notAFile') return undefined;
    throw error;
  }
}

/** All that decides what comes out of a preparation; of secrets what tells nothing about them. */
export function keyOf(
  kind: string,
  imageIdentity: string,
  { repoId, name }: { repoId: string; name: string },
  { settings, secrets }: TurnEnvironment,
  plan: Plan,
): string {
  const parts = [
    ...[KEY_VERSION, DOOR_VERSION, kind, imageIdentity],
    // The same remote can be cloned into folders of other names: what was installed stands at a path.
    ...[repoId, safeName(name), settings.name, settings.workdir, plan.text],
    ...[settings.maintenance, settings.internet.setup, settings.allowSecretsIn],
    sorted(settings.versions),
    sorted(settings.variables),
    secrets.map(({ name, id }) => `${name} ${id}`).sort(),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
