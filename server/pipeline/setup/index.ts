/**
 * Where a turn's sandbox starts from: its image when there is nothing to set up, an environment that was
 * prepared before, or one that is prepared now.
 *
 * An environment is prepared from the default branch, with nothing of any task in it, and kept under a key
 * of all that made it; a task then brings it to its own commit (maintenance). Where a branch sets itself
 * up, it is prepared from the task's commit and kept for that task alone. No agent has run before.
 */
import type { EventParams } from '../../../protocol/events.ts';
import type { Prepared } from '../../environments/prepared.ts';
import { originBranch } from '../../repos/origin.ts';
import type { Preparation } from '../preparation.ts';
import { keyOf, planMaintenance, planSetup, SWITCH_VERSIONS, type Plan } from './plan.ts';
import { runSetup, type SetupDone, type SetupWork } from './sandbox.ts';
import { reportFailure, type Script } from './scripts.ts';

export interface Start {
  /** Absent: the image. */
  snapshot?: string;
  /** The commit that its repository stands at. */
  sha?: string;
  /** The prepared environment's, to be forgotten when its snapshot turns out to be gone. */
  key?: string;
  /** To be run in the agent's own sandbox, after its checkout. */
  maintenance?: Script;
}

export async function startOf(of: Preparation): Promise<Start> {
  const { turn, environment, parts } = of;
  const { settings, base } = environment;
  if (turn.mode === 'ask' && !settings.setupForAsk && !turn.onlySetup) return {};
  const plan = await planSetup(parts.repos, turn.task.repo, environment);
  if (plan === null) return {};
  if (base.uncached === null) return fromCache(of, plan);
  await tell(of, 'off', { reason: base.uncached });
  return forThisTask(of, plan);
}

async function fromCache(of: Preparation, plan: Plan): Promise<Start> {
  const { turn, environment, parts, rooms } = of;
  const identity = await parts.driver.imageIdentity(
    environment.settings.image,
    (line) => turn.progress(line),
    turn.signal,
  );
  const key = keyOf(parts.driver.kind, identity, turn.task.repo.repoId, environment, plan);
  for (;;) {
    const found = await rooms.prepared.find(key);
    if (found) {
      await tell(of, 'hit', { ageMs: Date.now() - found.createdAt, savedMs: found.setupMs });
      return bringUpToDate(of, plan, found);
    }
    const made = await rooms.prepared.alone(key, () => prepare(of, plan, key), turn.signal);
    if (made) return 'key' in made ? bringUpToDate(of, plan, made) : made.start;
    turn.progress('The same environment was being prepared for another task.');
  }
}

/** From the task's own commit, kept as long as a sandbox needs it. */
async function forThisTask(of: Preparation, plan: Plan): Promise<Start> {
  const { task } = of.turn;
  const branch = await originBranch(task.repo.branch);
  await of.origin();
  const commit = { sha: of.environment.base.sha, branch };
  const done = await setUp(of, plan, { origin: task.id, commit });
  return { snapshot: (await keepFiles(of, done, { task: task.id })).id };
}

/** With what was prepared kept for all; only for this task when an automatic setup failed. */
async function prepare(of: Preparation, plan: Plan, key: string): Promise<Prepared | { start: Start }> {
  const { turn, environment, parts, rooms } = of;
  const { repo } = turn.task;
  const { base, settings } = environment;
  await tell(of, 'miss');
  const startedAt = Date.now();
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
  const setupMs = Date.now() - startedAt;
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
 * as the setup has; without any the agent's will do.
 */
async function bringUpToDate(of: Preparation, plan: Plan, { key, snapshot, sha }: Prepared): Promise<Start> {
  const { turn, startSha, environment, parts } = of;
  const { repo } = turn.task;
  const due = await planMaintenance(parts.repos, repo.repoId, environment, plan, { from: sha, to: startSha });
  if (due === null) return { snapshot, sha, key };
  const script: Script = { ...due, by: 'maintenance', callId: `maintenance-${turn.turn}` };
  if (environment.secrets.length === 0) return { snapshot, sha, key, maintenance: script };
  const branch = await originBranch(repo.branch);
  await of.origin();
  const done = await inPhase(of, 'maintenance', {
    snapshot,
    origin: turn.task.id,
    commit: { sha: startSha, branch, keep: true },
    scripts: [script],
  });
  return { snapshot: (await keepFiles(of, done, { task: turn.task.id })).id };
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
