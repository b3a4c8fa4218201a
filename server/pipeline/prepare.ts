/**
 * The sandbox of a turn's agent, with its door open and the right commit in its working tree.
 *
 * What a resumed turn or a follow-up finds is kept when it is the right one: installed packages and
 * running services survive. Otherwise it is made anew, from where `setup/` says, with the newest result
 * of the task on it. What stands in its working tree is marked last, so that a sandbox that was never
 * finished is not taken for one that was.
 */
import { CodexError } from '../../protocol/errors.ts';
import { originBranch } from '../repos/origin.ts';
import type { Repos } from '../repos/repos.ts';
import type { Sandbox, SandboxRole } from '../sandbox/sandbox.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import { placeOf, readMark, writeMark } from './place.ts';
import { openSandbox, type Preparation } from './preparation.ts';
import { reportFailure, runScripts } from './setup/scripts.ts';
import type { Start } from './start.ts';

/** `again`: the turn had its sandbox before and lost it; its files may still be there. */
export async function prepareSandbox(of: Preparation, again = false): Promise<Sandbox> {
  const { turn, attempt } = of;
  const startedAt = performance.now();
  const mayBeThere = again || turn.turn > 1 || turn.resumed;
  const found = mayBeThere && (await isThere(of)) ? await inCheckout(of, () => takeOver(of)) : null;
  const sandbox = found ?? (await makeNew(of));
  try {
    const restored = found === null && of.startSha !== turn.task.repo.sha;
    await turn.emit({
      code: 'sandbox.started',
      attempt,
      params: {
        kind: sandbox.kind,
        name: sandbox.name,
        how: restored ? 'restored' : sandbox.how,
        durationMs: Math.round(performance.now() - startedAt),
      },
    });
    return sandbox;
  } catch (error) {
    await sandbox.detach();
    throw error;
  }
}

/**
 * Fills the task's own repository when it is first asked for: copying a large one takes longer than starting
 * from a prepared sandbox, which has its commit already. Nobody is left alone with its failure.
 */
export function prepareOrigin(repos: Repos, { task }: TurnContext, startSha: string): () => Promise<void> {
  const { id, repo } = task;
  let filled: Promise<void> | undefined;
  return () => {
    filled ??= repos
      .prepareOrigin(id, repo)
      .then(() => (startSha === repo.sha ? undefined : repos.publishToOrigin(id, repo.repoId, startSha)));
    filled.catch(() => {});
    return filled;
  };
}

function roleOf({ mode, onlySetup }: TurnContext): SandboxRole {
  return mode === 'ask' && !onlySetup ? 'ask' : 'agent';
}

async function isThere({ turn, attempt, parts }: Preparation): Promise<boolean> {
  const role = roleOf(turn);
  const isOurs = (ref: { taskId: string; attempt: number; role: SandboxRole }) =>
    ref.taskId === turn.task.id && ref.attempt === attempt && ref.role === role;
  try {
    return (await parts.driver.list()).some(isOurs);
  } catch {
    // Whatever keeps it from being listed is said, in a sentence, by opening it.
    return true;
  }
}

/** Null when it can't be gone on with; then it is gone. */
async function takeOver(of: Preparation): Promise<Sandbox | null> {
  const { turn, startSha, parts } = of;
  const sandbox = await openAgents(of, undefined).catch(async (error: unknown) => {
    // Somebody was removing it when it was found, and has done so.
    if (await isThere(of)) throw error;
    return null;
  });
  if (sandbox === null) return null;
  try {
    const mark = await readMark(sandbox);
    // Where nothing can be written, what was checked out is still what is there.
    const unchanged = roleOf(turn) === 'ask' && mark?.sha === startSha;
    const place = unchanged ? 'asCaptured' : placeOf(mark, turn.turn, startSha);
    if (place === 'goOn') return sandbox;
    if (place === 'asCaptured') {
      await sandbox.stopAll();
      await writeMark(sandbox, { turn: turn.turn, sha: startSha, captured: false });
      return sandbox;
    }
  } catch (error) {
    await sandbox.detach();
    throw error;
  }
  await sandbox.detach();
  await parts.driver.remove(sandbox.name);
  return null;
}

async function makeNew(of: Preparation): Promise<Sandbox> {
  const { turn, startSha } = of;
  let start = await of.start.get();
  let sandbox = await openFrom(of, start);
  if (sandbox === null) {
    // Somebody tidied the engine up: what was prepared is prepared again.
    start = await of.start.insteadOf(start);
    sandbox = await openFrom(of, start);
  }
  if (sandbox === null) throw new CodexError('imageMissing', { image: start.snapshot ?? '' });
  try {
    if (start.maintenance) await maintain(of, sandbox, start.maintenance);
    await sandbox.stopAll();
    await writeMark(sandbox, { turn: turn.turn, sha: startSha, captured: false });
    return sandbox;
  } catch (error) {
    await sandbox.detach();
    throw error;
  }
}

/** A sandbox that was opened is let go, too, when only the phase's end can't be written: nobody else knows of it. */
async function inCheckout(of: Preparation, open: () => Promise<Sandbox | null>): Promise<Sandbox | null> {
  let opened: Sandbox | null = null;
  const hold = async (): Promise<Sandbox | null> => (opened = await open());
  try {
    return await of.turn.phase('checkout', hold);
  } catch (error) {
    await (opened as Sandbox | null)?.detach();
    throw error;
  }
}

/** With the commit checked out; null when the snapshot is not there any more. */
async function openFrom(of: Preparation, { snapshot, sha }: Start): Promise<Sandbox | null> {
  return inCheckout(of, async () => {
    // It will be fetched from: both take their time.
    if (sha !== of.startSha) void of.origin();
    let sandbox: Sandbox;
    try {
      sandbox = await openAgents(of, snapshot);
    } catch (error) {
      const isGone = error instanceof CodexError && error.code === 'imageMissing' && snapshot !== undefined;
      if (isGone) return null;
      throw error;
    }
    try {
      await checkOut(sandbox, of);
      return sandbox;
    } catch (error) {
      await sandbox.detach();
      // What could not be copied could not be fetched either, and says why.
      if (error instanceof CodexError && error.code === 'gitFailed') await of.origin();
      throw error;
    }
  });
}

async function openAgents(of: Preparation, snapshot: string | undefined): Promise<Sandbox> {
  const { turn, parts } = of;
  const sandbox = await openSandbox(of, roleOf(turn), snapshot);
  sandbox.serve('origin', (stream) => {
    stream.on('error', () => stream.destroy());
    of.origin().then(
      () => parts.repos.serveOrigin(turn.task.id, stream),
      () => stream.destroy(),
    );
  });
  return sandbox;
}

async function maintain(
  of: Preparation,
  sandbox: Sandbox,
  script: Start['maintenance'] & object,
): Promise<void> {
  await of.turn.phase('maintenance', async () => {
    // No secret ever gets into an agent's sandbox: with any to give, `setup/` has done this already.
    // Of several attempts each does it, and says so as something of its own.
    const mine = of.attempt > 1 ? `-attempt${of.attempt}` : '';
    const callId = `${script.callId}${mine}-${of.turn.generation}`;
    const failed = await runScripts(of, sandbox, [{ ...script, callId }], []);
    if (failed?.written) await parkFailed(of, sandbox);
    if (failed) await reportFailure(of, failed);
  });
}

/** Not marked as finished, it is made anew by a retry; until then a person can look around in it. */
async function parkFailed({ turn, attempt, environment }: Preparation, sandbox: Sandbox): Promise<void> {
  const untilMs = Date.now() + environment.settings.parkedMs;
  await sandbox.stopAll();
  await sandbox.park(untilMs);
  await turn.emit({ code: 'sandbox.parked', attempt, params: { untilMs } });
}

async function checkOut(sandbox: Sandbox, { turn, startSha }: Preparation): Promise<void> {
  const { repo } = turn.task;
  const branch = await originBranch(repo.branch);
  // A snapshot of local changes lies uncommitted on the person's own commit, as in their folder; a
  // result of an earlier turn lies on that same commit.
  const onto = repo.headSha ?? repo.sha;
  await sandbox.checkout({
    sha: startSha,
    branch,
    ...(onto === startSha ? {} : { asUncommitted: onto }),
    ...(sandbox.how === 'prepared' ? { keep: true } : {}),
  });
}
