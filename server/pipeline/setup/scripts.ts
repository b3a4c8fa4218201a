/**
 * Setup and maintenance scripts in a sandbox, one after the other up to the first that fails: with the
 * setup's internet access, the environment's variables and, where they may have them, the secrets.
 */
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { OpenSecret } from '../../secrets/types.ts';
import { variablesOf } from '../environment.ts';
import { openInternet } from '../internet.ts';
import type { Preparation } from '../preparation.ts';
import { shellEnvironment } from '../../sandbox/shell-env.ts';
import { runScript, setupFailed, type Script, type ScriptFailure } from './run-script.ts';

export interface FailedScript extends ScriptFailure {
  written: boolean;
}

export async function runScripts(
  { turn, attempt, environment, parts, rooms }: Preparation,
  sandbox: Sandbox,
  scripts: readonly Script[],
  secrets: readonly OpenSecret[],
): Promise<FailedScript | null> {
  if (scripts.length === 0) return null;
  const { settings, redactor } = environment;
  const internet = await openInternet(parts.proxy, rooms, turn, attempt, 'setup', sandbox, redactor);
  try {
    const asked = `env-${scripts[0]?.callId ?? 'setup'}-${turn.generation}`;
    const env = {
      ...(await shellEnvironment(sandbox, asked, turn.signal)),
      ...variablesOf(settings),
      ...Object.fromEntries(secrets.map(({ name, value }) => [name, value])),
      ...internet.variables(),
    };
    const cwd = settings.workdir === '' ? sandbox.workdir : `${sandbox.workdir}/${settings.workdir}`;
    const timeoutMs = settings.setupTimeoutMs;
    for (const script of scripts) {
      const failed = await runScript(turn, sandbox, attempt, redactor, { ...script, cwd, env, timeoutMs });
      if (failed) return { ...failed, written: script.written };
    }
    return null;
  } finally {
    await internet.close();
  }
}

/** A script that a person wrote ends the turn; an automatic one was a guess, and the agent can go on. */
export async function reportFailure({ turn, attempt }: Preparation, failure: FailedScript): Promise<void> {
  if (failure.written) throw setupFailed(failure);
  const { exitCode, hint, tail } = failure;
  await turn.emit({
    code: 'warning',
    attempt,
    params: { code: 'automaticSetupFailed', params: { exitCode, hint, tail } },
  });
}
