/**
 * The setup's own sandbox: opened, given the commit, its scripts run; then ended with everything in it,
 * its runner too, and looked through for secrets. What comes back is dead: its files can be kept as a
 * snapshot, and nothing that ever knew a secret is alive.
 *
 * When a script fails the sandbox stays, stopped, so that a person can look around in it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CodexError } from '../../../protocol/errors.ts';
import { USUAL_PLACES } from '../../../protocol/places.ts';
import type { CheckoutOptions, Sandbox } from '../../sandbox/sandbox.ts';
import { stopReason } from '../../tasks/turn-context.ts';
import { sorted } from '../environment.ts';
import { openSandbox, type Preparation } from '../preparation.ts';
import { findSecrets } from './scan.ts';
import type { Script } from './run-script.ts';
import { runScripts, type FailedScript } from './scripts.ts';

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
  const { sandbox, run: joined } = await openFresh(of, work);
  const { name, home } = sandbox;
  let failed: FailedScript | null;
  try {
    sandbox.serve('origin', (stream) => parts.repos.serveOrigin(work.origin, stream));
    const run = joined ?? turn.generation;
    if (joined === null) {
      await sandbox.checkout(work.commit);
      await writeMark(sandbox, { work: identityOf(of, work), run });
    }
    failed = await runScripts(of, sandbox, asRun(work, run), environment.secrets);
    if (!failed?.written) await tidyUp(sandbox, work);
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

/**
 * What the scripts made of tracked files goes now, once, and not at every start from here. Should it fail,
 * each start does it for itself.
 */
async function tidyUp(sandbox: Sandbox, { commit }: SetupWork): Promise<void> {
  try {
    await sandbox.stopAll();
    await sandbox.checkout({ ...commit, keep: true, last: true });
  } catch (error) {
    if (!(error instanceof CodexError) || error.code !== 'gitFailed') throw error;
  }
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

/** New, or, with its run, the one in which this very work is under way: the backend was started again. */
async function openFresh(
  of: Preparation,
  work: SetupWork,
): Promise<{ sandbox: Sandbox; run: number | null }> {
  const sandbox = await openSandbox(of, 'setup', work.snapshot);
  if (sandbox.how === 'new' || sandbox.how === 'prepared') return { sandbox, run: null };
  const run = sandbox.how === 'parked' ? await underWay(of, sandbox, work) : null;
  if (run !== null) return { sandbox, run };
  await sandbox.detach();
  await of.parts.driver.remove(sandbox.name);
  return { sandbox: await openSandbox(of, 'setup', work.snapshot), run: null };
}

/** What is done in a setup's sandbox, and which owner of the turn began it: what a retry runs is told anew. */
const Mark = z.object({ work: z.string(), run: z.number().int() });
const MARK_MAX_BYTES = 1024;

const markPath = ({ places = USUAL_PLACES }: Sandbox) => `${places.run}/setup.json`;

async function writeMark(sandbox: Sandbox, mark: z.infer<typeof Mark>): Promise<void> {
  await sandbox.put(markPath(sandbox), Buffer.from(JSON.stringify(mark)));
}

function asRun({ scripts }: SetupWork, run: number): Script[] {
  return scripts.map((script) => ({ ...script, callId: `${script.callId}-${run}` }));
}

/** Null when something else was begun there, or a script has failed. */
async function underWay(of: Preparation, sandbox: Sandbox, work: SetupWork): Promise<number | null> {
  const bytes = await sandbox.get(markPath(sandbox), MARK_MAX_BYTES);
  if (!bytes) return null;
  const mark = Mark.safeParse(asJson(bytes));
  if (!mark.success || mark.data.work !== identityOf(of, work)) return null;
  const { run } = mark.data;
  for (const { callId } of asRun(work, run)) {
    const state = await sandbox.find(callId);
    if (typeof state !== 'string' && (state.end !== 'exited' || state.exitCode !== 0)) return null;
  }
  return run;
}

function asJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

/** All that decides what its scripts do; what a person changed meanwhile is other work. */
function identityOf({ environment }: Preparation, { snapshot, origin, commit, scripts }: SetupWork): string {
  const { settings, secrets } = environment;
  const parts = [
    ...[settings.image, snapshot ?? null, origin, commit, scripts.map(({ text }) => text)],
    ...[settings.workdir, sorted(settings.versions), sorted(settings.variables)],
    secrets.map(({ name, id }) => `${name} ${id}`).sort(),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
