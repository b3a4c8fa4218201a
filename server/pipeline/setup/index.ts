/**
 * Where a turn's sandbox starts from: its image when there is nothing to set up, an environment that was
 * prepared before, or one that is prepared now.
 *
 * An environment is prepared from the default branch, with nothing of any task in it, and kept under a key
 * of all that made it; a task then brings it to its own commit (maintenance). Where a branch sets itself
 * up, it is prepared from the task's commit and kept for that task alone. No agent has run before.
 */
import { CodexError } from '../../../protocol/errors.ts';
import type { EventParams } from '../../../protocol/events.ts';
import type { Prepared } from '../../environments/prepared.ts';
import { originBranch } from '../../repos/origin.ts';
import type { Preparation } from '../preparation.ts';
import type { Start } from '../start.ts';
import { keyOf, planMaintenance, planSetup, SWITCH_VERSIONS, type Plan } from './plan.ts';
import { runSetup, type SetupDone, type SetupWork } from './sandbox.ts';
import type { Script } from './run-script.ts';
import { reportFailure } from './scripts.ts';

export async function startOf(of: Preparation): Promise<Start> {
  const { turn, environment, parts } = of;
  const { settings, base } = environment;
  if (turn.mode === 'ask' && !settings.setupForAsk && !turn.onlySetup) return {};
  const plan = await planSetup(parts.repos, turn.task.repo, environment);
  if (plan === null) return {};
  if (base.uncached === null) return environment.untrusted ? onlyRead(of, plan) : fromCache(of, plan);
  await tell(of, 'off', { reason: base.uncached });
  return forThisTask(of, plan);
}

async function fromCache(of: Preparation, plan: Plan): Promise<Start> {
  const { turn, rooms } = of;
  const key = await keyFor(of, plan);
  for (;;) {
    const found = await rooms.prepared.find(key);
    if (found) {
      await tell(of, 'hit', { ageMs: ageOf(found), savedMs: found.setupMs });
      try {
        return await bringUpToDate(of, plan, found);
      } catch (error) {
        if (!(error instanceof CodexError) || error.code !== 'imageMissing') throw error;
        // Somebody tidied the engine up: it is prepared again.
        await rooms.prepared.forget(found);
        continue;
      }
    }
    const made = await rooms.prepared.alone(
      key,
      () => prepare(of, plan, key),
      turn.signal,
      () => turn.progress('Waiting: another task prepares the same environment.'),
    );
    if (made) return 'key' in made ? bringUpToDate(of, plan, made) : made.start;
  }
}

async function keyFor({ turn, environment, parts }: Preparation, plan: Plan): Promise<string> {
  const identity = await parts.driver.imageIdentity(
    environment.settings.image,
    (line) => turn.progress(line),
    turn.signal,
  );
  return keyOf(parts.driver.kind, identity, turn.task.repo, environment, plan);
}

/**
 * What others prepared will do: its key is that of an environment without secrets, so none had a part in it.
 * Where there is nothing, the task sets itself up, from its own commit and for itself.
 */
async function onlyRead(of: Preparation, plan: Plan): Promise<Start> {
  const { turn, environment, rooms } = of;
  const found = await rooms.prepared.find(await keyFor(of, plan));
  if (found) {
    await tell(of, 'hit', { ageMs: ageOf(found), savedMs: found.setupMs });
    try {
      return await bringUpToDate(of, plan, found);
    } catch (error) {
      if (!(error instanceof CodexError) || error.code !== 'imageMissing') throw error;
      await rooms.prepared.forget(found);
    }
  }
  const base = { sha: turn.task.repo.sha, uncached: 'untrusted' } as const;
  return startOf({ ...of, environment: { ...environment, base } });
}

/** The clock may have been set back since. */
function ageOf({ createdAt }: Prepared): number {
  return Math.max(0, Date.now() - createdAt);
}

/** From the task's own commit, kept as long as a sandbox needs it. */
async function forThisTask(of: Preparation, plan: Plan): Promise<Start> {
  const { task } = of.turn;
  const { sha } = of.environment.base;
  const branch = await originBranch(task.repo.branch);
  await of.origin();
  const done = await setUp(of, plan, { origin: task.id, commit: { sha, branch } });
  const { id: snapshot } = await keepFiles(of, done, { task: task.id });
  return withResults(of, plan, { snapshot, sha });
}

/** With what was prepared kept for all; only for this task when an automatic setup failed. */
async function prepare(of: Preparation, plan: Plan, key: string): Promise<Prepared | { start: Start }> {
  const { turn, environment, parts, rooms } = of;
  const { repo } = turn.task;
  const { base, settings } = environment;
  await tell(of, 'miss');
  const startedAt = performance.now();
  const origin = `setup${key.slice(0, 30)}`;
  let done: SetupDone;
  try {
    const { repoId, name } = repo;
    await parts.repos.prepareOrigin(origin, { repoId, name, sha: base.sha, includesLocal: false });
    const commit = { sha: base.sha, branch: await originBranch(undefined) };
    done = await setUp(of, plan, { origin, commit });
  } finally {
    await parts.repos.removeTask(origin, repo.repoId);
  }
  if (done.failed) {
    await tell(of, 'refused', { reason: 'setupFailed' });
    return { start: { snapshot: (await keepFiles(of, done, { task: turn.task.id })).id } };
  }
  const setupMs = Math.round(performance.now() - startedAt);
  const { id, bytes } = await keepFiles(of, done, { key });
  const createdAt = Date.now();
  const prepared: Prepared = {
    key,
    environment: settings.name,
    repoId: repo.repoId,
    sha: base.sha,
    snapshot: id,
    bytes,
    setupMs,
    createdAt,
    expiresAt: createdAt + settings.cacheMs,
  };
  await rooms.prepared.keep(prepared);
  await tell(of, 'stored', { bytes, savedMs: setupMs });
  return prepared;
}

function setUp(of: Preparation, plan: Plan, where: Pick<SetupWork, 'origin' | 'commit'>): Promise<SetupDone> {
  const script = (name: string, text: string, written: boolean): Script => ({
    by: 'setup',
    callId: `${name}-${of.turn.turn}`,
    text,
    written,
  });
  const scripts = [
    ...(plan.switchVersions ? [script('versions', SWITCH_VERSIONS, true)] : []),
    ...(plan.text === null ? [] : [script('setup', plan.text, plan.written)]),
  ];
  return inPhase(of, 'setup', { ...where, scripts });
}

/**
 * From what was prepared to the task's commit. With secrets to give, maintenance has a sandbox of its own
 * as the setup has, and sees what the person sent: what an agent made of it would run with them. Without
 * any the agent's sandbox will do, unless nothing can be written there.
 */
async function bringUpToDate(of: Preparation, plan: Plan, prepared: Prepared): Promise<Start> {
  const { turn, startSha, environment } = of;
  const { repo, id: origin } = turn.task;
  const { key, snapshot, sha } = prepared;
  const hasSecrets = environment.secrets.length > 0;
  const to = hasSecrets ? repo.sha : startSha;
  const maintenance = await maintenanceOf(of, plan, { from: sha, to });
  if (maintenance === null) return withResults(of, plan, { snapshot, sha, key });
  if (!hasSecrets && turn.mode !== 'ask') return { snapshot, sha, key, maintenance };
  const commit = { sha: to, branch: await originBranch(repo.branch), keep: true };
  await of.origin();
  const done = await inPhase(of, 'maintenance', { snapshot, origin, commit, scripts: [maintenance] });
  const { id } = await keepFiles(of, done, { task: origin });
  return withResults(of, plan, { snapshot: id, sha: to });
}

/** What an agent changed of the lock files is installed by the agent's own sandbox, without any secret. */
async function withResults(of: Preparation, plan: Plan, start: Start & { sha: string }): Promise<Start> {
  const { mode, task } = of.turn;
  if (of.startSha === task.repo.sha || mode === 'ask') return start;
  const maintenance = await maintenanceOf(of, plan, { from: start.sha, to: of.startSha });
  return maintenance === null || maintenance.written ? start : { ...start, maintenance };
}

async function maintenanceOf(
  { turn, environment, parts }: Preparation,
  plan: Plan,
  way: { from: string; to: string },
): Promise<Script | null> {
  const { repoId } = turn.task.repo;
  const due = await planMaintenance(parts.repos, repoId, environment, plan, way);
  return due && { ...due, by: 'maintenance', callId: `maintenance-${turn.turn}-${way.to.slice(0, 8)}` };
}

function inPhase(of: Preparation, phase: 'setup' | 'maintenance', work: SetupWork): Promise<SetupDone> {
  return of.turn.phase(phase, async () => {
    const done = await runSetup(of, work);
    if (done.failed) await reportFailure(of, done.failed);
    return done;
  });
}

async function keepFiles(
  { parts: { driver } }: Preparation,
  { name }: SetupDone,
  labels: Record<string, string>,
): Promise<{ id: string; bytes: number }> {
  const kept = await driver.snapshot(name, labels);
  await driver.remove(name);
  return kept;
}

function tell(
  { turn, attempt }: Preparation,
  outcome: EventParams<'environment.cache'>['outcome'],
  more: Omit<EventParams<'environment.cache'>, 'outcome'> = {},
): Promise<void> {
  return turn.emit({ code: 'environment.cache', attempt, params: { outcome, ...more } });
}
