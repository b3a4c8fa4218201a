/**
 * One script (setup or maintenance) in a sandbox: written to a place that no snapshot has, run, and told
 * as a command with its output. A script that was under way when the backend went down is joined.
 */
import { USUAL_PLACES } from '../../../protocol/places.ts';
import type { CommandItem } from '../../../protocol/items.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { untilStopped } from '../../agent/calls.ts';
import { OutputEvents } from '../../agent/output.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { Redactor } from '../../secrets/types.ts';
import type { TurnContext } from '../../tasks/turn-context.ts';
import { failingCommand, hintFor, WRAPPER, type FailingCommand, type Hint } from './script.ts';

/** Of the end of the output: what an error shows, and what tells why it failed. */
const TAIL_BYTES = 4_000;
const TAIL_LINES = 12;
const NOTE_BYTES = 4_096;

export interface ScriptRun {
  by: 'setup' | 'maintenance';
  /** Never the same for two scripts of a task that are run in the same sandbox. */
  callId: string;
  text: string;
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
}

export interface Script extends Pick<ScriptRun, 'by' | 'callId' | 'text'> {
  /** By a person: then its failure ends the turn. */
  written: boolean;
}

export interface ScriptFailure {
  by: 'setup' | 'maintenance';
  exitCode: number;
  hint: Hint;
  tail: string;
  failing: FailingCommand | null;
  timeoutMs: number;
}

/** Null when it went well. Throws `CodexError` cancelled, sandboxLost. */
export async function runScript(
  turn: TurnContext,
  sandbox: Sandbox,
  attempt: number,
  redactor: Redactor,
  script: ScriptRun,
): Promise<ScriptFailure | null> {
  const { callId, cwd, env, timeoutMs } = script;
  const folder = `${(sandbox.places ?? USUAL_PLACES).run}/scripts`;
  const [path, notes] = [`${folder}/${callId}.sh`, `${folder}/${callId}.failed`];
  const before = await sandbox.find(callId);
  if (before === 'unknown') await sandbox.put(path, Buffer.from(`${script.text}\n`), 0o700);
  const command = redactor.text(script.text.trim());
  const item: CommandItem = { type: 'command', id: callId, by: script.by, command, cwd };
  const stored = await turn.outputStored(callId);
  if (stored === null) await turn.emit({ code: 'item.started', attempt, params: { item: shown(item) } });

  const output = new OutputEvents(callId, stored ?? 0, (...events) =>
    turn.emit(...events.map((event) => ({ ...event, attempt }))),
  );
  const redaction = redactor.stream();
  let tail = Buffer.alloc(0);
  const hear = ({ bytes, standsFor }: { bytes: Buffer; standsFor: number }): void => {
    tail = Buffer.concat([tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    output.push({ bytes, standsFor });
  };
  let result: Awaited<ReturnType<Sandbox['run']>>;
  let unsent: Awaited<ReturnType<OutputEvents['end']>>;
  const stop = new AbortController();
  try {
    const run = sandbox.run(
      {
        callId,
        argv: ['bash', '-c', WRAPPER, 'setup', path, notes],
        cwd,
        env,
        timeoutMs,
        maxOutputBytes: turn.limits.commandOutputBytes,
      },
      { onOutput: (bytes) => hear(redaction.push(bytes)), signal: stop.signal },
    );
    // One that goes on without us keeps back what may be the beginning of a secret.
    result = await untilStopped(run, turn.signal, stop);
    hear(redaction.end());
  } finally {
    unsent = await output.end();
    const events = unsent.map((event) => ({ ...event, attempt }));
    if (events.length > 0) await turn.emit(...events).catch(() => undefined);
  }
  const { end, exitCode, durationMs, outputBytes, droppedBytes } = result;
  const limit = (name: string, value: number) =>
    ({ code: 'limit.reached', attempt, params: { limit: name, value, itemId: callId } }) as const;
  await turn.emit(
    ...(droppedBytes > 0 ? [limit('commandOutputBytes', turn.limits.commandOutputBytes)] : []),
    ...(end === 'timedOut' ? [limit('setupTimeoutMs', timeoutMs)] : []),
    {
      code: 'item.completed',
      attempt,
      params: { item: shown({ ...item, end, exitCode, durationMs, outputBytes, droppedBytes }) },
    },
  );
  if (end === 'cancelled') throw new CodexError('cancelled');
  if (end === 'interrupted') throw new CodexError('sandboxLost', { detail: 'it stopped during the setup' });
  if (end === 'exited' && exitCode === 0) return null;
  const note = await sandbox.get(notes, NOTE_BYTES).catch(() => null);
  // What never started printed nothing: why it did not is all there is to say.
  const text = result.reason === undefined ? tail.toString('utf8') : result.reason;
  return {
    by: script.by,
    exitCode,
    hint: hintFor(end, exitCode, text),
    tail: text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n'),
    // Before any of it is cut: what is left of a secret then is not recognised any more.
    failing: failingCommand(redactor.text(note?.toString('utf8') ?? ''), exitCode, text, path),
    timeoutMs,
  };
}

/** A script as an event shows it: its head; the whole of it is the environment's. */
const SHOWN_CHARS = 4_000;

function shown(item: CommandItem): CommandItem {
  const { command } = item;
  return command.length <= SHOWN_CHARS ? item : { ...item, command: `${command.slice(0, SHOWN_CHARS)}\n…` };
}

export function setupFailed({ by, exitCode, hint, tail, failing, timeoutMs }: ScriptFailure): CodexError {
  return new CodexError(
    'setupFailed',
    {
      script: by,
      hint,
      tail,
      exitCode,
      ...(hint === 'timeLimit' ? { timeoutMs } : {}),
      ...(failing && hint !== 'timeLimit'
        ? { line: failing.line, command: failing.command, exitCode: failing.exitCode }
        : {}),
    },
    { detail: `the ${by} script failed with exit code ${exitCode}` },
  );
}
