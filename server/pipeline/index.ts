/**
 * One turn, in order: setup → checkout → maintenance → agent → patch; what an environment does not need
 * is left out. Of several attempts each has its own of these, but for the setup, which they share.
 *
 * The pipeline owns nothing that a crash would lose: the task's rows, the agent's history and the
 * sandbox are elsewhere, so the next owner of the turn runs this from the top and goes on where the
 * last one stopped. A cancelled or failed agent still hands back what is there as a patch. A sandbox
 * that is lost is opened again a few times; a turn that is no longer ours is left exactly as it is.
 */
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import { NO_USAGE } from '../../protocol/events.ts';
import { runAgent } from '../agent/loop.ts';
import type { Log } from '../log.ts';
import type { Repos } from '../repos/repos.ts';
import type { Sandbox, SandboxDriver } from '../sandbox/sandbox.ts';
import type { TurnContext } from '../tasks/turn-context.ts';
import { agentsFilesOf, type OwnersInstructions } from './agents-files.ts';
import { isOurs, sideBySide, type AgentEnd } from './attempts.ts';
import { changeOf, inTheChange } from './review.ts';
import { deliverResult } from './deliver.ts';
import { environmentOf, variablesOf, type ModelFor } from './environment.ts';
import { openInternet, type Internet, type InternetProxy } from './internet.ts';
import type { Preparation } from './preparation.ts';
import { prepareOrigin, prepareSandbox } from './prepare.ts';
import type { Rooms } from './rooms.ts';
import { startOf } from './setup/index.ts';
import { shareStart, type SharedStart } from './start.ts';
import { startNaming } from './title.ts';
import { roomsFor } from './untrusted.ts';
import { shellEnvironment } from '../sandbox/shell-env.ts';

/** How often one turn may lose its sandbox: an agent that keeps killing its runner must end. */
const MAX_SANDBOX_LOSSES = 3;

export interface PipelineParts {
  driver: SandboxDriver;
  repos: Repos;
  modelFor: ModelFor;
  proxy: InternetProxy;
  /** Absent: there are no instructions but the repository's. */
  owner?: OwnersInstructions;
  log?: Pick<Log, 'error'>;
}

/** A `RunTurn`, given the rooms that belong to the data folder. */
export function createRunTurn(parts: PipelineParts): (turn: TurnContext, rooms: Rooms) => Promise<void> {
  return async (turn, allRooms) => {
    const rooms = roomsFor(turn.task, allRooms);
    const [first = 1] = turn.attempts;
    const startSha = turn.baseSha ?? (await turn.newestResult(first)) ?? turn.task.repo.sha;
    await turn.setBase(startSha);
    await turn.setState('preparing');
    const whole = turn.of(0);
    const origin = prepareOrigin(parts.repos, turn, startSha);
    const environment = await environmentOf(whole, first, rooms, parts.repos, parts.modelFor);
    const start: SharedStart = shareStart(
      () => startOf({ ...of, start }),
      async ({ key, snapshot }) => {
        if (key !== undefined && snapshot !== undefined) await rooms.prepared.forget({ key, snapshot });
      },
    );
    const of = { turn: whole, attempt: first, startSha, environment, origin, parts, rooms };
    const naming = startNaming({ ...of, start }, environment.model);
    const run = (attempt: number): Promise<AgentEnd> =>
      runAttempt({ ...of, turn: turn.of(attempt), attempt, start });
    try {
      if (turn.attempts.length > 1) return await sideBySide(turn, run, parts.log);
      // Attempts are compared by what they cost: the title is none of theirs.
      const end = naming.withUsage(await run(first));
      if (end.kind === 'failed') throw end.error;
      if (end.kind === 'cancelled') throw new CodexError('cancelled');
      const { answer, usage, report } = end;
      if (isOurs(turn)) await turn.finish({ answer, usage, ...(report ? { report } : {}) });
    } finally {
      naming.stop();
    }
  };
}

/** From its sandbox to its result. Throws what keeps a result from being taken out. */
async function runAttempt(of: Preparation): Promise<AgentEnd> {
  const { turn } = of;
  let sandbox = await prepareSandbox(of);
  try {
    if (turn.onlySetup)
      return await afterAgent(of, sandbox, { kind: 'answered', answer: '', usage: NO_USAGE });
    await turn.setState('running');
    const end = await turn.phase('agent', async () => {
      for (let losses = 0; ; losses++) {
        const end = await agentPhase(of, sandbox);
        if (!isLoss(end) || losses >= MAX_SANDBOX_LOSSES) return end;
        await turn.emit({ code: 'sandbox.lost', params: { reason: end.error.message } });
        await sandbox.detach();
        sandbox = await prepareSandbox(of, true);
      }
    });
    return isOurs(turn) ? await afterAgent(of, sandbox, end) : end;
  } finally {
    await sandbox.detach();
  }
}

async function agentPhase(
  { turn, attempt, startSha, environment, origin, parts, rooms }: Preparation,
  sandbox: Sandbox,
): Promise<AgentEnd> {
  const { settings, redactor, model, effort } = environment;
  if (!model) throw new CodexError('modelNotConfigured');
  let opened: Internet | undefined;
  const { repo } = turn.task;
  const at = { repoId: repo.repoId, sha: startSha, folder: settings.workdir };
  const agentsFiles = agentsFilesOf(parts.owner, parts.repos, at);
  try {
    const internet = await openInternet(parts.proxy, rooms, turn, attempt, 'agent', sandbox, redactor);
    opened = internet;
    const shell = await shellEnvironment(sandbox, `env-${turn.turn}-${turn.generation}`, turn.signal);
    const env = { ...shell, ...variablesOf(settings), ...sandbox.extraEnv };
    const change = turn.mode === 'review' ? await changeOf(parts.repos, repo, startSha) : undefined;
    // From here on what runs inside may fetch, and the result goes there.
    void origin();
    const outcome = await runAgent({
      mode: turn.mode,
      prompt: redactor.text(turn.prompt),
      turn: turn.turn,
      cacheKey: `${turn.task.id}-${attempt}`,
      model,
      ...(effort ? { effort } : {}),
      sandbox,
      env: () => ({ ...env, ...internet.variables() }),
      internet: internet.level,
      agentsFiles: await agentsFiles,
      change,
      history: turn.history(attempt),
      steering: turn.steering(attempt),
      ...(turn.resumed ? { usageBefore: await turn.usageBefore(attempt) } : {}),
      emit: (...events) => turn.emit(...events),
      outputStored: (itemId) => turn.outputStored(itemId),
      itemEnded: (itemId) => turn.itemEnded(itemId),
      images: turn.images,
      pictures: turn.pictures,
      delta: (itemId, text) => turn.delta(itemId, text),
      limits: settings.limits,
      redactor,
      approve: { policy: settings.approval, desk: turn.approvals(attempt) },
      signal: turn.signal,
    });
    const checked = change ? await inTheChange(parts.repos, { repo, startSha, change }, outcome) : outcome;
    return { kind: 'answered', ...checked };
  } catch (error) {
    if (turn.signal.aborted) return { kind: 'cancelled' };
    return { kind: 'failed', error };
  } finally {
    await opened?.close();
  }
}

/** The result is taken out whatever the agent's end was, which stays what it was. */
async function afterAgent(of: Preparation, sandbox: Sandbox, end: AgentEnd): Promise<AgentEnd> {
  const { turn, attempt, startSha, environment, parts } = of;
  const sandboxIsThere = !sandbox.lost.aborted;
  if (turn.mode === 'code' && !turn.onlySetup && sandboxIsThere) {
    try {
      await turn.phase('patch', () =>
        deliverResult(turn, attempt, startSha, sandbox, parts.repos, environment.redactor),
      );
    } catch (error) {
      // The first failure is what the person needs to hear of.
      if (end.kind === 'answered') throw error;
    }
  }
  if (sandboxIsThere) {
    const untilMs = Date.now() + environment.settings.parkedMs;
    await sandbox.stopAll();
    await sandbox.park(untilMs);
    await turn.emit({ code: 'sandbox.parked', params: { untilMs } });
  }
  return end;
}

/** Its files are there, and the turn can go on with them. */
const LOSSES: ReadonlySet<ErrorCode> = new Set(['sandboxLost', 'outOfMemory']);

function isLoss(end: AgentEnd): end is { kind: 'failed'; error: CodexError } {
  return end.kind === 'failed' && end.error instanceof CodexError && LOSSES.has(end.error.code);
}
