/**
 * One turn, in order: setup → checkout → maintenance → agent → patch; what an environment does not need
 * is left out.
 *
 * The pipeline owns nothing that a crash would lose: the task's rows, the agent's history and the
 * sandbox are elsewhere, so the next owner of the turn runs this from the top and goes on where the
 * last one stopped. A cancelled or failed agent still hands back what is there as a patch. A sandbox
 * that is lost is opened again a few times; a turn that is no longer ours is left exactly as it is.
 */
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import { NO_USAGE, type Usage } from '../../protocol/events.ts';
import { runAgent } from '../agent/loop.ts';
import type { ModelClient } from '../model/model.ts';
import type { Repos } from '../repos/repos.ts';
import type { Sandbox, SandboxDriver } from '../sandbox/sandbox.ts';
import { stopReason, type TurnContext } from '../tasks/turn-context.ts';
import { deliverResult } from './deliver.ts';
import { environmentOf, variablesOf } from './environment.ts';
import { openInternet, type Internet, type InternetProxy } from './internet.ts';
import type { Preparation } from './preparation.ts';
import { prepareOrigin, prepareSandbox } from './prepare.ts';
import type { Rooms } from './rooms.ts';
import { shellEnvironment } from '../sandbox/shell-env.ts';

/** How often one turn may lose its sandbox: an agent that keeps killing its runner must end. */
const MAX_SANDBOX_LOSSES = 3;

/** The first attempt; several attempts of one task come with their own feature. */
const ATTEMPT = 1;

export interface PipelineParts {
  driver: SandboxDriver;
  repos: Repos;
  /** Throws `CodexError` modelNotConfigured. */
  modelFor(name: string | null): ModelClient;
  proxy: InternetProxy;
}

type AgentEnd =
  | { kind: 'answered'; answer: string; usage: Usage; stoppedBy?: { code: ErrorCode; limit: string } }
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: unknown };

/** A `RunTurn`, given the rooms that belong to the data folder. */
export function createRunTurn(parts: PipelineParts): (turn: TurnContext, rooms: Rooms) => Promise<void> {
  return async (turn, rooms) => {
    if (turn.attempts.length > 1) throw new CodexError('notBuilt', { feature: 'attempts' });
    const model = parts.modelFor(turn.task.model);
    const startSha = turn.baseSha ?? (await turn.newestResult(ATTEMPT)) ?? turn.task.repo.sha;
    await turn.setBase(startSha);
    await turn.setState('preparing');
    const origin = prepareOrigin(parts.repos, turn, startSha);
    const environment = await environmentOf(turn, ATTEMPT, rooms, parts.repos);
    const of: Preparation = { turn, attempt: ATTEMPT, startSha, environment, origin, parts, rooms };
    let sandbox = await prepareSandbox(of);
    try {
      if (turn.onlySetup)
        return await afterAgent(of, sandbox, { kind: 'answered', answer: '', usage: NO_USAGE });
      await turn.setState('running');
      const end = await turn.phase('agent', async () => {
        for (let losses = 0; ; losses++) {
          const end = await agentPhase(of, sandbox, model);
          if (!isLoss(end) || losses >= MAX_SANDBOX_LOSSES) return end;
          await turn.emit({ code: 'sandbox.lost', params: { reason: end.error.message } });
          await sandbox.detach();
          sandbox = await prepareSandbox(of, true);
        }
      });
      if (isOurs(turn)) await afterAgent(of, sandbox, end);
    } finally {
      await sandbox.detach();
    }
  };
}

async function agentPhase(
  { turn, environment, origin, parts, rooms }: Preparation,
  sandbox: Sandbox,
  model: ModelClient,
): Promise<AgentEnd> {
  const { settings, redactor } = environment;
  let opened: Internet | undefined;
  try {
    const internet = await openInternet(parts.proxy, rooms, turn, ATTEMPT, 'agent', sandbox, redactor);
    opened = internet;
    const shell = await shellEnvironment(sandbox, `env-${turn.turn}-${turn.generation}`, turn.signal);
    const env = { ...shell, ...variablesOf(settings), ...sandbox.extraEnv };
    // From here on what runs inside may fetch, and the result goes there.
    void origin();
    const outcome = await runAgent({
      mode: turn.mode,
      prompt: redactor.text(turn.prompt),
      turn: turn.turn,
      cacheKey: `${turn.task.id}-${ATTEMPT}`,
      model,
      sandbox,
      env: () => ({ ...env, ...internet.variables() }),
      internet: internet.level,
      history: turn.history(ATTEMPT),
      emit: (...events) => turn.emit(...events),
      outputStored: (itemId) => turn.outputStored(itemId),
      itemEnded: (itemId) => turn.itemEnded(itemId),
      delta: (itemId, text) => turn.delta(itemId, text),
      limits: settings.limits,
      redactor,
      approve: { policy: settings.approval, desk: turn.approvals(ATTEMPT) },
      signal: turn.signal,
    });
    return { kind: 'answered', ...outcome };
  } catch (error) {
    if (turn.signal.aborted) return { kind: 'cancelled' };
    return { kind: 'failed', error };
  } finally {
    await opened?.close();
  }
}

/** The result is taken out whatever the agent's end was, then the turn is told to end that way. */
async function afterAgent(of: Preparation, sandbox: Sandbox, end: AgentEnd): Promise<void> {
  const { turn, startSha, environment, parts } = of;
  const sandboxIsThere = !sandbox.lost.aborted;
  if (turn.mode === 'code' && !turn.onlySetup && sandboxIsThere) {
    try {
      await turn.phase('patch', () =>
        deliverResult(turn, ATTEMPT, startSha, sandbox, parts.repos, environment.redactor),
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
  if (end.kind === 'failed') throw end.error;
  if (end.kind === 'cancelled') throw new CodexError('cancelled');
  await turn.finish({ answer: end.answer, usage: end.usage });
}

/** False once the turn has another owner, or will have one after a restart: then nothing is touched. */
function isOurs(turn: TurnContext): boolean {
  const reason = stopReason(turn.signal);
  return reason === null || reason === 'cancelled';
}

/** Its files are there, and the turn can go on with them. */
const LOSSES: ReadonlySet<ErrorCode> = new Set(['sandboxLost', 'outOfMemory']);

function isLoss(end: AgentEnd): end is { kind: 'failed'; error: CodexError } {
  return end.kind === 'failed' && end.error instanceof CodexError && LOSSES.has(end.error.code);
}
