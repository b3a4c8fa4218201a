/**
 * The setup's own sandbox: opened, given the commit, its scripts run; then ended with everything in it,
 * its runner too, and looked through for secrets. What comes back is dead: its files can be kept as a
 * snapshot, and nothing that ever knew a secret is alive.
 *
 * When a script fails the sandbox stays, stopped, so that a person can look around in it.
 */
import { CodexError } from '../../../protocol/errors.ts';
import type { CheckoutOptions, Sandbox } from '../../sandbox/sandbox.ts';
import { stopReason } from '../../tasks/turn-context.ts';
import { openSandbox, type Preparation } from '../preparation.ts';
import { findSecrets } from './scan.ts';
import { runScripts, type FailedScript, type Script } from './scripts.ts';

export interface SetupWork {
  /** Absent: the image. */
  snapshot?: string;
  /** Whose repository it is checked out from: the task's, or one with nothing of any task in it. */
  origin: string;
  commit: CheckoutOptions;
  scripts: Script[];
}

export interface SetupDone {
  /** The stopped sandbox. */
  name: string;
  failed: FailedScript | null;
}

/** Throws `CodexError` secretInFiles, cancelled, sandbox…. */
export async function runSetup(of: Preparation, work: SetupWork): Promise<SetupDone> {
  const { turn, environment, parts } = of;
  const { driver } = parts;
  const sandbox = await openFresh(of, work);
  const { name, home } = sandbox;
  let failed: FailedScript | null;
  try {
    sandbox.serve('origin', (stream) => parts.repos.serveOrigin(work.origin, stream));
    if (!(await isUnderWay(sandbox, work))) await sandbox.checkout(work.commit);
    failed = await runScripts(of, sandbox, work.scripts, environment.secrets);
  } catch (error) {
    await sandbox.detach();
    // Somebody else's turn by now, or a backend that comes back: what runs is left to them.
    const reason = stopReason(turn.signal);
    if (reason === null || reason === 'cancelled') await driver.remove(name);
    throw error;
  }
  const untilMs = Date.now() + environment.settings.parkedMs;
  if (failed) await sandbox.park(untilMs);
  await sandbox.detach();
  await driver.stop(name);
  if (failed?.written) await turn.emit({ code: 'sandbox.parked', attempt: of.attempt, params: { untilMs } });
  // What goes on from here is looked through, also after a guess that failed.
  if (!failed?.written) await refuseSecrets(of, name, home);
  return { name, failed };
}

async function refuseSecrets(
  { turn, attempt, environment, parts }: Preparation,
  name: string,
  home: string,
): Promise<void> {
  const { redactor, settings } = environment;
  const found = await findSecrets(parts.driver, name, redactor, settings.allowSecretsIn, home, turn.signal);
  const [first] = found;
  if (!first) return;
  await turn.emit(...found.map((params) => ({ code: 'secret.found', attempt, params }) as const));
  await parts.driver.remove(name);
  throw new CodexError('secretInFiles', { name: first.name, path: first.path });
}

/** New, or the one of this very turn in which the scripts are under way. */
async function openFresh(of: Preparation, work: SetupWork): Promise<Sandbox> {
  const sandbox = await openSandbox(of, 'setup', work.snapshot);
  if (sandbox.how === 'new' || sandbox.how === 'prepared') return sandbox;
  if (await isUnderWay(sandbox, work)) return sandbox;
  await sandbox.detach();
  await of.parts.driver.remove(sandbox.name);
  return openSandbox(of, 'setup', work.snapshot);
}

/** The backend was started again meanwhile: the first script runs, or has run well. */
async function isUnderWay(sandbox: Sandbox, { scripts }: SetupWork): Promise<boolean> {
  const [first] = scripts;
  if (!first || sandbox.how !== 'parked') return false;
  const state = await sandbox.find(first.callId);
  if (typeof state === 'string') return state === 'running';
  return state.end === 'exited' && state.exitCode === 0;
}
